import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.export_parity import Outcome, checks, networks
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.export.description import Preprocessing
from scarlet_tf.export.settings import ExportSettings


def entry(error, same, size, quantize="none", leftovers=()):
    return {
        "quantize": quantize,
        "max_rel_error": error,
        "top1_agreement": {"count": same, "of": 1000},
        "bytes": size,
        "accuracy": 0.5,
        "training_leftovers": list(leftovers),
    }


def outcome(**entries):
    return Outcome("net", 1000, 0.5, entries)


def failing(*outcomes):
    return [check.what for check in checks(outcomes) if not check.holds]


def test_published_networks_are_exported_in_their_space_and_genotypes_are_those_of_the_seed(mini_space):
    found = networks(get_space("s2"), 2, published=True, seed=3)
    assert [named.name for named in found] == ["scarlet_a", "scarlet_b", "scarlet_c", "random_0", "random_1"]
    assert found == networks(get_space("s2"), 2, published=True, seed=3)
    assert [named.name for named in networks(mini_space, 1, published=True, seed=0)] == ["random_0"]
    assert len(networks(get_space("s2"), 1, published=False, seed=0)) == 1


def test_good_exports_pass():
    good = outcome(
        tflite=entry(9e-5, 1000, 4049), tflite_fp16=entry(9e-3, 995, 2024, "fp16"), onnx=entry(1e-6, 1000, 9000)
    )
    assert failing(good) == []


@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ({"tflite": entry(2e-4, 1000, 4000)}, "tflite: max rel error"),
        ({"tflite": entry(1e-5, 999, 4000)}, "tflite: same top-1"),
        ({"tflite": entry(1e-5, 1000, 4060)}, "tflite: bytes a parameter"),
        ({"tflite_fp16": entry(2e-2, 1000, 2000, "fp16")}, "tflite_fp16: max rel error"),
        ({"tflite_fp16": entry(1e-3, 994, 2000, "fp16")}, "tflite_fp16: same top-1"),
        ({"tflite_fp16": entry(1e-3, 1000, 2030, "fp16")}, "tflite_fp16: bytes a parameter"),
        ({"onnx": entry(float("nan"), 1000, 4000)}, "onnx: max rel error"),
        ({"savedmodel": entry(0.0, 1000, 4000, leftovers=["RandomUniform"])}, "no operator that only training needs"),
    ],
)
def test_each_fault_fails_its_check(entries, what):
    good = outcome(tflite=entry(9e-5, 1000, 4049), tflite_fp16=entry(9e-3, 1000, 2024, "fp16"), onnx=entry(0, 1000, 1))
    (found,) = failing(good, outcome(**entries))
    assert found.startswith(what)


def test_export_that_failed_fails():
    (found,) = failing(Outcome("net", 1000, failures={"onnx": "broken"}))
    assert found == "the exporter lets every artifact pass"


def test_networks_of_a_supernet_are_exported_and_found_equal(mini_supernet, tmp_path):
    root = Path(__file__).parents[2]
    flags = ["--genotypes=2", "--images=60", "--format=tflite,keras", f"--output_dir={tmp_path / 'kept'}"]
    command = [sys.executable, "-m", "benchmarks.export_parity", f"--supernet={mini_supernet}", *flags]
    command += [f"--output={tmp_path / 'found.json'}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["images"] == "60 test images of synthetic"
    assert [network["name"] for network in found["networks"]] == ["random_0", "random_1"]
    for network in found["networks"]:
        assert network["refused"] is None
        assert set(network["entries"]) == {"tflite", "tflite_fp16", "keras"}
        assert (tmp_path / "kept" / network["name"] / "model_fp16.tflite").stat().st_size > 0
        assert network["entries"]["keras"]["accuracy"] == network["accuracy"]
        assert network["entries"]["tflite"]["max_rel_error"] < 1e-4
    # so small that headers weigh more than parameters: the size is what fails, and nothing else
    assert done.returncode == 1
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert failed
    assert all("bytes a parameter" in line for line in failed)


def test_format_that_fails_is_known_and_the_others_are_exported(monkeypatch, tmp_path, mini_arch):
    from benchmarks.export_parity import Exporter
    from scarlet_tf.export import run
    from scarlet_tf.export.certificate import ParityError

    asked = []

    def export(named, loaded, settings, output_dir, examples, description, representative):
        formats, quantize = settings.formats, settings.quantize
        asked.append((list(formats), list(quantize)))
        if "tflite" in formats and "fp16" in quantize:
            raise ParityError("too far")
        names = [name if name != "tflite" or how == "none" else f"{name}_{how}" for name in formats for how in quantize]
        return {"removals": [], "formats": {name: {"file": name} for name in names}}

    monkeypatch.setattr(run, "export", export)
    found = Outcome("net", 1000)
    exporter = Exporter(
        None, None, ExportSettings(["onnx", "tflite"], ["none", "fp16"]), Preprocessing(28), ("a", "b"), None
    )
    exporter._certified(mini_arch, None, tmp_path, found)
    assert asked == [
        (["onnx", "tflite"], ["none", "fp16"]),
        (["onnx"], ["none"]),
        (["tflite"], ["none"]),
        (["tflite"], ["fp16"]),
    ]
    assert set(found.entries) == {"onnx", "tflite"}
    assert found.failures == {"tflite_fp16": "too far"}
