"""The kit as files: what is in them, that they run, and that a stopped kit goes on."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from scarlet_tf.errors import InputError
from scarlet_tf.export.operators import operators
from scarlet_tf.latency.kit import Kit, network_file, random_networks


def loaded(path):
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    return interpreter


def run(path, x):
    interpreter = loaded(path)
    (given,), (returned,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(given["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(returned["index"])


def test_manifest_says_what_each_file_is(kit_dir, mini_kit):
    assert Kit.read(kit_dir) == mini_kit
    manifest = json.loads((kit_dir / "kit.json").read_text())
    files = {entry["file"] for key in ("parts", "networks") for entry in manifest[key]}
    assert files == {path.name for path in kit_dir.glob("*.tflite")}
    assert files == set((kit_dir / "files.txt").read_text().split())
    places = [tuple(place) for entry in manifest["parts"] for place in entry["places"]]
    assert sorted(places) == sorted(mini_kit.parts().blocks)
    for entry in manifest["parts"]:
        (x,) = loaded(kit_dir / entry["file"]).get_input_details()
        assert (x["name"], x["shape"].tolist(), x["dtype"]) == ("x", entry["input_shape"], np.float32)


def test_parts_of_a_network_run_one_after_the_other(kit_dir, mini_kit):
    rng = np.random.default_rng(0)
    for genotype in [*mini_kit.networks, (2, 2, 2), (2, 0, 2), (2, 2, 1)]:
        x = rng.normal(size=(1, 16, 16, 3)).astype(np.float32)
        for part in mini_kit.parts().of(genotype):
            assert x.shape == part.input_shape
            x = run(kit_dir / part.file, x)
        assert x.shape == (1, mini_kit.num_classes)
        assert np.isfinite(x).all()


def test_parts_have_the_operators_of_the_network_they_make_up(kit_dir, mini_kit):
    assert len({len(mini_kit.parts().of(genotype)) for genotype in mini_kit.networks}) > 1
    for index, genotype in enumerate(mini_kit.networks):
        summed = Counter()
        for part in mini_kit.parts().of(genotype):
            summed.update(operators(kit_dir / part.file))
        assert summed == operators(kit_dir / network_file(index))


def test_what_a_stopped_kit_left_is_kept_and_the_rest_is_made(kit_dir, kit_flags, run_command, tmp_path):
    kit = tmp_path / "kit"
    shutil.copytree(kit_dir, kit)
    gone = ["stem-16x3-s2-8.tflite", network_file(5), "files.txt", "measure_here.py"]
    for file in gone:
        (kit / file).unlink()
    kept = {path: path.stat().st_mtime_ns for path in kit.glob("*.tflite")}
    done = run_command(*kit_flags, "--networks=7", f"--output_dir={kit}")  # and one network more than before
    assert done.returncode == 0, done.stderr
    assert "7 networks, 3 of these files written" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list(kit.glob("*.tflite"))) == len(kept) + 3
    assert all((kit / file).exists() for file in gone)
    assert not [path.name for path in kit.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--image_size=32", ["--output_dir", "--image_size"]),
        ("--num_classes=6", ["--output_dir", "--num_classes"]),
        ("--seed=1", ["--output_dir", "--seed"]),
        ("--space=small", ["--output_dir", "--space"]),
        ("--image_size=3", ["--image_size must be at least 4", "3"]),
        ("--networks=-1", ["--networks", "-1"]),
        ("--space=s9", ["'s9'"]),
    ],
)
def test_a_kit_of_something_else_is_refused_and_nothing_changed(kit_dir, kit_flags, run_command, digest, flag, words):
    before = digest(kit_dir)
    more = ["--image_size=28"] if flag == "--space=small" else []
    done = run_command(*kit_flags, flag, *more, f"--output_dir={kit_dir}")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert digest(kit_dir) == before


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"space": None}, "keys"),
        ({"space": "s9"}, "s9"),
        ({"image_size": "16"}, "whole numbers"),
        ({"image_size": 3}, "image_size must be at least 4"),
        ({"networks": [{"genotype": [0, 3, 0]}]}, "3 at slot 1"),
        ({"networks": [{}]}, "genotype"),
        ({"networks": 3}, "int"),
    ],
)
def test_a_damaged_manifest_is_refused(mini_kit, tmp_path, changes, word):
    data = {key: value for key, value in (mini_kit.to_dict() | changes).items() if value is not None}
    (tmp_path / "kit.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=word) as caught:
        Kit.read(tmp_path)
    assert "kit.json" in str(caught.value)


def test_networks_of_a_space_without_skips_are_drawn_too(mini_space):
    from scarlet_tf.arch import Choice, SearchSpace

    plain = SearchSpace("plain", mini_space.stem, mini_space.slots, (Choice(2, 3), Choice(3, 3)), mini_space.head)
    networks = random_networks(plain, 30, 0)
    assert {choice for genotype in networks for choice in genotype} == {0, 1}
