"""Exported detectors, each run by its own runtime, against the Keras model."""

import json

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("keras_hub")

from scarlet_tf.detect import export
from scarlet_tf.detect.export import export_detector
from scarlet_tf.detect.runtimes import DetectorSource, keras_detector
from scarlet_tf.detect.suppression import detections
from scarlet_tf.export.certificate import ParityError


@pytest.fixture(scope="module")
def model(trained_detector):
    return DetectorSource.find(str(trained_detector)).load_keras()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).normal(size=(3, 64, 64, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def exported(model, categories, images, tmp_path_factory):
    directory = tmp_path_factory.mktemp("exported") / "detector"
    export_detector(model, categories, ["savedmodel", "tflite"], ["none", "fp16"], directory, images)
    return directory


@pytest.mark.parametrize(
    ("file", "tolerance"),
    [("savedmodel", 1e-4), ("savedmodel/1", 1e-4), ("detector.tflite", 1e-4), ("detector_fp16.tflite", 5e-2)],
)
def test_artifact_computes_what_keras_computes(file, tolerance, exported, model, categories, images):
    detector = DetectorSource.find(str(exported / file)).load()
    assert (detector.image_size, detector.categories) == (64, categories)
    expected = keras_detector(model, categories).answers(images)
    for received, wanted in zip(detector.answers(images), expected, strict=True):
        assert received.shape == wanted.shape
        assert np.abs(received - wanted).max() <= tolerance * np.abs(wanted).max()
    assert expected[1].max() > 2 * expected[1].min()  # it was trained: answers differ


def test_certificate_says_what_is_there(exported):
    certificate = json.loads((exported / "certificate.json").read_text())
    assert {name: entry["file"] for name, entry in certificate["formats"].items()} == {
        "savedmodel": "savedmodel/1",
        "tflite": "detector.tflite",
        "tflite_fp16": "detector_fp16.tflite",
    }
    assert (certificate["image_size"], certificate["num_classes"], certificate["anchors"]) == (64, 2, 756)
    for entry in certificate["formats"].values():
        assert set(entry["outputs"]) == {"boxes", "scores"}
        assert all(errors["max_rel_error"] <= entry["tolerance"] for errors in entry["outputs"].values())


def test_signature_detect_suppresses_duplicates(exported, model, categories, images):
    found = tf.saved_model.load(exported / "savedmodel" / "1").signatures["detect"](image=tf.constant(images))
    for index, expected in enumerate(detections(*keras_detector(model, categories).answers(images))):
        count = int(found["count"][index])
        assert count == len(expected.scores)
        np.testing.assert_allclose(found["scores"][index, :count], expected.scores, rtol=1e-4)


def test_artifact_that_is_off_is_not_published(model, categories, images, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "TOLERANCES", {"none": 0.0})
    with pytest.raises(ParityError, match=r"detector\.tflite against the Keras model: .* must be at most 0"):
        export_detector(model, categories, ["tflite"], ["none"], tmp_path / "out", images)
    assert list(tmp_path.iterdir()) == []
