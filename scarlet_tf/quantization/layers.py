"""Layers of a twin that tf_keras does not have."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import tensorflow as tf
import tf_keras


class Gate(tf_keras.layers.Layer):
    """relu6(x + 3), of which a hard-sigmoid is a sixth."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu6(x + 3.0)


class SwishGate(Gate):
    """The same, for a hard-swish."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        # The constant has a dimension: with a scalar, the converter would make HARD_SWISH of it and the product.
        return tf.nn.relu6(x + tf.constant([3.0]))


class FixedStatistics(tf_keras.layers.BatchNormalization):
    """A batch norm that normalises by its moving statistics in training too, and leaves them as they are."""

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return super().call(inputs, training=False)

    def factors(self) -> tf.Tensor:
        """What it multiplies each channel by."""
        return self.gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)


class ScaleOf(tf_keras.layers.Layer):
    """Multiplies channels as a FixedStatistics does, without weights of its own."""

    def __init__(self, norm: FixedStatistics, **kwargs) -> None:
        super().__init__(**kwargs)
        self._factors = norm.factors  # as a method: the norm is no layer of this one

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x * self._factors()

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape


class DepthwiseRows(tf_keras.layers.Layer):
    """A depthwise convolution by a square kernel of which only `rows`, evenly spaced about its middle, are not zero.

    Padding is kernel // 2 on each side, at every stride. The weight `depthwise_kernel` is (len(rows), k, c, 1).
    """

    def __init__(self, rows: Sequence[int], kernel_size: int, stride: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.rows, self.kernel_size, self.stride = tuple(rows), kernel_size, stride
        self.dilated = False

    def build(self, input_shape: tuple) -> None:
        shape = (len(self.rows), self.kernel_size, input_shape[-1], 1)
        self.depthwise_kernel = self.add_weight("depthwise_kernel", shape=shape)
        super().build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        kernel, step = tf.convert_to_tensor(self.depthwise_kernel), self.rows[1] - self.rows[0]
        if not self.dilated and step > 1:  # TensorFlow has no dilated depthwise kernel on CPUs
            spread = tf.pad(kernel[:, tf.newaxis], [[0, 0], [0, step - 1], [0, 0], [0, 0], [0, 0]])
            kernel = tf.reshape(spread, [-1, *kernel.shape[1:]])[: 1 - step]
            step = 1
        padding = "SAME"
        if self.stride > 1:  # where SAME pads unevenly
            rows, columns = self.kernel_size // 2 - self.rows[0], self.kernel_size // 2
            x, padding = tf.pad(x, [[0, 0], [rows, rows], [columns, columns], [0, 0]]), "VALID"
        strides, dilations = [1, self.stride, self.stride, 1], [1, step, 1, 1]
        return tf.raw_ops.DepthwiseConv2dNative(
            input=x, filter=kernel, strides=strides, padding=padding, dilations=dilations
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, height, width, channels = input_shape
        return batch, -(-height // self.stride), -(-width // self.stride), channels

    def get_config(self) -> dict:
        settings = {"rows": self.rows, "kernel_size": self.kernel_size, "stride": self.stride}
        return super().get_config() | settings


@contextmanager
def dilated_rows(model: tf_keras.Model) -> Iterator[None]:
    """Inside, `model` is traced with its DepthwiseRows as dilated convolutions, which TFLite has and runs fast."""
    rows = [getattr(layer, "layer", layer) for layer in model.layers]  # of a wrapper, what it wraps
    rows = [layer for layer in rows if isinstance(layer, DepthwiseRows)]
    try:
        for layer in rows:
            layer.dilated = True
        yield
    finally:
        for layer in rows:
            layer.dilated = False
