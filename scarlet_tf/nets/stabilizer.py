"""What stands in a supernet where an architecture skips a slot."""

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.nets.conv_bn import downsampled

STABILIZERS = ("els", "skip", "els_relu")


class _PaddedIdentity(keras.initializers.Initializer):
    def __call__(self, shape: tuple, dtype: str | None = None) -> tf.Tensor:
        return tf.eye(shape[2], shape[3], dtype=dtype or "float32")[tf.newaxis, tf.newaxis]


@keras.saving.register_keras_serializable("scarlet_tf")
class Stabilizer(keras.layers.Layer):
    """A skipped slot inside a supernet. Input (batch, h, w, c), output (batch, ceil(h / s), ceil(w / s), filters).

    kind "els": the Equivariant Learnable Stabilizer, a 1x1 convolution without bias, batch norm or activation (paper
    section 3.2), initialised to the (zero-padded) identity, so that it starts as the skip it replaces and stays well
    conditioned. "skip": no weights; channels are zero-padded or cut, pixels subsampled. "els_relu": ELS with a ReLU,
    the paper's counter-example (section 6.3), which no export can remove.
    """

    def __init__(self, filters: int, stride: int = 1, kind: str = "els", **kwargs) -> None:
        super().__init__(**kwargs)
        if kind not in STABILIZERS:
            raise ValueError(f"kind must be one of {STABILIZERS}. Received: {kind!r}.")
        self.filters, self.stride, self.kind = filters, stride, kind

    def build(self, input_shape: tuple) -> None:
        self.in_channels = input_shape[-1]
        if self.kind != "skip":
            self.kernel = self.add_weight(
                name="kernel", shape=(1, 1, self.in_channels, self.filters), initializer=_PaddedIdentity()
            )
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        if self.kind == "skip":
            x = x[:, :: self.stride, :: self.stride, : self.filters]
            return tf.pad(x, [[0, 0], [0, 0], [0, 0], [0, max(0, self.filters - self.in_channels)]])
        x = tf.nn.conv2d(x, self.kernel.value, self.stride, "VALID")
        return tf.nn.relu(x) if self.kind == "els_relu" else x

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return downsampled(input_shape, self.stride, self.filters)

    def matrix(self) -> np.ndarray:
        """The map of a pixel's channels, (in, filters) in float64: output = input @ matrix.

        Raises ValueError for "els_relu", which is no linear map.
        """
        if self.kind == "els_relu":
            raise ValueError("els_relu is no linear map. Received: kind='els_relu'.")
        if self.kind == "skip":
            return np.eye(self.in_channels, self.filters)
        return np.asarray(self.kernel, np.float64)[0, 0]

    def get_config(self) -> dict:
        return super().get_config() | {"filters": self.filters, "stride": self.stride, "kind": self.kind}
