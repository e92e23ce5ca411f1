import json
from dataclasses import replace

import pytest

from scarlet_tf.data import load_dataset
from scarlet_tf.data.imagenet import imagenet_classes
from scarlet_tf.data.preprocessing import CIFAR10, IMAGENET
from scarlet_tf.errors import InputError
from scarlet_tf.export.description import Description, Preprocessing, read_description, read_labels


def test_json_is_read_as_it_was_written(tiny_description):
    assert Description.from_json(tiny_description.to_json(), "description.json") == tiny_description


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "a", "labels": [], "provenance": {}, "preprocessing": 3}'])
def test_other_json_is_refused(text):
    with pytest.raises(InputError, match=r"^there must hold a network's description[^\n]*$"):
        Description.from_json(text, "there")


def test_description_of_a_savedmodel_is_that_of_its_newest_version(tiny_description, tmp_path):
    for version in (9, 10):
        (tmp_path / str(version) / "assets.extra").mkdir(parents=True)
        (tmp_path / str(version) / "saved_model.pb").touch()
        text = replace(tiny_description, name=f"version {version}").to_json()
        (tmp_path / str(version) / "assets.extra" / "description.json").write_text(text)
    assert read_description(tmp_path).name == "version 10"
    assert read_description(tmp_path / "9").name == "version 9"
    (tmp_path / "10" / "assets.extra" / "description.json").unlink()
    assert read_description(tmp_path) is None


def test_summary_says_what_it_eats(tiny_description):
    said = tiny_description.summary()
    assert said.startswith("Image classifier tiny of 10 classes.")
    assert "28 by 28 pixels" in said
    assert "mean (0.5, 0.25, 0.2) and std (0.2, 0.25, 0.5)" in said


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("synthetic")


@pytest.fixture(scope="module")
def fitting(dataset):
    return Description("fitting", dataset.class_names, Preprocessing.of_dataset(dataset, 16))


def test_what_fits_a_data_set_contradicts_it_in_nothing(fitting, dataset):
    assert fitting.contradictions(dataset) == []
    assert replace(fitting, labels=tuple(map(str, range(10)))).contradictions(dataset) == []


def test_labels_in_another_order_contradict(fitting, dataset):
    swapped = (fitting.labels[1], fitting.labels[0], *fitting.labels[2:])
    (said,) = replace(fitting, labels=swapped).contradictions(dataset)
    assert f"same ones in another order, first number 0, {fitting.labels[1]!r} for {fitting.labels[0]!r}" in said


def test_other_labels_contradict(fitting, dataset):
    (said,) = replace(fitting, labels=(*fitting.labels[:9], "zebra")).contradictions(dataset)
    assert f"first number 9, 'zebra' for {fitting.labels[9]!r}" in said
    assert "order" not in said


def test_another_preprocessing_contradicts(fitting, dataset):
    assert dataset.normalisation != CIFAR10
    other = replace(fitting, preprocessing=Preprocessing(16, "centre_crop", CIFAR10))
    normalised, resized = other.contradictions(dataset)
    assert "mean (0.4914, 0.4822, 0.4465)" in normalised
    assert "centre_crop for whole" in resized


def test_ids_of_imagenet_are_its_names(dataset):
    class Ids:
        augmentation, normalisation = "inception", IMAGENET
        class_names = tuple(wordnet_id for wordnet_id, _ in imagenet_classes())

    names = tuple(name for _, name in imagenet_classes())
    assert Description("scarlet_a", names, Preprocessing(224)).contradictions(Ids()) == []
    swapped = (names[1], names[0], *names[2:])
    assert len(Description("scarlet_a", swapped, Preprocessing(224)).contradictions(Ids())) == 1


def test_labels_are_read_a_line_each(tmp_path):
    (tmp_path / "labels.txt").write_text("crème brûlée\nprune\n", encoding="utf-8")
    assert read_labels(tmp_path / "labels.txt") == ("crème brûlée", "prune")


@pytest.mark.parametrize("content", [b"", b"a\n\nb\n", b"\xff\xfe"])
def test_labels_that_are_none_are_refused(content, tmp_path):
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"^--labels[^\n]*labels\.txt[^\n]*$"):
        read_labels(tmp_path / "labels.txt")


def test_provenance_is_plain_data(tiny_description):
    assert json.loads(tiny_description.to_json())["provenance"] == {"weights": {"file": "a.keras"}}
