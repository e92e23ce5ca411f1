"""Suppression of duplicates, by hand."""

import numpy as np

from scarlet_tf.detect.suppression import detections


def test_duplicates_go_within_a_class_only():
    boxes = np.float32([[[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10], [20, 20, 30, 30], [40, 40, 50, 50]]])
    scores = np.float32([[[0.9, 0.0], [0.8, 0.0], [0.0, 0.7], [0.6, 0.0], [0.04, 0.04]]])
    (found,) = detections(boxes, scores)
    np.testing.assert_allclose(found.scores, [0.9, 0.7, 0.6])
    np.testing.assert_array_equal(found.classes, [0, 1, 0])
    np.testing.assert_array_equal(found.boxes, boxes[0, [0, 2, 3]])
    assert found.classes.dtype == np.int32


def test_no_object_is_an_empty_answer():
    (found,) = detections(np.zeros((1, 3, 4), np.float32), np.zeros((1, 3, 2), np.float32))
    assert found.boxes.shape == (0, 4)
