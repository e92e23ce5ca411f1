"""Counting right answers, and telling artifacts from architectures."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from scarlet_tf.data import load_dataset
from scarlet_tf.evaluate import accuracy, is_artifact, right_answers
from scarlet_tf.export.description import Description, Preprocessing


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


def test_each_answer_is_told_right_or_wrong(dataset):
    ((_, labels),) = dataset.evaluation_batches("test", 500, 8).as_numpy_iterator()
    right = right_answers(lambda images: np.tile(np.eye(10)[3], (len(images), 1)), dataset, "test", 8, 64, 120)
    np.testing.assert_array_equal(right, labels[:120] == 3)


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


@pytest.fixture(scope="module")
def artifacts(mini_network, dataset, tmp_path_factory):
    """Directory with a network in every format, described, and once with two labels swapped."""
    import keras

    from scarlet_tf.export.keras_file import write_keras
    from scarlet_tf.export.onnx import write_onnx
    from scarlet_tf.export.savedmodel import write_signature
    from scarlet_tf.export.tflite import write_tflite

    directory = tmp_path_factory.mktemp("artifacts")
    model = keras.models.load_model(mini_network / "model.keras")
    description = Description("mini", dataset.class_names, Preprocessing.of_dataset(dataset, 16))
    write_tflite(model, directory / "model.tflite", description=description)
    write_keras(model, directory / "model.keras", description)
    write_onnx(model, directory / "model.onnx", description)
    write_signature(model, directory / "savedmodel" / "1")
    swapped = (dataset.class_names[1], dataset.class_names[0], *dataset.class_names[2:])
    write_onnx(model, directory / "swapped.onnx", replace(description, labels=swapped))
    return directory


@pytest.mark.parametrize(
    "file", ["model.tflite", "model.onnx", "model.keras", "savedmodel/1/variables/variables.data-00000-of-00001"]
)
def test_a_truncated_artifact_is_refused_in_one_line(file, artifacts, run_command, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(artifacts, copy)
    (copy / file).write_bytes((artifacts / file).read_bytes()[:-40])
    artifact = copy / file.split("/")[0]
    done = run_command("evaluate", f"--model={artifact}", "--dataset=synthetic", "--max_images=50")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {artifact}")
    assert done.stderr.count("\n") == 1


def test_labels_in_another_order_are_warned_of(artifacts, dataset, run_command):
    flags = ("--dataset=synthetic", "--max_images=50")
    done = run_command("evaluate", f"--model={artifacts / 'swapped.onnx'}", *flags)
    assert done.returncode == 0
    first, second = dataset.class_names[:2]
    said = (
        f"was not made for synthetic: its labels are others, the same ones in another order, first number 0, {second!r}"
    )
    assert done.stderr.startswith(f"WARNING: {artifacts / 'swapped.onnx'} {said} for {first!r}")
    assert done.stderr.count("\n") == 1
    done = run_command("evaluate", f"--model={artifacts / 'model.onnx'}", *flags)
    assert (done.returncode, done.stderr) == (0, "")
