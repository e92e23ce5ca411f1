"""Fitting into a square: geometry by hand and by NumPy, pixels by their colours."""

import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.data.preprocessing import IMAGENET
from scarlet_tf.detect.letterbox import boxes_to_image, content_size, letterbox

SIZES = [(100, 200), (200, 100), (50, 50), (427, 640), (31, 480), (1, 900)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_long_side_fills_the_square(height, width):
    content = content_size(height, width, 64)
    assert max(content) == 64
    assert min(content) == max(round(min(height, width) * 64 / max(height, width)), 1)
    colour = np.full((height, width, 3), 200, np.uint8)
    image, _ = letterbox(tf.constant(colour), tf.zeros((0, 4)), 64)
    expected = np.zeros((64, 64, 3))
    expected[: content[0], : content[1]] = (200 / 255 - np.array(IMAGENET.mean)) / IMAGENET.std
    np.testing.assert_allclose(image, expected, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), SIZES[:5])
def test_boxes_move_with_the_pixels_and_back(height, width):
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(0, 1, (20, 2, 2)), axis=1).reshape(20, 4)
    boxes = (corners * [width, height, width, height]).astype(np.float32)
    _, moved = letterbox(tf.zeros((height, width, 3), tf.uint8), tf.constant(boxes), 64)
    content_height, content_width = content_size(height, width, 64)
    expected = corners * [content_width, content_height, content_width, content_height]
    np.testing.assert_allclose(moved, expected, rtol=1e-4)
    np.testing.assert_allclose(boxes_to_image(moved.numpy(), height, width, 64), boxes, rtol=1e-4, atol=1e-3)


def test_flip_turns_pixels_and_boxes():
    pixels = np.zeros((60, 120, 3), np.uint8)
    pixels[10:30, 10:50] = 255
    image, boxes = letterbox(tf.constant(pixels), tf.constant([[10.0, 10, 50, 30]]), 60, tf.constant(True))
    np.testing.assert_allclose(boxes, [[35, 5, 55, 15]])
    assert image[10, 45, 0] > 2
    assert image[10, 15, 0] < -2
    assert image[40, 45, 0] == 0  # below the picture


def test_boxes_in_the_margin_are_clipped_to_the_image():
    np.testing.assert_allclose(boxes_to_image(np.array([[-5.0, 0, 70, 60]]), 100, 200, 64), [[0, 0, 200, 100]])
