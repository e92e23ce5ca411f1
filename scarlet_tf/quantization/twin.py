"""A network's twin of tf_keras layers, the only ones that tensorflow-model-optimization takes, with its weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from scarlet_tf.errors import InputError
from scarlet_tf.nets import blocks
from scarlet_tf.nets.conv_bn import BN_EPSILON, BN_MOMENTUM, ConvBN
from scarlet_tf.nets.depthwise_parts import MAX_TAPS, row_parts
from scarlet_tf.quantization.layers import DepthwiseRows, FixedStatistics, Gate, ScaleOf, SwishGate
from scarlet_tf.quantization.quantizers import Quantized


@dataclass(frozen=True)
class Link:
    """A weight of the network, or some `rows` of it, and the same of the twin, which is larger by `factor`."""

    weight: keras.Variable
    twin: tf.Variable
    factor: float
    rows: tuple[int, ...] | None = None

    def read(self) -> None:
        """Copies the network's to the twin."""
        value = self.weight.numpy()
        value = value if self.rows is None else value[list(self.rows)]
        self.twin.assign(np.reshape(value, self.twin.shape) * np.float32(self.factor))

    def write(self) -> None:
        """Copies the twin's to the network."""
        value = self.twin.numpy() / np.float32(self.factor)
        if self.rows is not None:
            whole = self.weight.numpy().copy()
            whole[list(self.rows)] = value
            value = whole
        self.weight.assign(np.reshape(value, self.weight.shape))


@dataclass(frozen=True)
class Folded:
    """A convolution whose `kernel` takes up the scale of a batch norm, and the layers whose outputs, both rounded, are
    what it reads and what it gives."""

    kernel: tf.Variable
    depthwise: bool
    norm: FixedStatistics
    reads: str
    gives: str


@dataclass
class Twin:
    """`model`, of tf_keras, gives the logits of `source`, a standalone network, or those that it would have in 8 bits.

    Its hard-swish is x * relu6(x + 3), six times the real one, which the layer after it makes up for.
    """

    source: keras.Model
    model: tf_keras.Model
    links: list[Link] = field(repr=False)
    folded: list[Folded] = field(repr=False)

    def read(self) -> None:
        """Copies the weights of the source."""
        for link in self.links:
            link.read()

    def write(self) -> None:
        """Copies the weights back into the source."""
        for link in self.links:
            link.write()


def build_twin(source: keras.Model, quantised: bool = False) -> Twin:
    """The twin of `source`, a standalone network without stabilizers, with its weights.

    Raises InputError where it has a layer that has no twin.
    """
    builder = _Builder(quantised)
    image = tf_keras.Input(source.input_shape[1:], name="image")
    x = builder.image(image)
    for layer in source.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        build = _BUILDERS.get(type(layer))
        if build is None:
            raise InputError(
                f"--quantize=int8 is for networks of {', '.join(kind.__name__ for kind in _BUILDERS)}. "
                f"Received: {layer.name}, a {type(layer).__name__}."
            )
        x = build(builder, layer, x)
    twin = Twin(source, tf_keras.Model(image, x, name=source.name), builder.links, builder.folded)
    twin.read()
    return twin


class _Builder:
    """Adds layers to a twin. `gain` is what the last tensor is too large by."""

    def __init__(self, quantised: bool) -> None:
        self.quantised, self.links, self.folded, self.gain = quantised, [], [], 1.0

    def image(self, image: tf.Tensor) -> tf.Tensor:
        return self._add(tf_keras.layers.Activation("linear", name="image_quantized"), image, Quantized())

    def stem(self, layer: blocks.Stem, x: tf.Tensor) -> tf.Tensor:
        for name, conv in zip(("conv", "depthwise", "pointwise"), layer.convs, strict=False):
            x = self._conv_bn(f"{layer.name}_{name}", conv, x)
        return x

    def bottleneck(self, layer: blocks.InvertedBottleneck, x: tf.Tensor) -> tf.Tensor:
        y = self._conv_bn(f"{layer.name}_expand", layer.expand, x)
        y = self._conv_bn(f"{layer.name}_depthwise", layer.depthwise, y)
        if layer.use_se:
            y = self._squeeze_excite(layer, y)
        y = self._conv_bn(f"{layer.name}_project", layer.project, y)
        if not layer.use_shortcut:
            return y
        return self._add(tf_keras.layers.Add(name=f"{layer.name}_add"), [x, y], Quantized())

    def projection(self, layer: blocks.ProjectionConv, x: tf.Tensor) -> tf.Tensor:
        return self._conv_bn(f"{layer.name}_conv", layer.conv, x)

    def head(self, layer: blocks.HeadConv, x: tf.Tensor) -> tf.Tensor:
        return self._conv_bn(f"{layer.name}_conv", layer.conv, x)

    def pool(self, layer: keras.layers.Layer, x: tf.Tensor) -> tf.Tensor:
        return self._add(tf_keras.layers.GlobalAveragePooling2D(keepdims=True, name=layer.name), x, Quantized())

    def dropout(self, layer: keras.layers.Dropout, x: tf.Tensor) -> tf.Tensor:
        """Nothing: a short training needs none, and without it is a function of its batches alone."""
        return x

    def dense(self, layer: keras.layers.Dense, x: tf.Tensor) -> tf.Tensor:
        weights = {"kernel": (layer.kernel, 1.0 / self.gain), "bias": (layer.bias, 1.0)}
        self.gain = 1.0
        # A convolution: TFLite's converter takes a scale for each channel of one, of a dense layer only one for all.
        x = self._add(tf_keras.layers.Conv2D(layer.units, 1, name=layer.name), x, Quantized("kernel"), weights)
        return tf_keras.layers.Flatten(name=f"{layer.name}_flat")(x)

    def _add(
        self,
        layer: tf_keras.layers.Layer,
        x: tf.Tensor | list,
        config: Quantized,
        weights: Mapping[str, tuple] | None = None,
    ) -> tf.Tensor:
        """The output of `layer`, and `weights` linked: by their names in it, those of the source, factors, and rows."""
        if self.quantised:
            layer = tfmot.quantization.keras.QuantizeWrapperV2(layer, config, name=layer.name)
        x = layer(x)
        # A layer whose kernel is rounded has it no longer as an attribute.
        own = {weight.name.rpartition("/")[2].removesuffix(":0"): weight for weight in layer.weights}
        self.links += [Link(weight, own[name], *how) for name, (weight, *how) in (weights or {}).items()]
        return x

    def _conv_bn(self, name: str, conv: ConvBN, x: tf.Tensor) -> tf.Tensor:
        norm = FixedStatistics(momentum=BN_MOMENTUM, epsilon=BN_EPSILON * self.gain**2, name=f"{name}_bn")
        weights = {
            "gamma": (conv.gamma, 1.0),
            "beta": (conv.beta, 1.0),
            "moving_mean": (conv.mean, self.gain),
            "moving_variance": (conv.variance, self.gain**2),
        }
        self.gain = 1.0
        # What is read by one operation alone, an activation that is a part of the convolution, is never stored.
        output = {None: "range", "hard_swish": "swish"}.get(conv.activation)
        if conv.depthwise and conv.kernel_size**2 > MAX_TAPS:
            return self._activate(name, conv.activation, self._in_parts(name, conv, norm, weights, output, x))
        reads = x.node.layer.name
        x = self._convolve(name, conv, x)
        kernel = self.links[-1].twin
        x = self._add(norm, x, Quantized(output=output), weights)
        gives = norm.name if output else f"{name}_{conv.activation}"
        self.folded.append(Folded(kernel, conv.depthwise, norm, reads, gives))
        return self._activate(name, conv.activation, x)

    def _convolve(self, name: str, conv: ConvBN, x: tf.Tensor) -> tf.Tensor:
        padding = "same"
        if conv.stride > 1 and conv.kernel_size > 1:  # where tf_keras' "same" pads unevenly
            x, padding = tf_keras.layers.ZeroPadding2D(conv.kernel_size // 2, name=f"{name}_pad")(x), "valid"
        settings = {"strides": conv.stride, "padding": padding, "use_bias": False, "name": name}
        if conv.depthwise:
            layer, kernel = tf_keras.layers.DepthwiseConv2D(conv.kernel_size, **settings), "depthwise_kernel"
        else:
            layer, kernel = tf_keras.layers.Conv2D(conv.kernel.shape[3], conv.kernel_size, **settings), "kernel"
        return self._add(layer, x, Quantized(kernel, None), {kernel: (conv.kernel, 1.0)})

    def _in_parts(
        self, name: str, conv: ConvBN, norm: FixedStatistics, weights: Mapping, output: str | None, x: tf.Tensor
    ) -> tf.Tensor:
        """The sum of the convolutions by `row_parts`, each normalised: the kernel of each takes up its scale."""
        size = conv.kernel_size
        parts = [tuple(range(size)[rows]) for rows, _ in row_parts(size)]
        # On few pixels outer rows only ever meet padding.
        parts = [rows for rows in parts if rows == parts[0] or size // 2 - rows[0] < x.shape[1]]
        sums = []
        for number, rows in enumerate(parts):
            layer = DepthwiseRows(rows, size, conv.stride, name=f"{name}_rows_{number}")
            kernel = {"depthwise_kernel": (conv.kernel, 1.0, rows)}
            y = self._add(layer, x, Quantized("depthwise_kernel", None), kernel)
            kernel = self.links[-1].twin
            scaled = norm if number == 0 else ScaleOf(norm, name=f"{name}_scale_{number}")
            how = Quantized(output=output if len(parts) == 1 else "range")
            sums.append(self._add(scaled, y, how, weights if number == 0 else None))
            if how.output:
                self.folded.append(Folded(kernel, True, norm, x.node.layer.name, scaled.name))
        while len(sums) > 1:  # the outer ones first, whose sum is smaller and rounded finer
            pair, last = sums[-2:], len(sums) == 2
            add = tf_keras.layers.Add(name=f"{name}_sum_{len(sums)}")
            sums[-2:] = [self._add(add, pair, Quantized(output=output if last else "range"))]
        return sums[0]

    def _activate(self, name: str, activation: str | None, x: tf.Tensor) -> tf.Tensor:
        if activation is None:
            return x
        if activation == "hard_swish":
            gate = self._add(SwishGate(name=f"{name}_gate"), x, Quantized(output="gate"))
            self.gain = 6.0
            return self._add(tf_keras.layers.Multiply(name=f"{name}_hard_swish"), [x, gate], Quantized())
        largest = {"relu": None, "relu6": 6.0}[activation]
        return self._add(tf_keras.layers.ReLU(largest, name=f"{name}_{activation}"), x, Quantized())

    def _squeeze_excite(self, layer: blocks.InvertedBottleneck, x: tf.Tensor) -> tf.Tensor:
        gain, name = self.gain, layer.name
        pooled = tf_keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")
        squeeze = tf_keras.layers.Conv2D(layer.squeeze_kernel.shape[3], 1, name=f"{name}_squeeze")
        excite = tf_keras.layers.Conv2D(layer.excite_kernel.shape[3], 1, name=f"{name}_excite")
        y = self._add(pooled, x, Quantized())
        weights = {"kernel": (layer.squeeze_kernel, 1.0 / gain), "bias": (layer.squeeze_bias, 1.0)}
        y = self._add(squeeze, y, Quantized("kernel", None), weights)
        y = self._add(tf_keras.layers.ReLU(name=f"{name}_squeeze_relu"), y, Quantized())
        weights = {"kernel": (layer.excite_kernel, 1.0), "bias": (layer.excite_bias, 1.0)}
        y = self._add(excite, y, Quantized("kernel", None), weights)
        y = self._add(Gate(name=f"{name}_gates"), y, Quantized(output="gate"))
        self.gain = 6.0 * gain
        return self._add(tf_keras.layers.Multiply(name=f"{name}_excited"), [x, y], Quantized())


_BUILDERS: dict[type, Callable] = {
    blocks.Stem: _Builder.stem,
    blocks.InvertedBottleneck: _Builder.bottleneck,
    blocks.ProjectionConv: _Builder.projection,
    blocks.HeadConv: _Builder.head,
    keras.layers.GlobalAveragePooling2D: _Builder.pool,
    keras.layers.Dropout: _Builder.dropout,
    keras.layers.Dense: _Builder.dense,
}
