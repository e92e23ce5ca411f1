"""The fixed parts of a network and its inverted bottleneck, one Keras layer a block."""

import keras
import tensorflow as tf

from scarlet_tf.arch.cost import SE_REDUCTION
from scarlet_tf.nets.conv_bn import ConvBN, downsampled, joined, kernel_initializer, multiplied, split

_LANES = "lanes"


def lay_lanes(model: keras.Model, lanes: int) -> None:
    """Has the channels inside each block of `model` worked out in as many parts, which can run side by side.

    From a block's first convolution to its last one no channel meets another, but for squeeze-excite's few numbers: so
    nothing is computed twice, and nothing but the rounding of sums changes. It is a setting of whoever runs the model,
    and no part of the network: no file keeps it.
    """
    for layer in model._flatten_layers():
        setattr(layer, _LANES, lanes)


def _num_lanes(layer: keras.layers.Layer, channels: int) -> int:
    lanes = getattr(layer, _LANES, 1)
    return lanes if channels % lanes == 0 else 1


def _convolve_pixel(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, training: bool) -> tf.Tensor:
    """x (batch, 1, 1, in) by kernel (1, 1, in, out). As a convolution its gradients take a CPU three times as long."""
    if not training:
        return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "VALID"), bias)
    product = tf.matmul(tf.reshape(x, [-1, kernel.shape[2]]), tf.reshape(kernel, kernel.shape[2:]))
    # Not by bias_add: oneDNN's graph rewrite merges its gradient with that of any convolution whose upstream is a
    # result of the same operation, be it another result, and so with a wrong one where a path's pass is cut in parts.
    return tf.reshape(product + bias, [-1, 1, 1, kernel.shape[3]])


@keras.saving.register_keras_serializable("scarlet_tf")
class Stem(keras.layers.Layer):
    """conv3x3 with `stride`, BN, activation; with `separable_filters`, a depthwise separable convolution more.

    Input (batch, h, w, 3), output (batch, ceil(h / stride), ceil(w / stride), separable_filters or filters).
    """

    def __init__(self, filters: int, stride: int, separable_filters: int | None, activation: str, **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters, self.stride = filters, stride
        self.separable_filters, self.activation = separable_filters, activation

    def build(self, input_shape: tuple) -> None:
        act = self.activation
        self.convs = [ConvBN(self, "conv", 3, input_shape[-1], self.filters, self.stride, act)]
        if self.separable_filters:
            depthwise = ConvBN(self, "depthwise", 3, self.filters, None, activation=act, follows=self.convs[0])
            pointwise = ConvBN(self, "pointwise", 1, self.filters, self.separable_filters, follows=depthwise)
            self.convs += [depthwise, pointwise]
        self.built = True

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        first, *separable = self.convs
        if not separable:
            return first(x, training)
        depthwise, pointwise = separable
        lanes = [x] * _num_lanes(self, self.filters)
        lanes = depthwise.in_lanes(first.in_lanes(lanes, training), training)
        return pointwise.of_lanes(lanes, training)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return downsampled(input_shape, self.stride, self.separable_filters or self.filters)

    def get_config(self) -> dict:
        return super().get_config() | {
            "filters": self.filters,
            "stride": self.stride,
            "separable_filters": self.separable_filters,
            "activation": self.activation,
        }


@keras.saving.register_keras_serializable("scarlet_tf")
class InvertedBottleneck(keras.layers.Layer):
    """conv1x1 to `hidden_channels`, depthwise, optional squeeze-excite, conv1x1 to `filters`, optional shortcut.

    `in_stride` is the stride of the first convolution: that of skipped slots before the block. Input
    (batch, h, w, c); output (batch, ceil(h / s), ceil(w / s), filters) with s = in_stride * stride.
    """

    def __init__(
        self,
        hidden_channels: int,
        filters: int,
        kernel_size: int,
        stride: int = 1,
        in_stride: int = 1,
        use_se: bool = False,
        use_shortcut: bool = False,
        activation: str = "hard_swish",
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if use_shortcut and stride * in_stride != 1:
            raise ValueError(f"A shortcut needs stride 1. Received: stride={stride}, in_stride={in_stride}.")
        self.hidden_channels, self.filters, self.kernel_size = hidden_channels, filters, kernel_size
        self.stride, self.in_stride = stride, in_stride
        self.use_se, self.use_shortcut, self.activation = use_se, use_shortcut, activation

    def build(self, input_shape: tuple) -> None:
        hidden, act = self.hidden_channels, self.activation
        self.expand = ConvBN(self, "expand", 1, input_shape[-1], hidden, self.in_stride, act)
        self.depthwise = ConvBN(self, "depthwise", self.kernel_size, hidden, None, self.stride, act, self.expand)
        if self.use_se:
            squeezed = hidden // SE_REDUCTION
            for name, shape in (("squeeze", (hidden, squeezed)), ("excite", (squeezed, hidden))):
                kernel = self.add_weight(name=f"{name}_kernel", shape=(1, 1, *shape), initializer=kernel_initializer())
                bias = self.add_weight(name=f"{name}_bias", shape=shape[1:], initializer="zeros")
                setattr(self, f"{name}_kernel", kernel)
                setattr(self, f"{name}_bias", bias)
        self.project = ConvBN(self, "project", 1, hidden, self.filters, follows=self.depthwise)
        self.built = True

    def call(self, x: tf.Tensor, shortcut: bool | tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        """`shortcut` overrides `use_shortcut`: a bool, or a scalar tensor of 0 or 1 where a path decides."""
        shortcut = self.use_shortcut if shortcut is None else shortcut
        lanes = [x] * _num_lanes(self, self.hidden_channels)
        lanes = self.expand.in_lanes(lanes, training)
        lanes = self.depthwise.in_lanes(lanes, training)  # each (batch, h / s, w / s, hidden / lanes)
        if self.use_se:
            lanes = self._excited(lanes, training)
        y = self.project.of_lanes(lanes, training)
        if isinstance(shortcut, bool):
            return x + y if shortcut else y
        return y + tf.cast(shortcut, x.dtype) * x

    def gates(self, pooled: tf.Tensor, training: bool) -> tf.Tensor:
        """What squeeze-excite multiplies the channels by, of their means; both (batch, 1, 1, hidden)."""
        squeezed = _convolve_pixel(pooled, self.squeeze_kernel.value, self.squeeze_bias.value, training)
        excited = _convolve_pixel(tf.nn.relu(squeezed), self.excite_kernel.value, self.excite_bias.value, training)
        return tf.nn.relu6(excited + 3.0) * (1.0 / 6.0)

    def _excited(self, lanes: list[tf.Tensor], training: bool) -> list[tf.Tensor]:
        pooled = joined([tf.reduce_mean(y, [1, 2], keepdims=True) for y in lanes], axis=3)
        if training and self.trainable:
            pooled = multiplied(pooled, 1.0 / self.project.gain)
        gates = split(self.gates(pooled, training), len(lanes), axis=3)
        return [y * gate for y, gate in zip(lanes, gates, strict=True)]

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return downsampled(input_shape, self.in_stride * self.stride, self.filters)

    def get_config(self) -> dict:
        return super().get_config() | {
            "hidden_channels": self.hidden_channels,
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "in_stride": self.in_stride,
            "use_se": self.use_se,
            "use_shortcut": self.use_shortcut,
            "activation": self.activation,
        }


@keras.saving.register_keras_serializable("scarlet_tf")
class ProjectionConv(keras.layers.Layer):
    """conv1x1 to `filters` with `stride`, BN: what stays of some spaces' skip where shapes change.

    Input (batch, h, w, c), output (batch, ceil(h / stride), ceil(w / stride), filters).
    """

    def __init__(self, filters: int, stride: int = 1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters, self.stride = filters, stride

    def build(self, input_shape: tuple) -> None:
        self.conv = ConvBN(self, "conv", 1, input_shape[-1], self.filters, self.stride)
        self.built = True

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.conv(x, training)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return downsampled(input_shape, self.stride, self.filters)

    def get_config(self) -> dict:
        return super().get_config() | {"filters": self.filters, "stride": self.stride}


@keras.saving.register_keras_serializable("scarlet_tf")
class ConvBlock(keras.layers.Layer):
    """Max-pooling over `pool` x `pool` pixels with that stride; conv `kernel_size` x `kernel_size` to `filters`, BN,
    activation: a plain convolution, or the entry of a slot.

    Input (batch, h, w, c), output (batch, ceil(h / pool), ceil(w / pool), filters).
    """

    def __init__(self, filters: int, kernel_size: int, activation: str, pool: int = 1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.activation, self.pool = filters, kernel_size, activation, pool

    @property
    def stride(self) -> int:
        return self.pool

    def build(self, input_shape: tuple) -> None:
        self.conv = ConvBN(self, "conv", self.kernel_size, input_shape[-1], self.filters, activation=self.activation)
        self.built = True

    def pooled(self, x: tf.Tensor) -> tf.Tensor:
        """What the convolution reads."""
        return tf.nn.max_pool2d(x, self.pool, self.pool, "SAME") if self.pool > 1 else x

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        lanes = [self.pooled(x)] * _num_lanes(self, self.filters)
        return joined(self.conv.in_lanes(lanes, training), axis=3)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return downsampled(input_shape, self.pool, self.filters)

    def get_config(self) -> dict:
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "activation": self.activation,
            "pool": self.pool,
        }


@keras.saving.register_keras_serializable("scarlet_tf")
class HeadConv(keras.layers.Layer):
    """conv1x1 to `filters` with `in_stride`, BN, activation: what the pooling reads."""

    def __init__(self, filters: int, activation: str, in_stride: int = 1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters, self.activation, self.in_stride = filters, activation, in_stride

    def build(self, input_shape: tuple) -> None:
        self.conv = ConvBN(self, "conv", 1, input_shape[-1], self.filters, self.in_stride, self.activation)
        self.built = True

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        lanes = [x] * _num_lanes(self, self.filters)
        return joined(self.conv.in_lanes(lanes, training), axis=3)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return downsampled(input_shape, self.in_stride, self.filters)

    def get_config(self) -> dict:
        return super().get_config() | {
            "filters": self.filters,
            "activation": self.activation,
            "in_stride": self.in_stride,
        }
