import json
import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from scarlet_tf.arch.named import NamedArch, resolve
from scarlet_tf.data import load_dataset
from scarlet_tf.data.imagenet import imagenet_classes
from scarlet_tf.data.preprocessing import CIFAR10, IMAGENET, Normalisation
from scarlet_tf.errors import InputError
from scarlet_tf.export.describe import describe
from scarlet_tf.export.description import Preprocessing
from scarlet_tf.weights import WeightsSource

NAMES = tuple(name for _, name in imagenet_classes())


@pytest.fixture(scope="module")
def synthetic():
    return load_dataset("synthetic")


@pytest.fixture
def workdir(mini_network, tmp_path) -> Path:
    """A copy of a trained network's workdir, to be altered."""
    return Path(shutil.copytree(mini_network, tmp_path / "a network"))


def of_workdir(workdir: Path, named: NamedArch, labels: Path | None = None, dataset=None, num_classes: int = 10):
    return describe(named, WeightsSource.find(named, str(workdir)), dataset, labels, 16, num_classes)


def alter(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_labels_and_preprocessing_are_those_trained_on(workdir, mini_arch, synthetic):
    described = of_workdir(workdir, mini_arch)
    assert described.name == "mini_arch"
    assert described.labels == synthetic.class_names
    assert described.preprocessing == Preprocessing(16, "whole", synthetic.normalisation)


def test_what_the_training_knew_goes_before_a_data_set(workdir, mini_arch, synthetic):
    normalisation = {"mean": [0.1, 0.2, 0.3], "std": [1.0, 2.0, 3.0]}
    labels = [f"fruit {index}" for index in range(10)]
    alter(workdir / "data.json", labels=labels, normalisation=normalisation, resize="centre_crop")
    described = of_workdir(workdir, mini_arch, dataset=synthetic)
    assert described.labels == tuple(labels)
    expected = Normalisation((0.1, 0.2, 0.3), (1.0, 2.0, 3.0))
    assert described.preprocessing == Preprocessing(16, "centre_crop", expected)


def test_given_labels_go_before_all_and_leave_the_preprocessing(workdir, mini_arch, synthetic, tmp_path):
    (tmp_path / "labels.txt").write_text("".join(f"fruit {index}\n" for index in range(10)))
    described = of_workdir(workdir, mini_arch, tmp_path / "labels.txt")
    assert described.labels[9] == "fruit 9"
    assert described.preprocessing.normalisation == synthetic.normalisation


@pytest.mark.parametrize("count", [9, 11])
def test_a_wrong_number_of_labels_is_refused(count, workdir, mini_arch, tmp_path):
    (tmp_path / "labels.txt").write_text("".join(f"fruit {index}\n" for index in range(count)))
    with pytest.raises(InputError, match=rf"^--labels must hold 10 labels[^\n]*labels\.txt, with {count}\.$"):
        of_workdir(workdir, mini_arch, tmp_path / "labels.txt")


def test_workdirs_of_older_versions_name_their_data_set(workdir, mini_arch, synthetic):
    (workdir / "data.json").unlink()
    assert of_workdir(workdir, mini_arch).labels == synthetic.class_names
    alter(workdir / "config.json", dataset="imagenet2012", num_classes=1000)
    described = of_workdir(workdir, mini_arch, num_classes=1000)
    assert (described.labels, described.preprocessing) == (NAMES, Preprocessing(16))


def test_a_training_on_data_that_is_gone_gives_numbers(workdir, mini_arch, synthetic):
    (workdir / "data.json").unlink()
    alter(workdir / "config.json", dataset="folder", data_dir="/not/there")
    described = of_workdir(workdir, mini_arch)
    assert described.labels == tuple("0123456789")
    assert described.preprocessing.normalisation == IMAGENET
    assert of_workdir(workdir, mini_arch, dataset=synthetic).labels == synthetic.class_names
    alter(workdir / "config.json", dataset="cifar10")
    described = of_workdir(workdir, mini_arch)
    assert described.labels == tuple("0123456789")
    assert described.preprocessing == Preprocessing(16, "whole", CIFAR10)


def test_a_data_json_that_is_none_is_refused(workdir, mini_arch):
    (workdir / "data.json").write_text("{}")
    with pytest.raises(InputError, match=r"^[^\n]*data\.json must hold[^\n]*$"):
        of_workdir(workdir, mini_arch)


@pytest.mark.parametrize(("num_classes", "labels"), [(1000, NAMES), (3, ("0", "1", "2"))])
def test_published_weights_are_of_imagenet_where_their_number_is(num_classes, labels, synthetic):
    described = describe(resolve("scarlet_b"), WeightsSource(), synthetic, None, 224, num_classes)
    assert (described.labels, described.preprocessing) == (labels, Preprocessing(224))


def test_provenance_tells_weights_and_settings_but_no_place(workdir, mini_arch, synthetic):
    alter(workdir / "config.json", weights="/home/someone/start.keras", data_dir="/home/someone/data")
    provenance = of_workdir(workdir, mini_arch).provenance
    assert NamedArch.from_dict(provenance["arch"], "provenance") == mini_arch
    weights = provenance["weights"]
    assert (weights["workdir"], weights["step"]) == ("a network", 160)
    assert len(weights["digest"]) == 16
    training = provenance["training"]
    assert {key: training[key] for key in ("dataset", "epochs", "batch_size", "optimizer", "seed", "weights")} == {
        "dataset": "synthetic", "epochs": 4, "batch_size": 50, "optimizer": "sgd", "seed": 0, "weights": "start.keras",
    }  # fmt: skip
    assert provenance["versions"]["tensorflow"] == version("tensorflow")
    text = json.dumps(provenance)
    assert "/home" not in text
    assert str(workdir.parent) not in text


def test_the_digest_is_of_the_weights(workdir, mini_arch):
    before = of_workdir(workdir, mini_arch).provenance["weights"]
    (data,) = (workdir / "checkpoints").glob("step-160.data-*")
    data.write_bytes(data.read_bytes()[:-1] + b"\0")
    assert of_workdir(workdir, mini_arch).provenance["weights"]["digest"] != before["digest"]
    file = describe(mini_arch, WeightsSource(workdir / "model.keras"), None, None, 16, 10).provenance["weights"]
    assert file["file"] == "model.keras"


def test_a_supernet_is_told_as_one(mini_supernet, mini_arch):
    training = of_workdir(mini_supernet, mini_arch).provenance["training"]
    assert (training["trained"], training["method"], training["stabilizer"]) == ("supernet of mini", "fair", "els")
