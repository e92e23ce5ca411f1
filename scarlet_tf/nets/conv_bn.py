"""A convolution followed by batch normalisation, as weights inside a Keras layer.

One Keras layer per block owns its weights and calls TensorFlow's operations directly: a supernet of small layers takes
minutes to build and trace, this takes seconds.
"""

import functools
import operator
from collections.abc import Sequence
from typing import Self

import keras
import tensorflow as tf

from scarlet_tf.nets import gradients, sync_batch_norm
from scarlet_tf.nets.depthwise_parts import is_in_parts, summed_depthwise

BN_MOMENTUM = 0.9
BN_EPSILON = 1e-5


def activate(x: tf.Tensor, activation: str | None) -> tf.Tensor:
    """Applies relu, relu6, hard_swish (x * relu6(x + 3) / 6) or, for None, nothing."""
    if activation is None:
        return x
    if activation == "hard_swish":
        return x * (tf.nn.relu6(x + 3.0) * (1.0 / 6.0))
    return {"relu": tf.nn.relu, "relu6": tf.nn.relu6}[activation](x)


def kernel_initializer() -> keras.Initializer:
    """He-normal over the fan-out."""
    return keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="untruncated_normal")


def downsampled(shape: tuple, stride: int, filters: int) -> tuple:
    """The shape (batch, ceil(h / stride), ceil(w / stride), filters) of what a convolution of `shape` gives.

    Layers that state their output's shape need no trace to be placed in a model.
    """
    batch, height, width, _ = shape
    height, width = (None if size is None else -(-size // stride) for size in (height, width))
    return batch, height, width, filters


def split(x: tf.Tensor, parts: int, axis: int) -> list[tf.Tensor]:
    """`x` in equal parts."""
    if parts == 1:
        return [x]
    if any(size != 1 for size in x.shape[:axis]):
        return tf.split(x, parts, axis)
    # without a copy, which TensorFlow makes of all axes but the first
    rows = tf.split(tf.reshape(x, x.shape[axis:]), parts, 0)
    return [tf.reshape(part, [*x.shape[:axis], *part.shape]) for part in rows]


def joined(parts: Sequence[tf.Tensor], axis: int) -> tf.Tensor:
    """The inverse of `split`."""
    return tf.concat(parts, axis) if len(parts) > 1 else parts[0]


def multiplied(x: tf.Tensor, factor: float) -> tf.Tensor:
    """`x` by a number; nothing is computed for 1."""
    return x if factor == 1.0 else x * factor


class ConvBN:
    """Bias-free convolution, batch norm, activation. Padding is kernel // 2 on each side, at every stride.

    Where `layer` is not trainable the batch norm keeps its statistics, and normalises by them, in training too. Each
    replica of a `tf.distribute` strategy takes the statistics of its own images, unless `sync_batch_norm.synchronise`
    was called.

    `filters` None makes it depthwise. `follows` is what it reads the output of, if nothing else does: in training a
    hard-swish there leaves its sixth to the batch norm here, for which the scale of its inputs makes no difference.
    `gain` is then what they are too large by. The weights are `layer`'s: `kernel` (k, k, in, out), or (k, k, in, 1)
    depthwise, and `gamma`, `beta`, `mean`, `variance`, each (out,).
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        name: str,
        kernel_size: int,
        in_channels: int,
        filters: int | None,
        stride: int = 1,
        activation: str | None = None,
        follows: Self | None = None,
    ) -> None:
        self.layer, self.kernel_size, self.stride, self.activation = layer, kernel_size, stride, activation
        self.gain, self._output_gain = 1.0, 1.0
        if follows and follows.activation == "hard_swish":
            self.gain = follows._output_gain = 6.0
        self.depthwise = filters is None
        shape = (kernel_size, kernel_size, in_channels, filters or 1)
        self.kernel = layer.add_weight(name=f"{name}_kernel", shape=shape, initializer=kernel_initializer())
        channels = (filters or in_channels,)

        def vector(role: str, initializer: str, trainable: bool) -> keras.Variable:
            return layer.add_weight(
                name=f"{name}_{role}",
                shape=channels,
                initializer=initializer,
                trainable=trainable,
                autocast=False,
                aggregation="none" if trainable else "mean",  # replicas keep the mean of their statistics
            )

        self.gamma = vector("gamma", "ones", True)
        self.beta = vector("beta", "zeros", True)
        self.mean = vector("moving_mean", "zeros", False)
        self.variance = vector("moving_variance", "ones", False)

    def __call__(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        (y,) = self.in_lanes([x], training)
        return y

    def in_lanes(self, inputs: list[tf.Tensor], training: bool) -> list[tf.Tensor]:
        """The channels of the output in as many equal parts as there are `inputs`, each worked out of one of these.

        Each input is all channels of x; for a depthwise convolution, an equal part of them.
        """
        training = training and self.layer.trainable
        if self.depthwise and not training and is_in_parts(self.layer, self.kernel_size):
            return [self._in_parts(inputs)]
        kernels = split(self.kernel.value, len(inputs), axis=2 if self.depthwise else 3)
        return self._normalise(self._convolve(inputs, kernels, training), training)

    def of_lanes(self, inputs: list[tf.Tensor], training: bool) -> tf.Tensor:
        """The output, worked out of equal parts of the channels of x."""
        training = training and self.layer.trainable
        kernels = split(self.kernel.value, len(inputs), axis=2)
        y = functools.reduce(operator.add, self._convolve(inputs, kernels, training))
        (y,) = self._normalise([y], training)
        return y

    def convolve(self, x: tf.Tensor, scale: tf.Tensor | None = None, gates: tf.Tensor | None = None) -> tf.Tensor:
        """The convolution alone, of x (batch, h, w, in) of a known size, where no gradient is asked for.

        scale: (out,), by which the outputs are multiplied. gates: (batch, 1, 1, in), by which the inputs are; only of a
        pointwise convolution.
        """
        kernel = self.kernel.value
        if scale is not None:
            kernel = kernel * (scale[:, tf.newaxis] if self.depthwise else scale)
        if gates is not None:
            batch, height, width, channels = x.shape
            if height * width < kernel.shape[3]:
                x *= gates
            else:  # a kernel for each image is the smaller product
                kernels = kernel[0] * tf.reshape(gates, [batch, channels, 1])
                y = tf.matmul(tf.reshape(x, [batch, -1, channels]), kernels)
                return tf.reshape(y, [batch, height, width, -1])
        if self.depthwise and self.stride > 1:  # padded first, it would take a CPU twice as long
            pad = self.kernel_size // 2
            return tf.raw_ops.DepthwiseConv2dNative(
                input=x,
                filter=kernel,
                strides=[1, self.stride, self.stride, 1],
                padding="EXPLICIT",
                explicit_paddings=[0, 0, pad, pad, pad, pad, 0, 0],
            )
        return self._convolve_one(x, kernel, training=False)

    def _convolve(self, lanes: list[tf.Tensor], kernels: list[tf.Tensor], training: bool) -> list[tf.Tensor]:
        if len(lanes) > 1 and self.kernel_size == self.stride == 1 and None not in lanes[0].shape[1:3]:
            # Not without lanes: a fair step is of so many convolutions that it would start later for it.
            return [gradients.pointwise_conv(x, kernel) for x, kernel in zip(lanes, kernels, strict=True)]
        return [self._convolve_one(x, kernel, training) for x, kernel in zip(lanes, kernels, strict=True)]

    def _convolve_one(self, x: tf.Tensor, kernel: tf.Tensor, training: bool) -> tf.Tensor:
        pad, padding = self.kernel_size // 2, "SAME"
        size = max(x.shape[1:3]) if None not in x.shape[1:3] else self.kernel_size
        if training and pad >= size:
            # the outer taps only ever meet padding
            kernel, pad = kernel[pad - size + 1 : pad + size, pad - size + 1 : pad + size], size - 1
        if training and self.depthwise:
            return gradients.depthwise_conv(x, kernel, self.stride)
        if pad and self.stride > 1:  # where TensorFlow's SAME pads unevenly
            x, padding = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]]), "VALID"
        if self.depthwise:
            strides = [1, self.stride, self.stride, 1]
            return tf.raw_ops.DepthwiseConv2dNative(input=x, filter=kernel, strides=strides, padding=padding)
        return tf.nn.conv2d(x, kernel, self.stride, padding)

    def _in_parts(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        (x,) = inputs
        scale = self.gamma.value / tf.sqrt(self.variance.value + BN_EPSILON)
        bias = self.beta.value - self.mean.value * scale  # a batch norm after a sum could not be folded
        y = summed_depthwise(x, self.kernel.value * scale[:, tf.newaxis], bias, self.stride)
        return activate(y, self.activation)

    def _normalise(self, lanes: list[tf.Tensor], training: bool) -> list[tf.Tensor]:
        """Batch norm and activation of equal parts of the channels."""
        gains = 1.0, 1.0, self.gain, self.gain**2
        vectors = self.gamma.value, self.beta.value, self.mean.value, self.variance.value
        if training:
            vectors = [multiplied(vector, gain) for vector, gain in zip(vectors, gains, strict=True)]
        own = [split(vector, len(lanes), axis=0) for vector in vectors]
        outputs, *statistics = zip(
            *(self._batch_norm(x, *of_lane, training) for x, *of_lane in zip(lanes, *own, strict=True)), strict=True
        )
        if not training:
            return [activate(x, self.activation) for x in outputs]
        for statistic, parts, gain in zip((self.mean, self.variance), statistics, gains[2:], strict=True):
            sync_batch_norm.assign(self.layer, statistic, multiplied(joined(parts, axis=0), 1.0 / gain))
        if self.activation != "hard_swish":
            return [activate(x, self.activation) for x in outputs]
        return [multiplied(gradients.sixfold_hard_swish(x), self._output_gain / 6.0) for x in outputs]

    def _batch_norm(
        self,
        x: tf.Tensor,
        gamma: tf.Tensor,
        beta: tf.Tensor,
        mean: tf.Tensor,
        variance: tf.Tensor,
        training: bool,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The normalised x, and the next moving mean and (unbiased) variance."""
        epsilon = BN_EPSILON * self.gain**2 if training else BN_EPSILON
        replicas = sync_batch_norm.replicas_of(self.layer) if training else None
        if replicas is None and x.dtype != tf.float64:  # for which the fused kernel is not made
            y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=x,
                scale=gamma,
                offset=beta,
                mean=mean,
                variance=variance,
                epsilon=epsilon,
                exponential_avg_factor=1.0 - BN_MOMENTUM,
                is_training=training,
            )
            return y, mean, variance
        if not training:
            return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon), mean, variance
        if replicas is not None:
            y, *batch = sync_batch_norm.batch_norm(x, gamma, beta, mean, epsilon, replicas)
        else:
            batch_mean, biased = tf.nn.moments(x, [0, 1, 2])
            count = tf.cast(tf.size(x) // tf.size(batch_mean), x.dtype)
            batch = batch_mean, biased * (count / tf.maximum(count - 1.0, 1.0))
            y = tf.nn.batch_normalization(x, batch_mean, biased, beta, gamma, epsilon)
        return y, *(
            moving - (moving - new) * (1.0 - BN_MOMENTUM) for moving, new in zip((mean, variance), batch, strict=True)
        )
