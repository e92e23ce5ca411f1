"""Forward passes through the parts of a supernet whose weights stay as they are.

A batch norm is then a scale and a shift a channel, applied in one pass over memory together with the activation that
follows: XLA compiles these, and leaves the convolutions alone.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.nets.blocks import HeadConv, InvertedBottleneck, ProjectionConv, Stem
from scarlet_tf.nets.conv_bn import BN_EPSILON, ConvBN, activate
from scarlet_tf.nets.stabilizer import Stabilizer


def batch_norms(layer: keras.layers.Layer) -> list[ConvBN]:
    """The convolutions of `layer` that have a batch norm, in the order of a forward pass."""
    if isinstance(layer, Stem):
        return layer.convs
    if isinstance(layer, InvertedBottleneck):
        return [layer.expand, layer.depthwise, layer.project]
    return [layer.conv] if isinstance(layer, ProjectionConv | HeadConv) else []


def _row(pairs: Sequence[tuple]) -> np.ndarray:
    vectors = [np.asarray(vector, np.float64) for pair in pairs for vector in pair]
    return np.concatenate(vectors) if vectors else np.zeros(0)


def parameters(layer: keras.layers.Layer) -> np.ndarray:
    """gamma and beta of each batch norm of `layer`, one after the other, in float64."""
    return _row([(conv.gamma.value, conv.beta.value) for conv in batch_norms(layer)])


def moving_statistics(layer: keras.layers.Layer) -> np.ndarray:
    """Moving mean and variance of each batch norm of `layer`, laid out as `parameters`."""
    return _row([(conv.mean.value, conv.variance.value) for conv in batch_norms(layer)])


def affine(layer: keras.layers.Layer, statistics: np.ndarray) -> np.ndarray:
    """Scale and shift of each batch norm of `layer` with `statistics`, float32 and laid out as these."""
    pairs, start = [], 0
    values = parameters(layer)
    for conv in batch_norms(layer):
        channels = conv.gamma.shape[0]
        middle, end = start + channels, start + 2 * channels
        scale = values[start:middle] / np.sqrt(statistics[middle:end] + BN_EPSILON)
        pairs.append((scale, values[middle:end] - statistics[start:middle] * scale))
        start = end
    return _row(pairs).astype(np.float32)


def pass_weights(layer: keras.layers.Layer) -> list[keras.Variable]:
    """The weights that a pass reads of `layer` itself: all but those of batch norms."""
    normalising = {id(variable) for conv in batch_norms(layer) for variable in (conv.gamma, conv.beta)}
    return [variable for variable in layer.trainable_variables if id(variable) not in normalising]


@tf.function(autograph=False, jit_compile=True)
def _activated(y: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor, activation: str | None) -> tf.Tensor:
    return activate(y * scale + shift, activation)


@tf.function(autograph=False, jit_compile=True)
def _added(y: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    return y * scale + shift + x


class _Normaliser:
    """Hands out the scales and shifts of a row, batch norm by batch norm."""

    def __init__(self, row: tf.Tensor, by_batch: bool) -> None:
        self._row, self._by_batch = row, by_batch
        self._read = 0
        self._measured = []

    def __call__(self, conv: ConvBN, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        channels = y.shape[3]
        start, self._read = self._read, self._read + 2 * channels
        scale, shift = self._row[start : start + channels], self._row[start + channels : self._read]
        if not self._by_batch:
            return scale, shift
        _, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=y, scale=scale, offset=shift, mean=[], variance=[], is_training=True
        )
        self._measured += [mean, variance]  # unbiased, as moving variances are
        count = tf.cast(tf.size(y) // channels, y.dtype)
        scale *= tf.math.rsqrt(variance * ((count - 1.0) / count) + BN_EPSILON)
        return scale, shift - mean * scale

    @property
    def statistics(self) -> tf.Tensor:
        return tf.concat(self._measured, 0) if self._measured else tf.zeros([0])


def _conv_bn(conv: ConvBN, x: tf.Tensor, normaliser: _Normaliser) -> tf.Tensor:
    y = conv.convolve(x)
    return _activated(y, *normaliser(conv, y), conv.activation)


def frozen_pass(
    layer: keras.layers.Layer, x: tf.Tensor, row: tf.Tensor, shortcut: bool = False, by_batch: bool = False
) -> tuple[tf.Tensor, tf.Tensor]:
    """What `layer`, the stem, a candidate or the head's convolution, makes of x (batch, h, w, c); and statistics.

    row: what `affine` gives, and no statistics come back; or, `by_batch`, what `parameters` gives: then each batch norm
    normalises by the statistics of this batch, which come back, laid out alike, variances unbiased.
    """
    if isinstance(layer, Stabilizer):
        return layer(x), tf.zeros([0])
    parts = 1 if by_batch else _parts(layer, x)
    if parts == 1:
        normaliser = _Normaliser(row, by_batch)
        return _whole_pass(layer, x, normaliser, shortcut), normaliser.statistics
    shape = x.shape[0] // parts, *x.shape[1:]
    ys = tf.map_fn(
        lambda part: _whole_pass(layer, part, _Normaliser(row, by_batch), shortcut),
        tf.reshape(x, [parts, *shape]),
        parallel_iterations=1,
    )
    return tf.reshape(ys, [x.shape[0], *ys.shape[2:]]), tf.zeros([0])


import os
CHUNK = float(os.environ.get("CHUNK", "8")) * 1e6


def _parts(layer, x):
    batch, height, width, _ = x.shape
    if isinstance(layer, Stem):
        height, width = height // layer.stride, width // layer.stride
    channels = max(conv.gamma.shape[0] for conv in batch_norms(layer))
    size = 4 * height * width * channels
    for n in range(1, batch + 1):
        if batch % n == 0 and batch // n * size <= CHUNK:
            return n
    return batch


def _whole_pass(layer, x, normaliser, shortcut):
    *convs, last = batch_norms(layer)
    y = x
    for conv in convs:
        y = _conv_bn(conv, y, normaliser)
    if not isinstance(layer, InvertedBottleneck):
        return _conv_bn(last, y, normaliser)
    if layer.use_se:
        y = layer.excite(y)
    y = last.convolve(y)
    affine_of_y = normaliser(last, y)
    return _added(y, *affine_of_y, x) if shortcut else _activated(y, *affine_of_y, last.activation)
