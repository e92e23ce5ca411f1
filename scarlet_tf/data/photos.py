"""Photos of any size: Inception crops for training, a centre crop of 0.875 for evaluation."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import tensorflow as tf

from scarlet_tf.errors import InputError

CENTRE = 0.875
"""The share of the short side that evaluation looks at (224 of 256 pixels)."""


def decode(contents: tf.Tensor) -> tf.Tensor:
    """The image in the contents of a JPEG or PNG file, as RGB: uint8 (h, w, 3). Transparency is left out."""
    return tf.cond(
        tf.io.is_jpeg(contents),
        lambda: tf.io.decode_jpeg(contents, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_png(contents, channels=3),
    )


@contextmanager
def naming_bad_files(paths: Iterable[str]) -> Iterator[None]:
    """Around the use of images in these files: where one cannot be decoded, raises InputError that names it."""
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise
    except tf.errors.OpError as error:
        for path in paths:  # reads them all, but only now that something is known to be wrong
            try:
                decode(tf.io.read_file(path))
            except tf.errors.OpError:
                raise InputError(f"{path} must be a whole JPEG or PNG image; replace or remove it.") from error
        raise


def inception_crop(contents: tf.Tensor, key: tf.Tensor, image_size: int) -> tf.Tensor:
    """A random part of the image (8% to 100% of its area, aspect ratio 3/4 to 4/3), resized and flipped at
    random (Szegedy et al. 2015). Of a JPEG only that part is decoded. Returns float32 in [0, 255],
    (image_size, image_size, 3)."""
    crop_key, flip_key = tf.unstack(tf.random.split(key, 2))

    def from_jpeg() -> tf.Tensor:
        window = _random_window(tf.io.extract_jpeg_shape(contents), crop_key)
        return tf.io.decode_and_crop_jpeg(contents, window, channels=3, dct_method="INTEGER_ACCURATE")

    def from_png() -> tf.Tensor:
        image = tf.io.decode_png(contents, channels=3)
        top, left, height, width = tf.unstack(_random_window(tf.shape(image), crop_key))
        return image[top : top + height, left : left + width]

    image = tf.cond(tf.io.is_jpeg(contents), from_jpeg, from_png)
    image = tf.image.resize(image, (image_size, image_size))
    image = tf.image.stateless_random_flip_left_right(image, flip_key)
    return tf.ensure_shape(image, (image_size, image_size, 3))


def _random_window(shape: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """A random window [top, left, height, width] in an image of `shape`."""
    whole = tf.constant([[[0.0, 0.0, 1.0, 1.0]]])
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        shape,
        whole,
        seed=key,
        min_object_covered=0.0,
        aspect_ratio_range=(3 / 4, 4 / 3),
        area_range=(0.08, 1.0),
        max_attempts=100,
    )
    return tf.concat([begin[:2], size[:2]], axis=0)


def centre_crop(image: tf.Tensor, image_size: int) -> tf.Tensor:
    """The short side resized (antialiased) so that the centre crop of `image_size` is 0.875 of it.

    image: uint8 (h, w, 3). Returns float32 in [0, 255], (image_size, image_size, 3).
    """
    short = round(image_size / CENTRE)
    size = tf.cast(tf.shape(image)[:2], tf.float64)
    size = tf.cast(tf.round(size * short / tf.reduce_min(size)), tf.int32)
    image = tf.image.resize(image, size, antialias=True)
    top, left = tf.unstack((size - image_size) // 2)
    image = image[top : top + image_size, left : left + image_size]
    return tf.ensure_shape(image, (image_size, image_size, 3))
