"""Images as a server's clients send them, the contents of JPEG and PNG files, decoded and checked within the graph."""

from dataclasses import dataclass

import tensorflow as tf

from scarlet_tf.data.encoded import evaluation_transform
from scarlet_tf.export.description import Preprocessing

_AUGMENTATION = {"whole": "crop_flip", "centre_crop": "inception"}
"""By how images are resized, the kind of training after which the evaluation pipeline resizes them so."""

_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"  # signature, then length and name of the chunk that comes first
_PNG_HEADER_BYTES = 33  # with that chunk's content, of which width and height come first, and its checksum
_PARALLEL = 4  # images decoded at a time, which with the limits bounds the memory of a request


@dataclass(frozen=True)
class ImageLimits:
    """What an image that comes over the network may be at most: its file in bytes, itself in pixels, and its long side
    as a multiple of the short one, which is what resizing the short side to that of the network makes of it.

    A file of a few kilobytes can ask for gigabytes of pixels, so its header is read before it is decoded."""

    max_bytes: int = 2**24
    max_pixels: int = 25_000_000
    max_aspect: int = 64


LIMITS = ImageLimits()


def network_input(image_bytes: tf.Tensor, preprocessing: Preprocessing, limits: ImageLimits = LIMITS) -> tf.Tensor:
    """What the network eats, as the evaluation pipeline makes it: float32 (batch, s, s, 3).

    image_bytes: string (batch,), the contents of JPEG or PNG files. Whatever else there is in it, or what is above the
    limits, ends the graph's run with InvalidArgumentError, which says what was expected.
    """
    size = preprocessing.image_size
    transform = evaluation_transform(_AUGMENTATION[preprocessing.resize], size, preprocessing.normalisation)
    return tf.map_fn(
        lambda contents: transform(_checked(contents, limits)),
        image_bytes,
        parallel_iterations=_PARALLEL,
        fn_output_signature=tf.TensorSpec((size, size, 3), tf.float32),
    )


def _checked(contents: tf.Tensor, limits: ImageLimits) -> tf.Tensor:
    """`contents`, which exists only where nothing is wrong with it: what decodes it waits for the checks."""
    length = tf.strings.length(contents)
    is_jpeg = tf.io.is_jpeg(contents)
    is_png = (tf.strings.substr(contents, 0, len(_PNG_START)) == _PNG_START) & (length >= _PNG_HEADER_BYTES)
    checks = [
        tf.debugging.Assert(length > 0, ["image_bytes must be the contents of a JPEG or PNG file. Received: none."]),
        tf.debugging.Assert(
            length <= limits.max_bytes,
            [f"image_bytes must be a file of at most {limits.max_bytes} bytes. Received:", length],
        ),
        tf.debugging.Assert(
            is_jpeg | is_png,
            [
                "image_bytes must be the contents of a JPEG or PNG file. Received another kind of file, of bytes:",
                length,
            ],
        ),
    ]
    with tf.control_dependencies(checks):
        sides = tf.cast(tf.cond(is_jpeg, lambda: _jpeg_sides(contents), lambda: _png_sides(contents)), tf.int64)
    short, long = tf.reduce_min(sides), tf.reduce_max(sides)
    checks = [
        tf.debugging.Assert(
            (short > 0) & (short * long <= limits.max_pixels),
            [f"image_bytes must be an image of at most {limits.max_pixels} pixels. Received height and width:", sides],
        ),
        tf.debugging.Assert(
            long <= short * limits.max_aspect,
            [
                f"image_bytes must be an image at most {limits.max_aspect} times as long as wide, or as wide as long. "
                "Received height and width:",
                sides,
            ],
        ),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(contents)


def _jpeg_sides(contents: tf.Tensor) -> tf.Tensor:
    return tf.io.extract_jpeg_shape(contents)[:2]


def _png_sides(contents: tf.Tensor) -> tf.Tensor:
    sides = tf.strings.substr(contents, len(_PNG_START), 8)  # two signed integers: the format goes to 2^31 - 1
    return tf.io.decode_raw(sides, tf.int32, little_endian=False)[::-1]
