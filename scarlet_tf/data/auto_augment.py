"""AutoAugment's policy for CIFAR-10 (Cubuk et al. 2018, arXiv 1805.09501, appendix), a batch at a time.

Every image gets one sub-policy of two operations. An operation is a row of parameters of four steps (an affine map, a
lookup table, and blends with the grey and with the smoothed image) that change nothing where they are not its own, so
that one static graph applies any mixture of them. Magnitudes mean what the authors' published code makes of them
(tensorflow/models, research/autoaugment). All of it computes what Pillow does.
"""

import math
from dataclasses import astuple, dataclass

import numpy as np
import tensorflow as tf

GREY = 128
"""What a shifted, sheared or rotated image leaves uncovered."""

_REFERENCE_SIZE = 32  # pixels a side of the images that translations are given for


@dataclass(frozen=True)
class Operation:
    """With `probability`, one of the operations below at `magnitude`, 0 to 9; Invert, Equalize and AutoContrast have
    none."""

    name: str
    probability: float
    magnitude: int = 0


_Op = Operation
CIFAR10 = (
    (_Op("Invert", 0.1), _Op("Contrast", 0.2, 6)),
    (_Op("Rotate", 0.7, 2), _Op("TranslateX", 0.3, 9)),
    (_Op("Sharpness", 0.8, 1), _Op("Sharpness", 0.9, 3)),
    (_Op("ShearY", 0.5, 8), _Op("TranslateY", 0.7, 9)),
    (_Op("AutoContrast", 0.5), _Op("Equalize", 0.9)),
    (_Op("ShearY", 0.2, 7), _Op("Posterize", 0.3, 7)),
    (_Op("Color", 0.4, 3), _Op("Brightness", 0.6, 7)),
    (_Op("Sharpness", 0.3, 9), _Op("Brightness", 0.7, 9)),
    (_Op("Equalize", 0.6), _Op("Equalize", 0.5)),
    (_Op("Contrast", 0.6, 7), _Op("Sharpness", 0.6, 5)),
    (_Op("Color", 0.7, 7), _Op("TranslateX", 0.5, 8)),
    (_Op("Equalize", 0.3), _Op("AutoContrast", 0.4)),
    (_Op("TranslateY", 0.4, 3), _Op("Sharpness", 0.2, 6)),
    (_Op("Brightness", 0.9, 6), _Op("Color", 0.2, 8)),
    (_Op("Solarize", 0.5, 2), _Op("Invert", 0.0)),
    (_Op("Equalize", 0.2), _Op("AutoContrast", 0.6)),
    (_Op("Equalize", 0.2), _Op("Equalize", 0.6)),
    (_Op("Color", 0.9, 9), _Op("Equalize", 0.6)),
    (_Op("AutoContrast", 0.8), _Op("Solarize", 0.2, 8)),
    (_Op("Brightness", 0.1, 3), _Op("Color", 0.7, 0)),
    (_Op("Solarize", 0.4, 5), _Op("AutoContrast", 0.9)),
    (_Op("TranslateY", 0.9, 9), _Op("TranslateY", 0.7, 9)),
    (_Op("AutoContrast", 0.9), _Op("Solarize", 0.8, 3)),
    (_Op("Equalize", 0.8), _Op("Invert", 0.1)),
    (_Op("TranslateY", 0.7, 9), _Op("AutoContrast", 0.9)),
)
POLICIES = {"cifar10": CIFAR10}


@dataclass(frozen=True)
class _Geometry:
    """Where the pixel at (x, y) comes from: (scale x + shear_x y, shear_y x + scale y), in pixels from the corner, or
    with `centred` 1 from the centre; and shifts, as shares of the side. The defaults change nothing."""

    scale: float = 1.0
    shear_x: float = 0.0
    shear_y: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    centred: float = 0.0


@dataclass(frozen=True)
class _Parameters:
    """The four steps of one operation. `table` (256,) uint8 is used unless one is made of the image (`made_table`);
    contrast, colour and sharpness are factors, where 1 changes nothing."""

    geometry: _Geometry
    table: np.ndarray
    made_table: str = ""
    contrast: float = 1.0
    colour: float = 1.0
    sharpness: float = 1.0


_UNCHANGED = _Parameters(_Geometry(), np.arange(256))


def _factor(magnitude: int) -> float:
    return magnitude * 1.8 / 10 + 0.1


def _geometry(operation: Operation) -> _Geometry:
    name, magnitude = operation.name, operation.magnitude
    if name == "Rotate":
        angle = math.radians(int(magnitude * 30 / 10))
        return _Geometry(math.cos(angle), -math.sin(angle), math.sin(angle), centred=1.0)
    shear, shift = magnitude * 0.3 / 10, int(magnitude * 10 / 10) / _REFERENCE_SIZE
    return {
        "ShearX": _Geometry(shear_x=shear),
        "ShearY": _Geometry(shear_y=shear),
        "TranslateX": _Geometry(shift_x=shift),
        "TranslateY": _Geometry(shift_y=shift),
    }.get(name, _Geometry())


def _table(operation: Operation) -> np.ndarray:
    name, magnitude = operation.name, operation.magnitude
    values = np.arange(256)
    if name == "Invert":
        return 255 - values
    if name == "Solarize":
        return np.where(values < 256 - int(magnitude * 256 / 10), values, 255 - values)
    if name == "Posterize":
        bits = 4 - int(magnitude * 4 / 10)
        return values >> (8 - bits) << (8 - bits)
    if name == "Brightness":
        return np.minimum(values.astype(np.float32) * np.float32(_factor(magnitude)), 255)
    return values


def _parameters(operation: Operation) -> _Parameters:
    name, factor = operation.name, _factor(operation.magnitude)
    return _Parameters(
        _geometry(operation),
        _table(operation),
        name if name in ("Equalize", "AutoContrast") else "",
        *(factor if name == blend else 1.0 for blend in ("Contrast", "Color", "Sharpness")),
    )


def apply_policy(name: str, images: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """The images, each after a sub-policy of the policy `name` that is drawn for it; those given, for `none`.

    images: uint8 (b, h, w, 1 or 3), of which grey ones become RGB. A pure function of `key` (2,). Returns uint8
    (b, h, w, 3).
    """
    if name == "none":
        return images
    policy = POLICIES[name]
    draws = tf.random.stateless_uniform((5, tf.shape(images)[0]), tf.random.fold_in(key, 1))  # crop and flip use `key`
    chosen = tf.cast(draws[0] * len(policy), tf.int32)  # (b,)
    if images.shape[-1] == 1:
        images = tf.repeat(images, 3, axis=-1)
    for position, operations in enumerate(zip(*policy, strict=True)):
        probability = tf.gather([operation.probability for operation in operations], chosen)
        is_applied = draws[1 + position] < probability
        row = tf.where(is_applied, chosen, len(policy))
        rows = [*(_parameters(operation) for operation in operations), _UNCHANGED]
        images = _apply(images, rows, row, tf.where(draws[3 + position] < 0.5, -1.0, 1.0))
    return images


def apply_operation(operation: Operation, images: tf.Tensor, sign: float = 1.0) -> tf.Tensor:
    """The images, uint8 (b, h, w, 3), after one operation; `sign` -1 mirrors rotations, shears and translations."""
    zeros = tf.zeros(tf.shape(images)[:1], tf.int32)
    return _apply(images, [_parameters(operation)], zeros, tf.cast(zeros, tf.float32) + sign)


def _apply(images: tf.Tensor, rows: list[_Parameters], row: tf.Tensor, sign: tf.Tensor) -> tf.Tensor:
    """The images, uint8 (b, h, w, 3), after the operations rows[row]. row: int32 (b,). sign: 1 or -1 (b,)."""

    def of_images(values: list) -> tf.Tensor:
        return tf.gather(tf.constant(np.asarray(values, np.float32)), row)

    images = _moved(images, of_images([astuple(parameters.geometry) for parameters in rows]), sign)
    luma = _luma(images)
    images = _looked_up(images, _tables(images, luma, rows, row))
    images = _blended(luma, images, of_images([parameters.colour for parameters in rows]))
    return _blended(_smoothed(images), images, of_images([parameters.sharpness for parameters in rows]))


def _moved(images: tf.Tensor, geometry: tf.Tensor, sign: tf.Tensor) -> tf.Tensor:
    """The nearest pixel of where `geometry` (b, 6) says, or GREY outside of the image."""
    height, width = (tf.cast(size, tf.float32) for size in (tf.shape(images)[1], tf.shape(images)[2]))
    scale, shear_x, shear_y, shift_x, shift_y, centred = tf.unstack(geometry, axis=1)
    shear_x, shear_y = sign * shear_x, sign * shear_y
    x = sign * tf.floor(shift_x * width) + centred * ((1 - scale) * width - shear_x * height) / 2
    y = sign * tf.floor(shift_y * height) + centred * ((1 - scale) * height - shear_y * width) / 2
    # TensorFlow counts from the centre of the first pixel, not from the corner of the image.
    x, y = x + (scale + shear_x - 1) / 2, y + (scale + shear_y - 1) / 2
    none = tf.zeros_like(x)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([scale, shear_x, x, shear_y, scale, y, none, none], axis=1),
        output_shape=tf.shape(images)[1:3],
        fill_value=float(GREY),
        interpolation="NEAREST",
        fill_mode="CONSTANT",
    )


def _luma(images: tf.Tensor) -> tf.Tensor:
    """Brightness after ITU-R 601 in whole numbers: int32 (b, h, w, 1)."""
    weighted = tf.reduce_sum(tf.cast(images, tf.int32) * [19595, 38470, 7471], axis=-1, keepdims=True)
    return tf.bitwise.right_shift(weighted + 2**15, 16)


def _tables(images: tf.Tensor, luma: tf.Tensor, rows: list[_Parameters], row: tf.Tensor) -> tf.Tensor:
    """What each value of each channel becomes: int32 (b, 3, 256)."""
    tables = tf.gather(tf.constant(np.stack([parameters.table for parameters in rows]).astype(np.int32)), row)
    contrast = tf.gather(tf.constant([parameters.contrast for parameters in rows]), row)[:, None]  # (b, 1)
    mean = tf.floor(tf.reduce_mean(tf.cast(luma, tf.float64), axis=[1, 2, 3]) + 0.5)[:, None]
    tables = _mixed(tf.cast(mean, tf.float32), tf.cast(tables, tf.float32), contrast)[:, None]  # (b, 1, 256)
    made = [parameters.made_table for parameters in rows]
    if any(made):
        shape = tf.shape(images)
        values = tf.reshape(tf.transpose(tf.cast(images, tf.int32), [0, 3, 1, 2]), [shape[0] * 3, -1])
        counts = tf.math.bincount(values, minlength=256, maxlength=256, axis=-1)
        for name, maker in (("Equalize", _equalizing), ("AutoContrast", _stretching)):
            is_made = tf.gather([other == name for other in made], row)[:, None, None]
            tables = tf.where(is_made, tf.reshape(maker(counts), [-1, 3, 256]), tables)
    return tf.broadcast_to(tables, [tf.shape(images)[0], 3, 256])


def _equalizing(counts: tf.Tensor) -> tf.Tensor:
    """The table that spreads the values evenly. counts, of every value: int32 (n, 256)."""
    is_there = counts > 0
    last = tf.reduce_max(tf.where(is_there, tf.range(256), 0), axis=1)  # (n,)
    step = (tf.reduce_sum(counts, axis=1) - tf.gather(counts, last, batch_dims=1)) // 255
    step = step[:, None]
    spread = (step // 2 + tf.cumsum(counts, axis=1, exclusive=True)) // tf.maximum(step, 1)
    return tf.where(step > 0, tf.minimum(spread, 255), tf.range(256))


def _stretching(counts: tf.Tensor) -> tf.Tensor:
    """The table that makes the lowest value 0 and the highest 255. counts: int32 (n, 256)."""
    is_there = counts > 0
    low = tf.reduce_min(tf.where(is_there, tf.range(256), 255), axis=1, keepdims=True)
    high = tf.reduce_max(tf.where(is_there, tf.range(256), 0), axis=1, keepdims=True)
    scale = 255.0 / tf.cast(tf.maximum(high - low, 1), tf.float64)  # (n, 1)
    stretched = tf.range(256, dtype=tf.float64) * scale + -tf.cast(low, tf.float64) * scale
    return tf.where(high > low, tf.cast(tf.clip_by_value(stretched, 0, 255), tf.int32), tf.range(256))


def _looked_up(images: tf.Tensor, tables: tf.Tensor) -> tf.Tensor:
    """Every value through the table of its image and channel. tables: (b, 3, 256)."""
    channel = tf.reshape(tf.range(tf.shape(images)[0] * 3), [-1, 1, 1, 3])
    flat = tf.cast(tf.reshape(tables, [-1]), tf.uint8)
    return tf.gather(flat, tf.cast(images, tf.int32) + 256 * channel)


def _mixed(start: tf.Tensor, end: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """`start` for factor 0, `end` for 1, beyond it for more, cut to whole numbers from 0 to 255: int32."""
    return tf.cast(tf.clip_by_value(start + factor * (end - start), 0, 255), tf.int32)


def _blended(start: tf.Tensor, images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    mixed = _mixed(tf.cast(start, tf.float32), tf.cast(images, tf.float32), factor[:, None, None, None])
    return tf.cast(mixed, tf.uint8)


def _smoothed(images: tf.Tensor) -> tf.Tensor:
    """The mean of 3 x 3 pixels where the one in the middle counts five times; the border stays. int32."""
    values = tf.cast(images, tf.int32)
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]])
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    total = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:] + 4 * values
    inside_y = (tf.range(height) > 0) & (tf.range(height) < height - 1)
    inside_x = (tf.range(width) > 0) & (tf.range(width) < width - 1)
    inside = (inside_y[:, None] & inside_x)[None, :, :, None]
    return tf.where(inside, tf.cast(tf.cast(total, tf.float32) / 13 + 0.5, tf.int32), values)
