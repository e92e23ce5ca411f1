"""Counting right answers, and telling artifacts from architectures."""

import numpy as np
import pytest

from scarlet_tf.data import load_dataset
from scarlet_tf.evaluate import accuracy, is_artifact


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("synthetic")


@pytest.mark.parametrize(
    ("split", "max_images", "seen"),
    [("test", None, 500), ("validation", 120, 120), ("train", 30, 30), ("test", 9999, 500)],
)
def test_right_answers_are_counted(split, max_images, seen, dataset):
    batches = []

    def predict(images: np.ndarray) -> np.ndarray:
        batches.append(images)
        return np.tile(np.eye(10)[3], (len(images), 1))  # always class 3

    assert accuracy(predict, dataset, split, 8, 50, max_images) == (seen // 10, seen)
    assert {images.shape[1:] for images in batches} == {(8, 8, 3)}
    assert sum(map(len, batches)) == seen
    assert max(map(len, batches)) <= 50


def test_perfect_answers_are_all_right(dataset):
    labels = iter(dataset.evaluation_batches("test", 64, 8).map(lambda images, labels: labels).as_numpy_iterator())
    assert accuracy(lambda images: np.eye(10)[next(labels)], dataset, "test", 8, 64) == (500, 500)


@pytest.mark.parametrize("name", ["net.tflite", "net.onnx", "net.keras"])
def test_artifacts_are_told_by_their_suffix(name, tmp_path):
    assert is_artifact(str(tmp_path / name))


@pytest.mark.parametrize("file", ["saved_model.pb", "1/saved_model.pb", "23/saved_model.pb"])
def test_savedmodel_is_told_by_its_file(file, tmp_path):
    assert not is_artifact(str(tmp_path))
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    assert is_artifact(str(tmp_path))


@pytest.mark.parametrize("model", ["scarlet_a", "arch.json", "no_such_directory"])
def test_architectures_are_no_artifacts(model):
    assert not is_artifact(model)
