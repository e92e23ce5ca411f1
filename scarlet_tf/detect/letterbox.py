"""Fitting images into a square: the long side fills it, the rest, at the bottom or right, is the data's mean colour."""

from typing import TYPE_CHECKING

import numpy as np

from scarlet_tf.data.preprocessing import IMAGENET

if TYPE_CHECKING:
    import tensorflow as tf


def content_size(height: int, width: int, image_size: int) -> tuple[int, int]:
    """Height and width, in pixels, of an image within its square of `image_size`: the long side fills it."""
    scale = image_size / max(height, width)
    return max(int(np.rint(height * scale)), 1), max(int(np.rint(width * scale)), 1)


def boxes_to_image(boxes: np.ndarray, height: int, width: int, image_size: int) -> np.ndarray:
    """Boxes (n, 4), (left, top, right, bottom) in pixels of the square, in pixels of the image, clipped to it."""
    content_height, content_width = content_size(height, width, image_size)
    scale = np.array([width / content_width, height / content_height] * 2)
    return np.clip(boxes * scale, 0.0, [width, height, width, height])


def letterbox(
    pixels: "tf.Tensor", boxes: "tf.Tensor", image_size: int, flipped: "bool | tf.Tensor" = False
) -> "tuple[tf.Tensor, tf.Tensor]":
    """An image and its boxes as a detector eats them.

    pixels: uint8 (h, w, 3); boxes: float32 (n, 4), (left, top, right, bottom) in its pixels. Returns the image, float32
    (image_size, image_size, 3), normalised as ImageNet's, and the boxes in its pixels; where `flipped`, left is right.
    """
    import tensorflow as tf

    flipped = tf.convert_to_tensor(flipped)
    height, width = tf.unstack(tf.shape(pixels)[:2])
    size = tf.cast(tf.stack([height, width]), tf.float64)
    content = tf.maximum(tf.cast(tf.round(size * (image_size / tf.reduce_max(size))), tf.int32), 1)
    image = IMAGENET.applied_to(tf.image.resize(pixels, content, antialias=True))
    image = tf.cond(flipped, lambda: image[:, ::-1], lambda: image)
    image = tf.pad(image, [[0, image_size - content[0]], [0, image_size - content[1]], [0, 0]])  # zero is the mean
    scale = tf.cast(tf.cast(content, tf.float64) / size, tf.float32)
    left, top, right, bottom = tf.unstack(boxes * tf.tile(scale[::-1], [2]), axis=1)
    inner = tf.cast(content[1], tf.float32)
    left, right = tf.cond(flipped, lambda: (inner - right, inner - left), lambda: (left, right))
    return tf.ensure_shape(image, (image_size, image_size, 3)), tf.stack([left, top, right, bottom], axis=1)
