"""Operations as training wants them: the usual values, with gradients that cost less time and memory."""

import math

import numpy as np
import tensorflow as tf

MAX_FAST_WIDTH = 3  # of a filter for whose gradient oneDNN has a depthwise kernel


def has_accelerator() -> bool:
    """Whether TensorFlow runs on a GPU or TPU, too; it starts its devices."""
    return bool(tf.config.list_logical_devices("GPU") + tf.config.list_logical_devices("TPU"))


@tf.custom_gradient
def sixfold_hard_swish(x: tf.Tensor) -> tuple:
    """x * relu6(x + 3). Keeps its slope for the gradient, where TensorFlow would keep x and what is in between."""
    gate = tf.nn.relu6(x + 3.0)
    slope = gate + tf.raw_ops.Relu6Grad(gradients=x, features=gate)
    with tf.control_dependencies([slope]):  # so that the product is the last to read x, and takes its memory
        y = x * gate
    return y, lambda upstream: slope * upstream


def pointwise_conv(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """x (batch, h, w, in) by kernel (1, 1, in, out), as products of matrices: for oneDNN they are the faster ones."""
    _, height, width, channels = x.shape
    filters = kernel.shape[3]

    @tf.custom_gradient
    def conv(x: tf.Tensor, kernel: tf.Tensor) -> tuple:
        pixels, matrix = tf.reshape(x, [-1, channels]), tf.reshape(kernel, [channels, filters])

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            upstream = tf.reshape(upstream, [-1, filters])
            of_x = tf.matmul(upstream, matrix, transpose_b=True)
            of_kernel = tf.matmul(pixels, upstream, transpose_a=True)
            return tf.reshape(of_x, [-1, height, width, channels]), tf.reshape(of_kernel, kernel.shape)

        return tf.reshape(tf.matmul(pixels, matrix), [-1, height, width, filters]), gradient

    return conv(x, tf.convert_to_tensor(kernel))


def depthwise_conv(x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Depthwise convolution of x (batch, h, w, c) with kernel (k, k, c, 1), k 1, 3, 5 or 7; k // 2 zeros on each side.

    On a CPU the gradients are computed in other ways. oneDNN has no kernel of them for EXPLICIT padding, and to pad or
    crop images takes as long as to convolve them. For filters wider than three columns it has no depthwise one
    of the filter's gradient, and one for grouped convolutions takes three to ten times as long as computing three
    columns at a time. A GPU and a TPU get the whole at once.
    """
    pad = kernel.shape[0] // 2
    if x.dtype != tf.float32 or has_accelerator():
        padding = "SAME"
        if stride > 1:  # where TensorFlow's SAME pads unevenly
            x, padding = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]]), "VALID"
        return tf.raw_ops.DepthwiseConv2dNative(input=x, filter=kernel, strides=[1, stride, stride, 1], padding=padding)
    explicit = {
        "strides": [1, stride, stride, 1],
        "padding": "EXPLICIT",
        "explicit_paddings": [0, 0, pad, pad, pad, pad, 0, 0],
    }

    @tf.custom_gradient
    def conv(x: tf.Tensor, kernel: tf.Tensor) -> tuple:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            if stride == 1:
                of_kernel = _filter_gradient(x, kernel.shape, upstream)
            else:  # TensorFlow's own kernel, which is fast there
                of_kernel = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                    input=x, filter_sizes=kernel.shape, out_backprop=upstream, **explicit
                )
            return _input_gradient(x, kernel, upstream, stride), of_kernel

        return tf.raw_ops.DepthwiseConv2dNative(input=x, filter=kernel, **explicit), gradient

    return conv(x, tf.convert_to_tensor(kernel))


def _input_gradient(x: tf.Tensor, kernel: tf.Tensor, upstream: tf.Tensor, stride: int) -> tf.Tensor:
    """The gradient (batch, h, w, c) of the images.

    At stride 2 SAME puts k // 2 zeros before images of even sides, too, where the filter gets a row and a column of
    zeros at its ends.
    """
    if stride > 1:
        sizes = [tf.shape(x)[axis] if x.shape[axis] is None else x.shape[axis] for axis in (1, 2)]
        beyond = [[0, (size - 1) % stride] for size in sizes]
        kernel = tf.pad(kernel, [*beyond, [0, 0], [0, 0]])
    return tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
        input_sizes=tf.shape(x),
        filter=kernel,
        out_backprop=upstream,
        strides=[1, stride, stride, 1],
        padding="SAME",
    )


def _filter_gradient(x: tf.Tensor, kernel_shape: tf.TensorShape, upstream: tf.Tensor) -> tf.Tensor:
    """The gradient (k, k, c, 1) of the filter at stride 1, at most three of its columns at a time."""
    size, _, channels, _ = kernel_shape
    pad, width = size // 2, min(size, MAX_FAST_WIDTH)

    def columns(images: tf.Tensor, upstream: tf.Tensor, padding: str) -> tf.Tensor:
        return tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
            input=images,
            filter_sizes=[size, width, channels, 1],
            out_backprop=upstream,
            strides=[1, 1, 1, 1],
            padding=padding,
        )

    # oneDNN is slow at SAME on images smaller than the filter
    is_small = any(side is None or side < size for side in x.shape[1:3])
    if not is_small and size == width:
        return columns(x, upstream, "SAME")
    if not is_small and size == 7:
        # The outer two columns of a side meet zeros alone where `upstream` is cropped here; the third is left out.
        left = columns(x[:, :, :-2], upstream[:, :, 2:], "SAME")[:, :2]
        right = columns(x[:, :, 2:], upstream[:, :, :-2], "SAME")[:, 1:]
        return tf.concat([left, columns(x, upstream, "SAME"), right], axis=1)
    starts = np.linspace(0, size - width, math.ceil(size / width), dtype=int)
    parts = []
    for start, following in zip(starts, [*starts[1:], size], strict=True):
        before, after = pad - start, start + width - 1 - pad  # columns of zeros; below none, of x to leave out
        images = x[:, :, max(-before, 0) : min(after, 0) or None]
        images = tf.pad(images, [[0, 0], [pad, pad], [max(before, 0), max(after, 0)], [0, 0]])
        parts.append(columns(images, upstream, "VALID")[:, : following - start])
    return tf.concat(parts, axis=1)
