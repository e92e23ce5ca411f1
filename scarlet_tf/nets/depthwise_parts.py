"""A large depthwise convolution as a sum of smaller ones, for runtimes that have no kernel for the large one.

XNNPACK, which runs TFLite files on CPUs, has depthwise kernels for up to 25 taps. A 7x7 one goes a general way there
that takes five to eighteen times as long as the sum of its three middle rows, the two beside them and the two outermost
(`python -m benchmarks.export_speed`). Rows at equal distance from the centre are a dilated convolution, which SAME pads
as it should. Nothing but the order of sums changes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

MAX_TAPS = 25
_SETTING = "depthwise_in_parts"


@contextmanager
def depthwise_in_parts(model: keras.Model) -> Iterator[None]:
    """While the block is traced, large depthwise convolutions of `model` are sums of small ones, but for training."""
    layers = list(model._flatten_layers())
    for layer in layers:
        setattr(layer, _SETTING, True)
    try:
        yield
    finally:
        for layer in layers:
            setattr(layer, _SETTING, False)


def is_in_parts(layer: keras.layers.Layer, kernel_size: int) -> bool:
    """Whether `layer`'s depthwise convolutions of that size are to be sums of small ones now."""
    return getattr(layer, _SETTING, False) and kernel_size**2 > MAX_TAPS


def row_parts(kernel_size: int) -> list[tuple[slice, int]]:
    """The rows of a kernel of odd size in as few parts of at most MAX_TAPS taps as there are, with their dilation: some
    at the centre, then pairs at equal distance from it."""
    centre, middle = kernel_size // 2, (MAX_TAPS // kernel_size - 1) // 2
    parts = [(slice(centre - middle, centre + middle + 1), 1)]
    for distance in range(middle + 1, centre + 1):
        parts.append((slice(centre - distance, centre + distance + 1, 2 * distance), 2 * distance))
    return parts


def summed_depthwise(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, stride: int) -> tf.Tensor:
    """x (batch, h, w, c) by kernel (k, k, c, 1), padded by k // 2 on each side, plus bias (c,).

    To be converted or compiled: TensorFlow runs its dilated convolutions by XLA or oneDNN, but not on every CPU by its
    own kernels.
    """
    size = kernel.shape[0]
    total = None
    for rows, dilation in row_parts(size):
        part, padding, padded = kernel[rows], "SAME", x
        if stride > 1:  # where TensorFlow's SAME pads unevenly
            above = size // 2 - rows.start
            padded, padding = tf.pad(x, [[0, 0], [above, above], [size // 2, size // 2], [0, 0]]), "VALID"
        y = tf.raw_ops.DepthwiseConv2dNative(
            input=padded,
            filter=part,
            strides=[1, stride, stride, 1],
            padding=padding,
            dilations=[1, dilation, 1, 1],
        )
        total = tf.nn.bias_add(y, bias) if total is None else total + y
    return total
