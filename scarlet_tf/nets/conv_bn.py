"""A convolution followed by batch normalisation, as weights inside a Keras layer.

One Keras layer per block owns its weights and calls TensorFlow's operations directly: a supernet of small layers takes
minutes to build and trace, this takes seconds.
"""

import keras
import tensorflow as tf

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


class ConvBN:
    """Bias-free convolution, batch norm, activation. Padding is kernel // 2 on each side, at every stride.

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
        self.kernel_size, self.stride, self.activation = kernel_size, stride, activation
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
        padding = "SAME"
        if self.stride > 1 and self.kernel_size > 1:
            # TensorFlow's SAME pads unevenly here.
            pad = [self.kernel_size // 2] * 2
            x, padding = tf.pad(x, [[0, 0], pad, pad, [0, 0]]), "VALID"
        kernel = self.kernel.value
        if self.depthwise:
            x = tf.nn.depthwise_conv2d(x, kernel, [1, self.stride, self.stride, 1], padding)
        else:
            x = tf.nn.conv2d(x, kernel, self.stride, padding)
        return activate(self._normalise(x, training), self.activation)

    def _normalise(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        gamma, beta = self.gamma.value, self.beta.value
        fused = x.dtype != tf.float64  # the fused kernel has no float64
        if not training:
            mean, variance = self.mean.value, self.variance.value
            if fused:
                return tf.compat.v1.nn.fused_batch_norm(
                    x, gamma, beta, mean, variance, epsilon=BN_EPSILON, is_training=False
                )[0]
            return tf.nn.batch_normalization(x, mean, variance, beta, gamma, BN_EPSILON)
        if fused:
            y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=BN_EPSILON)
        else:
            mean, variance = tf.nn.moments(x, [0, 1, 2])
            y = tf.nn.batch_normalization(x, mean, variance, beta, gamma, BN_EPSILON)
            count = tf.cast(tf.size(x) // tf.size(mean), x.dtype)
            variance *= count / tf.maximum(count - 1.0, 1.0)  # unbiased, as the fused kernel returns it
        self.mean.assign(self.mean.value * BN_MOMENTUM + mean * (1.0 - BN_MOMENTUM))
        self.variance.assign(self.variance.value * BN_MOMENTUM + variance * (1.0 - BN_MOMENTUM))
        return y
