"""Operations as training wants them: the usual values, with gradients that cost less time and memory."""

import math

import numpy as np
import tensorflow as tf

MAX_FAST_WIDTH = 3  # of a filter for whose gradient oneDNN has a depthwise kernel


@tf.custom_gradient
def hard_swish(x: tf.Tensor) -> tuple:
    """x * relu6(x + 3) / 6. Keeps x alone for the gradient, where TensorFlow would keep what is in between as well."""

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        gate = tf.nn.relu6(x + 3.0)
        return (gate + tf.raw_ops.Relu6Grad(gradients=x, features=gate)) * upstream * (1.0 / 6.0)

    return x * (tf.nn.relu6(x + 3.0) * (1.0 / 6.0)), gradient


def depthwise_conv(x: tf.Tensor, kernel: tf.Tensor, stride: int, padding: str) -> tf.Tensor:
    """Depthwise convolution of x (batch, h, w, c) with kernel (k, k, c, 1), k odd; `padding` SAME needs stride 1.

    For filters wider than three columns oneDNN has no depthwise kernel of the gradient, and one for grouped
    convolutions takes three to ten times as long as computing two or three columns at a time. On a CPU that is how it
    is done here; a GPU and a TPU get the whole at once.
    """
    attributes = {"strides": [1, stride, stride, 1], "padding": padding}
    accelerators = tf.config.list_logical_devices("GPU") + tf.config.list_logical_devices("TPU")
    if x.dtype != tf.float32 or kernel.shape[1] <= MAX_FAST_WIDTH or accelerators:
        return tf.raw_ops.DepthwiseConv2dNative(input=x, filter=kernel, **attributes)

    @tf.custom_gradient
    def conv(x: tf.Tensor, kernel: tf.Tensor) -> tuple:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            of_input = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
                input_sizes=tf.shape(x), filter=kernel, out_backprop=upstream, **attributes
            )
            return of_input, _filter_gradient(x, kernel.shape, upstream, stride, padding)

        return tf.raw_ops.DepthwiseConv2dNative(input=x, filter=kernel, **attributes), gradient

    return conv(x, tf.convert_to_tensor(kernel))


def _filter_gradient(
    x: tf.Tensor, kernel_shape: tf.TensorShape, upstream: tf.Tensor, stride: int, padding: str
) -> tf.Tensor:
    """The gradient (k, k, c, 1) of the filter, a few of its columns at a time."""
    size, _, channels, _ = kernel_shape
    if padding == "SAME":
        pad = size // 2
        x = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
    reach = (tf.shape(upstream)[2] - 1) * stride  # from the first column of x that a tap reads to its last
    parts = []
    for columns in np.array_split(np.arange(size), math.ceil(size / MAX_FAST_WIDTH)):
        first, width = int(columns[0]), len(columns)
        parts.append(
            tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                input=x[:, :, first : first + reach + width],
                filter_sizes=[size, width, channels, 1],
                out_backprop=upstream,
                strides=[1, stride, stride, 1],
                padding="VALID",
            )
        )
    return tf.concat(parts, axis=1)
