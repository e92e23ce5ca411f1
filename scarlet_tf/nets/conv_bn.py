"""A convolution followed by batch normalisation, as weights inside a Keras layer.

One Keras layer per block owns its weights and calls TensorFlow's operations directly: a supernet of small layers takes
minutes to build and trace, this takes seconds.
"""

import keras
import tensorflow as tf

from scarlet_tf.nets import gradients, sync_batch_norm

BN_MOMENTUM = 0.9
BN_EPSILON = 1e-5


def activate(x: tf.Tensor, activation: str | None, training: bool = False) -> tf.Tensor:
    """Applies relu, relu6, hard_swish (x * relu6(x + 3) / 6) or, for None, nothing."""
    if activation is None:
        return x
    if activation == "hard_swish":
        return gradients.hard_swish(x) if training else x * (tf.nn.relu6(x + 3.0) * (1.0 / 6.0))
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


class ConvBN:
    """Bias-free convolution, batch norm, activation. Padding is kernel // 2 on each side, at every stride.

    Where `layer` is not trainable the batch norm keeps its statistics, and normalises by them, in training too. Each
    replica of a `tf.distribute` strategy takes the statistics of its own images, unless `sync_batch_norm.synchronise`
    was called.

    `filters` None makes it depthwise. The weights are `layer`'s: `kernel` (k, k, in, out), or (k, k, in, 1) depthwise,
    and `gamma`, `beta`, `mean`, `variance`, each (out,).
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
    ) -> None:
        self.layer, self.kernel_size, self.stride, self.activation = layer, kernel_size, stride, activation
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
        training = training and self.layer.trainable
        kernel, pad, padding = self.kernel.value, self.kernel_size // 2, "SAME"
        size = max(x.shape[1:3]) if None not in x.shape[1:3] else self.kernel_size
        if training and pad >= size:
            # the outer taps only ever meet padding
            kernel, pad = kernel[pad - size + 1 : pad + size, pad - size + 1 : pad + size], size - 1
        if training and self.depthwise:
            x = gradients.depthwise_conv(x, kernel, self.stride)
        else:
            if pad and self.stride > 1:  # where TensorFlow's SAME pads unevenly
                x, padding = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]]), "VALID"
            if self.depthwise:
                strides = [1, self.stride, self.stride, 1]
                x = tf.raw_ops.DepthwiseConv2dNative(input=x, filter=kernel, strides=strides, padding=padding)
            else:
                x = tf.nn.conv2d(x, kernel, self.stride, padding)
        return activate(self._normalise(x, training), self.activation, training)

    def _normalise(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        gamma, beta, mean, variance = (weight.value for weight in (self.gamma, self.beta, self.mean, self.variance))
        replicas = sync_batch_norm.replicas_of(self.layer) if training else None
        if replicas is not None:
            y, *batch = sync_batch_norm.batch_norm(x, gamma, beta, mean, BN_EPSILON, replicas)
            for statistic, moving, new in zip((self.mean, self.variance), (mean, variance), batch, strict=True):
                sync_batch_norm.assign(self.layer, statistic, moving - (moving - new) * (1.0 - BN_MOMENTUM))
            return y
        if x.dtype == tf.float64:  # for which the fused kernel is not made
            if training:
                mean, variance = tf.nn.moments(x, [0, 1, 2])
                count = tf.cast(tf.size(x) // tf.size(mean), x.dtype)
                unbiased = variance * (count / tf.maximum(count - 1.0, 1.0))
                for moving, batch in ((self.mean, mean), (self.variance, unbiased)):
                    moving.assign(moving.value * BN_MOMENTUM + batch * (1.0 - BN_MOMENTUM))
            return tf.nn.batch_normalization(x, mean, variance, beta, gamma, BN_EPSILON)
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=gamma,
            offset=beta,
            mean=mean,
            variance=variance,
            epsilon=BN_EPSILON,
            exponential_avg_factor=1.0 - BN_MOMENTUM,
            is_training=training,
        )
        if training:
            # already the moving averages, with the unbiased variance of the batch
            self.mean.assign(mean)
            self.variance.assign(variance)
        return y
