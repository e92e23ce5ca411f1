"""The detector: how it starts, what it learns from, and that boxes decode as they were encoded."""

import keras
import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("keras_hub")

from keras_hub.models import RetinaNetObjectDetector

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.detect.losses import FocalLoss, SmoothL1Loss
from scarlet_tf.detect.retinanet import anchor_boxes, build_detector, decode
from scarlet_tf.detect.training import write_detector
from scarlet_tf.errors import InputError
from scarlet_tf.nets.standalone import build_model


@pytest.fixture(scope="module")
def detector(backbone):
    keras.utils.set_random_seed(0)
    detector = build_detector(backbone, 64, 2, max_level=5, head_convs=1)
    detector.compile("sgd", box_loss=SmoothL1Loss(), classification_loss=FocalLoss(), jit_compile=False)
    return detector


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype(np.float32)


def targets(detector, images, boxes, labels):
    return [np.asarray(part) for part in detector.label_encoder(images, np.float32(boxes), np.float32(labels))]


def test_every_class_starts_at_one_percent_and_boxes_at_the_anchors(detector, images):
    answers = decode(detector, images)
    assert answers["boxes"].shape == (2, 9 * (64 + 16 + 4), 4)
    np.testing.assert_allclose(answers["scores"], 0.01, atol=2e-3)
    anchors = np.clip(anchor_boxes(detector), 0, 64)
    assert np.abs(answers["boxes"] - anchors).mean() < 2  # pixels


def test_no_weight_is_left_out_of_training(detector, images):
    truth = {"boxes": np.float32([[[5, 5, 40, 50], [-1] * 4]] * 2), "labels": np.float32([[1, -1]] * 2)}
    with tf.GradientTape() as tape:
        loss = detector.compute_loss(images, truth, detector(images, training=True), None)
    gradients = tape.gradient(loss, [variable.value for variable in detector.trainable_variables])
    idle = [
        variable.path
        for variable, gradient in zip(detector.trainable_variables, gradients, strict=True)
        if gradient is None or not np.any(gradient)
    ]
    assert idle == []


def test_targets_decode_to_the_boxes_they_encode(detector, images, monkeypatch):
    boxes = np.float32([[[4, 8, 36, 40], [30, 20, 60, 62], [-1] * 4], [[0, 0, 64, 64], [-1] * 4, [-1] * 4]])
    labels = np.float32([[0, 1, -1], [1, -1, -1]])
    deltas, classes = targets(detector, images, boxes, labels)
    monkeypatch.setattr(
        type(detector),
        "__call__",
        lambda *_, **__: {"bbox_regression": tf.constant(deltas), "cls_logits": tf.zeros((*classes.shape, 2))},
    )
    decoded = decode(detector, images)["boxes"].numpy()
    for image, label in ((0, 0), (0, 1), (1, 1)):
        (row,) = np.flatnonzero(labels[image] == label)
        matched = classes[image] == label
        assert matched.any()
        np.testing.assert_allclose(decoded[image][matched], np.tile(boxes[image][row], (matched.sum(), 1)), atol=1e-3)


def test_an_object_smaller_than_every_anchor_trains_the_nearest(detector, images):
    boxes, labels = [[[20, 20, 24, 23], [-1] * 4]] * 2, [[1, -1]] * 2
    deltas, classes = targets(detector, images, boxes, labels)
    (matched,) = np.flatnonzero(classes[0] == 1)
    assert np.isfinite(deltas).all()
    left, top, right, bottom = anchor_boxes(detector)[matched]
    assert left < 22 < right
    assert top < 22 < bottom


def test_images_without_an_object_train_nothing_and_stay_finite(detector, images):
    deltas, classes = targets(detector, images, np.full((2, 2, 4), -1), np.full((2, 2), -1))
    assert (classes == -1).all()
    assert np.isfinite(deltas).all()


def test_backbone_starts_from_a_classifiers_weights(backbone, tmp_path, images):
    classifier = build_model(backbone.arch, 32, 10)
    classifier.save(tmp_path / "model.keras")
    detector = build_detector(backbone, 64, 2, max_level=5, head_convs=0, weights=tmp_path / "model.keras")
    for received in (detector.backbone.image_encoder, detector.backbone.get_layer("backbone")):
        for own, weight in zip(
            received.get_layer("slot_3").get_weights(), classifier.get_layer("slot_3").get_weights(), strict=True
        ):
            np.testing.assert_array_equal(own, weight)
    other = NamedArch(backbone.space, (1, 0, 0, 0), "other")
    with pytest.raises(InputError, match="another architecture"):
        build_detector(other, 64, 2, weights=tmp_path / "model.keras")


def test_frozen_statistics_stay_and_weights_learn(backbone, images, tmp_path):
    detector = build_detector(backbone, 64, 2, max_level=5, head_convs=0, freeze_batch_norm=True)
    detector.compile(
        keras.optimizers.SGD(0.1), box_loss=SmoothL1Loss(), classification_loss=FocalLoss(), jit_compile=False
    )
    before = [weight.numpy() for weight in detector.weights]
    truth = {"boxes": np.float32([[[5, 5, 40, 50], [-1] * 4]] * 2), "labels": np.float32([[1, -1]] * 2)}
    tf.function(detector.train_step, autograph=False)((images, truth))
    changed = {w.path for w, old in zip(detector.weights, before, strict=True) if (w.numpy() != old).any()}
    assert not any("moving" in path for path in changed)
    assert any("gamma" in path for path in changed)
    write_detector(detector, tmp_path / "detector.keras")  # as a plain detector, which anyone can load
    loaded = keras.models.load_model(tmp_path / "detector.keras")
    assert type(loaded) is RetinaNetObjectDetector
    np.testing.assert_allclose(decode(loaded, images)["scores"], decode(detector, images)["scores"], rtol=1e-5)


def test_network_that_skips_a_resolution_is_refused(backbone):
    skips = NamedArch(backbone.space, (0, 0, 1, 0), "skips")
    with pytest.raises(InputError, match=r"--model must have a block at each stride.* skips.* stride 16"):
        build_detector(skips, 64, 2, max_level=5)
