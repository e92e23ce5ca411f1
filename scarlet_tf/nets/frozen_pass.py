"""Forward passes through the parts of a supernet whose weights stay as they are.

A batch norm is then folded into a scale and a shift a channel, which are applied in one pass over memory together with
the activation that follows: XLA compiles these, and leaves the convolutions alone.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.nets.blocks import HeadConv, InvertedBottleneck, ProjectionConv, Stem
from scarlet_tf.nets.conv_bn import BN_EPSILON, ConvBN, activate
from scarlet_tf.nets.gradients import has_accelerator
from scarlet_tf.nets.stabilizer import Stabilizer

CACHED_BYTES = 16e6
"""On a CPU a block takes so few images at a time that no activation inside it is larger: of most of a batch at once
they would leave the caches between one operation and the next."""


def batch_norms(layer: keras.layers.Layer) -> list[ConvBN]:
    """The convolutions of `layer` that have a batch norm, in the order of a forward pass."""
    if isinstance(layer, Stem):
        return layer.convs
    if isinstance(layer, InvertedBottleneck):
        return [layer.expand, layer.depthwise, layer.project]
    return [layer.conv] if isinstance(layer, ProjectionConv | HeadConv) else []


def pass_weights(layer: keras.layers.Layer) -> list[keras.Variable]:
    """The weights that a pass reads of `layer` itself: all but those of batch norms."""
    normalising = {
        id(variable) for conv in batch_norms(layer) for variable in (conv.gamma, conv.beta, conv.mean, conv.variance)
    }
    return [variable for variable in layer.weights if id(variable) not in normalising]


def _row(pairs: Sequence[tuple]) -> np.ndarray:
    vectors = [np.asarray(vector, np.float64) for pair in pairs for vector in pair]
    return np.concatenate([np.zeros(0), *vectors])


def parameters(layer: keras.layers.Layer) -> np.ndarray:
    """gamma and beta of each batch norm of `layer`, one after the other, in float64."""
    return _row([(conv.gamma, conv.beta) for conv in batch_norms(layer)])


def moving_statistics(layer: keras.layers.Layer) -> np.ndarray:
    """Moving mean and variance of each batch norm of `layer`, laid out as `parameters`."""
    return _row([(conv.mean, conv.variance) for conv in batch_norms(layer)])


def folded(layer: keras.layers.Layer, parameters: np.ndarray, statistics: np.ndarray) -> np.ndarray:
    """Scale and shift that the batch norms of `layer` come to; all three rows are laid out alike."""
    pairs, start = [], 0
    for conv in batch_norms(layer):
        middle, end = start + conv.gamma.shape[0], start + 2 * conv.gamma.shape[0]
        scale = parameters[start:middle] / np.sqrt(statistics[middle:end] + BN_EPSILON)
        pairs.append((scale, parameters[middle:end] - statistics[start:middle] * scale))
        start = end
    return _row(pairs)


def _in_one_pass(function: Callable[..., tf.Tensor], *arguments: tf.Tensor) -> tf.Tensor:
    """`function(*arguments)`, of numbers one by one, compiled by XLA."""
    compiled = tf.function(function, autograph=False, jit_compile=True)
    return compiled.get_concrete_function(*arguments)(*arguments)


def _activated(y: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor, activation: str | None) -> tf.Tensor:
    return _in_one_pass(lambda y, scale, shift: activate(y * scale + shift, activation), y, scale, shift)


def _added(y: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    return _in_one_pass(lambda y, scale, shift, x: y * scale + shift + x, y, scale, shift, x)


class _Normaliser:
    """Hands out scale and shift of batch norm after batch norm: those of a row, or by the batch's own statistics."""

    def __init__(self, row: tf.Tensor, by_batch: bool) -> None:
        self._row, self._by_batch = row, by_batch
        self._read = 0
        self._measured = [tf.zeros([0])]

    def __call__(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        channels = y.shape[3]
        middle, end = self._read + channels, self._read + 2 * channels
        scale, shift = self._row[self._read : middle], self._row[middle:end]
        self._read = end
        if not self._by_batch:
            return scale, shift
        _, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=y, scale=scale, offset=shift, mean=[], variance=[], is_training=True
        )
        self._measured += [mean, variance]  # the latter unbiased, as moving variances are
        count = tf.cast(tf.size(y) // channels, y.dtype)
        scale *= tf.math.rsqrt(variance * ((count - 1.0) / count) + BN_EPSILON)
        return scale, shift - mean * scale

    @property
    def statistics(self) -> tf.Tensor:
        return tf.concat(self._measured, 0)


def frozen_pass(
    layer: keras.layers.Layer, x: tf.Tensor, row: tf.Tensor, shortcut: bool, by_batch: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """What `layer`, the stem, a candidate or the head's convolution, makes of x (batch, h, w, c); and statistics.

    row: float32, the batch norms as `folded`, and no statistics come back; or, `by_batch`, their `parameters`: then
    each normalises by the statistics of this batch, which come back laid out alike, variances unbiased.
    """
    if isinstance(layer, Stabilizer):
        return layer.call(x), tf.zeros([0])
    batch = x.shape[0]
    at_a_time = batch if by_batch or has_accelerator() else _images_at_a_time(layer, x)
    if at_a_time == batch:
        normaliser = _Normaliser(row, by_batch)
        y = _pass(layer, x, normaliser, shortcut)
        return y, normaliser.statistics
    parts = batch // at_a_time

    def compute(part: tf.Tensor, ys: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        images = tf.slice(x, [part * at_a_time, 0, 0, 0], [at_a_time, *x.shape[1:]])  # no copy, where map_fn makes one
        return part + 1, ys.write(part, _pass(layer, images, _Normaliser(row, by_batch), shortcut))

    _, ys = tf.while_loop(
        lambda part, _: part < parts, compute, (0, tf.TensorArray(x.dtype, parts)), parallel_iterations=1
    )
    stacked = ys.stack()
    return tf.reshape(stacked, [batch, *stacked.shape[2:]]), tf.zeros([0])


def _images_at_a_time(layer: keras.layers.Layer, x: tf.Tensor) -> int:
    """A divisor of the batch."""
    batch, height, width, _ = x.shape
    stride = layer.stride if isinstance(layer, Stem) else 1
    channels = max(conv.gamma.shape[0] for conv in batch_norms(layer))
    image_bytes = (height // stride) * (width // stride) * channels * x.dtype.size
    divisors = [size for size in range(1, batch + 1) if batch % size == 0]
    return max([size for size in divisors if size * image_bytes <= CACHED_BYTES], default=1)


def _pass(layer: keras.layers.Layer, x: tf.Tensor, normaliser: _Normaliser, shortcut: bool) -> tf.Tensor:
    *convs, last = batch_norms(layer)
    y = x
    for conv in convs:
        y = conv.convolve(y)
        y = _activated(y, *normaliser(y), conv.activation)
    if isinstance(layer, InvertedBottleneck) and layer.use_se:
        y = layer.excite(y)
    y = last.convolve(y)
    scale, shift = normaliser(y)
    return _added(y, scale, shift, x) if shortcut else _activated(y, scale, shift, last.activation)
