"""The study of feature maps: from the command line to the report, any image, and refusing what it cannot do."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.analysis.feature_maps import FeatureMaps
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.data import load_dataset
from scarlet_tf.data.folder import load_folder
from scarlet_tf.data.preprocessing import CIFAR10
from scarlet_tf.errors import InputError
from scarlet_tf.export.description import Preprocessing
from scarlet_tf.studies.features import FeaturesConfig, ShownImage, SkipMap, check_one_dataset, conclusions, finding
from scarlet_tf.studies.supernets import StudySupernet, given_supernets, planned_supernets
from scarlet_tf.train.config import STABILIZERS, TrainConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tiny(mini_files):
    """What makes the study's training take seconds."""
    return (
        f"--space={mini_files / 'space.json'}",
        "--dataset=synthetic",
        "--image_size=16",
        "--steps=20",
        "--strategy=cpu",
        "--channels=4",
    )


@pytest.fixture(scope="module")
def trained(run_command, tiny, tmp_path_factory):
    """What `--quick`, reduced to seconds, prints, and the workdir it leaves."""
    workdir = tmp_path_factory.mktemp("features") / "study"
    done = run_command("analyze", "features", "--quick", *tiny, f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    return done.stdout, workdir


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A PNG of 40 x 30 pixels."""
    path = tmp_path_factory.mktemp("picture") / "picture.png"
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    path.write_bytes(tf.io.encode_png(pixels).numpy())
    return path


def numbers(workdir: Path) -> dict:
    return json.loads((workdir / "numbers.json").read_text())


def test_quick_trains_both_and_reports(trained):
    printed, workdir = trained
    found = numbers(workdir)
    assert (found["slot"], found["choices"]) == (1, ["E2 K3", "E3 K3 SE", "skip"])
    assert found["image"] == "test image 0 of synthetic"
    assert found["label"] == "waves_0x1"
    assert list(found["maps"]) == ["fair_skip_0", "fair_els_0"]
    for maps in found["maps"].values():
        assert len(maps["norms"]) == 3
        np.testing.assert_allclose(np.diag(maps["cosines"]), 1)
        assert len(maps["drawn_channels"]) == 4
    assert found["maps"]["fair_skip_0"]["norms"] != found["maps"]["fair_els_0"]["norms"]
    config = json.loads((workdir / "fair_els_0" / "config.json").read_text())
    assert (config["optimizer"], config["batch_size"], config["stabilizer"]) == ("adamw", 32, "els")
    assert "(features.png)" in (workdir / "report.md").read_text()
    assert (workdir / "features.png").stat().st_size > 10_000
    assert "settles nothing" in printed.replace("\n", " ")


def test_numbers_are_those_of_the_supernet_on_the_test_image(trained):
    from scarlet_tf.models import load_supernet

    _, workdir = trained
    image, _ = next(load_dataset("synthetic").evaluation_batches("test", 1, 16).as_numpy_iterator())
    maps = FeatureMaps.of(load_supernet(workdir / "fair_els_0"), image[0], slot=1)
    found = numbers(workdir)["maps"]["fair_els_0"]
    np.testing.assert_allclose(found["norms"], maps.norms, rtol=1e-4)
    np.testing.assert_allclose(found["cosines"], maps.cosines, atol=1e-5)
    assert found["drawn_channels"] == maps.strongest_channels(0, 4).tolist()


def test_another_image_and_slot_are_drawn_without_training_anew(trained, run_command, tiny, picture, digest, tmp_path):
    _, workdir = trained
    before = digest(workdir / "fair_els_0")
    given = f"--supernets={workdir / 'fair_els_0'}"
    done = run_command(
        "analyze", "features", given, f"--image={picture}", "--slot=2", f"--workdir={tmp_path / 'study'}"
    )
    assert done.returncode == 0, done.stderr
    found = numbers(tmp_path / "study")
    assert (found["image"], found["label"], found["slot"]) == ("picture.png", None, 2)
    assert list(found["maps"]) == ["fair_els_0"]
    assert digest(workdir / "fair_els_0") == before
    assert "plain skip:" not in done.stdout


def test_flagfile_is_the_papers_size():
    lines = (ROOT / "flags" / "analyze_features.flags").read_text().splitlines()
    expected = {"--space=s1", "--dataset=imagenet2012", "--image_size=224", "--batch_size=256", "--epochs=60"}
    assert expected | {"--learning_rate=0.045", "--weight_decay=4e-5", "--method=fair"} <= set(lines)
    header = " ".join(line for line in lines if line.startswith("#"))
    for needed in ("analyze features --flagfile=flags/analyze_features.flags", "Needs", "Expect"):
        assert needed in header


def test_flagfile_is_read_and_its_flags_are_known(without_tensorflow, tiny, tmp_path):
    flagfile = f"--flagfile={ROOT / 'flags' / 'analyze_features.flags'}"
    done = without_tensorflow("analyze", "features", flagfile, *tiny, "--slot=9", f"--workdir={tmp_path / 'study'}")
    assert done.returncode == 2
    assert "--slot must be from 0 to 2, a slot of mini. Received: 9" in done.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--channels=13",), "--channels must be from 1 to 12, the channels of slot 1"),
        (("--image_index=500",), "--image_index must be from 0 to 499, a test image of synthetic. Received: 500"),
        (("--image=nowhere.png",), "--image must be a JPEG or PNG file. Received: nowhere.png"),
        (("--image=nowhere.png", "--image_index=1"), "--image_index must be left out with --image"),
        (("--image={text}",), "--image must be a whole JPEG or PNG image"),
        (("--supernets=elsewhere", "--seed=1"), "--space must be left out with --supernets"),
    ],
)
def test_bad_flags_end_in_a_line_and_change_nothing(flags, said, run_command, tiny, tmp_path):
    text = tmp_path / "text.png"
    text.write_text("no picture")
    flags = [flag.format(text=text) for flag in flags]
    done = run_command("analyze", "features", *tiny, f"--workdir={tmp_path / 'study'}", *flags)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["text.png"]


def test_no_supernet_is_refused():
    with pytest.raises(InputError, match="--supernets must name at least one"):
        given_supernets([], STABILIZERS, all_needed=False)


def test_a_file_is_fed_as_the_evaluation_pipeline_feeds_it(tmp_path, picture):
    for split in ("train", "val"):
        for name in ("a", "b"):
            directory = tmp_path / split / name
            directory.mkdir(parents=True)
            for index in range(2):
                (directory / f"{index}.png").write_bytes(picture.read_bytes())
    dataset = load_folder(str(tmp_path))
    from_dataset = ShownImage.of_dataset(dataset, 1, 16)
    from_file = ShownImage.of_file(picture, Preprocessing.of_dataset(dataset, 16))
    np.testing.assert_allclose(from_file.fed, from_dataset.fed, atol=1e-5)
    assert from_file.pixels.shape == (16, 16, 3)
    assert 0 <= from_file.pixels.min() < from_file.pixels.max() <= 1
    assert (from_file.name, from_dataset.label) == ("picture.png", "b")


def test_pixels_shown_are_those_of_the_file(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    path = tmp_path / "small.png"
    path.write_bytes(tf.io.encode_png(pixels).numpy())
    shown = ShownImage.of_file(path, Preprocessing(16, "whole", CIFAR10))
    np.testing.assert_allclose(shown.pixels, pixels / 255, atol=1e-6)


def test_supernets_of_different_images_are_refused(mini_space):
    one = StudySupernet(Path("one"), TrainConfig("synthetic", 16, space=mini_space))
    other = StudySupernet(Path("other"), TrainConfig("cifar10", 16, space=mini_space))
    check_one_dataset([one, one])
    with pytest.raises(InputError, match=r"--supernets must be trained on one dataset.* other on cifar10"):
        check_one_dataset([one, other])


def made_up(space, towards: float) -> FeatureMaps:
    """Blocks alike but for noise; the skip as like them as `towards` makes it."""
    rng = np.random.default_rng(0)
    slot = space.slots[1]
    common = rng.normal(size=(4, 4, slot.filters))
    maps = common + 0.5 * rng.normal(size=(space.num_choices, 4, 4, slot.filters))
    maps[space.skip_index] = towards * common + rng.normal(size=common.shape)
    return FeatureMaps(maps)


@pytest.mark.parametrize(("els", "said"), [(1.0, "more like the others, as in"), (-1.0, "no more like the others")])
def test_conclusions_follow_the_numbers(mini_space, els, said):
    config = FeaturesConfig(mini_space, 1)
    base = TrainConfig("synthetic", 16, space=mini_space)
    supernets = planned_supernets(base, "work", ("skip", "els"), ["fair"], [0])
    image = ShownImage(np.zeros((16, 16, 3), np.float32), np.zeros((16, 16, 3)), "made up")
    maps = [made_up(mini_space, 0.0), made_up(mini_space, els)]
    found = finding(supernets, maps, image, config)
    assert said in found.conclusions
    assert len(found.rows) == 6
    assert found.rows[5][:2] == ["fair_els_0", "skip"]
    assert found.rows[5][2] == f"{maps[1].norms[2]:.4g}"
    assert float(found.rows[5][4]) == pytest.approx(maps[1].cosines[2, :2].mean(), abs=1e-3)
    alone = finding(supernets[1:], maps[1:], image, config)
    assert "With ELS" not in alone.conclusions


def test_skip_is_compared_with_the_blocks_by_hand(mini_space):
    maps = np.zeros((3, 1, 1, 12))
    maps[0, 0, 0, :2] = [3, 4]
    maps[1, 0, 0, :2] = [3, -4]
    maps[2, 0, 0, 0] = 2
    skip = SkipMap.of(FeatureMaps(maps), mini_space)
    assert skip.to_blocks == pytest.approx(0.6)
    assert skip.among_blocks == pytest.approx((9 - 16) / 25)
    assert skip.norm_ratio == pytest.approx(0.4)


def test_a_projection_and_a_space_without_skip_are_named(mini_space):
    macro = FeaturesConfig(get_space("nas_bench_macro"), 2)
    assert "say nothing about ELS" in conclusions({"fair_els_0": SkipMap(0.1, 0.2, 1.0)}, [], macro)
    plain = type(mini_space).from_dict(mini_space.to_dict() | {"choices": list(mini_space.choices[:2])})
    assert SkipMap.of(FeatureMaps(np.ones((2, 1, 1, 12))), plain) is None
    assert "no skip beside other choices" in conclusions({}, [], FeaturesConfig(plain, 1))
