"""Small images (Fashion-MNIST, CIFAR-10): batched crop and flip at their own size, then a plain resize."""

import tensorflow as tf

from scarlet_tf.data.preprocessing import Normalisation

MAX_SIZE = 64
"""Short sides up to this many pixels are small images."""


def crop_flip(images: tf.Tensor, key: tf.Tensor, crop: bool = True) -> tf.Tensor:
    """Each image padded with zeros (4 pixels at 32, 2 at 28), cropped at random to its own size unless `crop` is
    False, and flipped left to right at random. images: uint8 (b, h, w, c). key: (2,)."""
    shape = tf.shape(images)
    batch, height, width = shape[0], shape[1], shape[2]
    pad_h, pad_w = (_padding(height), _padding(width)) if crop else (tf.constant(0), tf.constant(0))
    padded = tf.pad(images, [[0, 0], [pad_h, pad_h], [pad_w, pad_w], [0, 0]])
    draws = tf.random.stateless_uniform((3, batch), key)
    top = _random_up_to(2 * pad_h, draws[0])
    left = _random_up_to(2 * pad_w, draws[1])
    flipped = draws[2] < 0.5
    rows = top[:, None] + tf.range(height)  # (b, h)
    columns = tf.where(flipped[:, None], width - 1 - tf.range(width), tf.range(width)) + left[:, None]  # (b, w)
    cropped = tf.gather(padded, rows, axis=1, batch_dims=1)
    cropped = tf.gather(cropped, columns, axis=2, batch_dims=1)
    return tf.ensure_shape(cropped, images.shape)


def _padding(size: tf.Tensor) -> tf.Tensor:
    return tf.where(size < 32, size // 14, size // 8)


def _random_up_to(largest: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Integers in [0, largest], from uniform draws in [0, 1)."""
    return tf.cast(draws * tf.cast(largest + 1, tf.float32), tf.int32)


def to_network(images: tf.Tensor, image_size: int, normalisation: Normalisation) -> tf.Tensor:
    """What networks eat, resized where the size differs. images: uint8 (b, h, w, 1 or 3); grey is replicated
    to three channels. Returns float32 (b, image_size, image_size, 3)."""
    images = tf.cast(images, tf.float32)
    if images.shape[1:3] != (image_size, image_size):
        images = tf.image.resize(images, (image_size, image_size))
    return normalisation.applied_to(images)
