"""Forward passes through the parts of a supernet whose weights stay as they are.

A batch norm is then folded into a scale and a shift a channel, which are applied in one pass over memory together with
the activation that follows: XLA compiles these, and leaves the convolutions alone.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.nets.blocks import ConvBlock, HeadConv, InvertedBottleneck, ProjectionConv, Stem
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
    return [layer.conv] if isinstance(layer, ProjectionConv | ConvBlock | HeadConv) else []


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


def _in_one_pass(function: Callable[..., tf.Tensor], *arguments: tf.Tensor | None) -> tf.Tensor:
    """`function(*arguments)`, of numbers one by one, compiled by XLA."""
    compiled = tf.function(function, autograph=False, jit_compile=True)
    return compiled.get_concrete_function(*arguments)(*arguments)


class _BatchNorms:
    """Applies convolution after convolution of a layer with all that follows it: its batch norm, as `row` says or by
    the batch's own statistics, which are gathered; its activation; and an addition."""

    def __init__(self, row: tf.Tensor, by_batch: bool) -> None:
        self._row, self._by_batch = row, by_batch
        self._read = 0
        self._measured = [tf.zeros([0])]

    def __call__(
        self, conv: ConvBN, x: tf.Tensor, gates: tf.Tensor | None = None, added: tf.Tensor | None = None
    ) -> tf.Tensor:
        channels = conv.gamma.shape[0]
        middle, end = self._read + channels, self._read + 2 * channels
        scale, shift = self._row[self._read : middle], self._row[middle:end]
        self._read = end

        def finished(y: tf.Tensor, shift: tf.Tensor | None, added: tf.Tensor | None) -> tf.Tensor:
            y = activate(y if shift is None else tf.nn.bias_add(y, shift), conv.activation)
            return y if added is None else y + added

        if self._by_batch:
            y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=conv.convolve(x, gates=gates), scale=scale, offset=shift, mean=[], variance=[], epsilon=BN_EPSILON
            )
            self._measured += [mean, variance]  # the latter unbiased, as moving variances are
            return _in_one_pass(finished, y, None, added)
        y = conv.convolve(x, scale, gates)
        if has_accelerator() or (conv.depthwise and conv.stride > 1) or added is not None:
            # On a CPU TensorFlow would fuse the latter two as well, and end the program: of the padding of a strided
            # depthwise convolution nothing is left then, and an addition may not be in two threads at a time.
            return _in_one_pass(finished, y, shift, added)
        return finished(y, shift, added)

    @property
    def statistics(self) -> tf.Tensor:
        return tf.concat(self._measured, 0)


def frozen_pass(
    layer: keras.layers.Layer, x: tf.Tensor, row: tf.Tensor, shortcut: bool, by_batch: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """What `layer`, the stem, an entry, a candidate or the head's convolution, makes of x (batch, h, w, c); and
    statistics.

    row: float32, the batch norms as `folded`, and no statistics come back; or, `by_batch`, their `parameters`: then
    each normalises by the statistics of this batch, which come back laid out alike, variances unbiased.
    """
    if isinstance(layer, Stabilizer):
        return layer.call(x), tf.zeros([0])
    batch = x.shape[0]
    at_a_time = batch if by_batch or has_accelerator() else _images_at_a_time(layer, x)
    if at_a_time == batch:
        normalised = _BatchNorms(row, by_batch)
        y = _pass(layer, x, normalised, shortcut)
        return y, normalised.statistics
    parts = batch // at_a_time

    def compute(part: tf.Tensor, ys: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        images = tf.slice(x, [part * at_a_time, 0, 0, 0], [at_a_time, *x.shape[1:]])  # no copy, where map_fn makes one
        return part + 1, ys.write(part, _pass(layer, images, _BatchNorms(row, by_batch), shortcut))

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


def _pass(layer: keras.layers.Layer, x: tf.Tensor, normalised: _BatchNorms, shortcut: bool) -> tf.Tensor:
    *convs, last = batch_norms(layer)
    y = layer.pooled(x) if isinstance(layer, ConvBlock) else x
    for conv in convs:
        y = normalised(conv, y)
    gates = None
    if isinstance(layer, InvertedBottleneck) and layer.use_se:
        gates = layer.gates(tf.nn.avg_pool2d(y, y.shape[1:3], 1, "VALID"), training=False)
    return normalised(last, y, gates, x if shortcut else None)
