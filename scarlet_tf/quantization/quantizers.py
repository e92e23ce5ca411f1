"""What is rounded to 8 bits in a layer of the twin, and how, as TFLite will do it."""

from collections.abc import Callable

import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

_quantizers = tfmot.quantization.keras.quantizers


class PerChannel(_quantizers.Quantizer):
    """Rounds a kernel to -127..127 steps of its own for each output channel, by the largest magnitude there is now.

    tfmot's own for convolutions keeps the range of the step before, and takes all channels of a depthwise kernel
    (k, k, c, 1) together. `depthwise` reshapes such a one as TFLite does, (1, k, k c / k, c), for its last axis to be
    the channels.
    """

    def __init__(self, depthwise: bool = False) -> None:
        self.depthwise = depthwise

    def build(self, tensor_shape: tf.TensorShape, name: str, layer: tf_keras.layers.Layer) -> dict:
        return {}

    def __call__(self, inputs: tf.Tensor, training: bool, weights: dict, **kwargs: object) -> tf.Tensor:
        kernel = tf.reshape(inputs, [1, *inputs.shape[:3]]) if self.depthwise else tf.convert_to_tensor(inputs)
        # A channel of zeros has no range of its own.
        largest = tf.maximum(tf.reduce_max(tf.abs(kernel), list(range(len(kernel.shape) - 1))), 1e-9)
        rounded = tf.quantization.fake_quant_with_min_max_vars_per_channel(
            kernel, -largest, largest, num_bits=8, narrow_range=True
        )
        return tf.reshape(rounded, inputs.shape)

    def get_config(self) -> dict:
        return {"depthwise": self.depthwise}


class Range(_quantizers.MovingAverageQuantizer):
    """Rounds an activation to 256 steps between a smallest and a largest value, moving averages over the training."""

    def __init__(self) -> None:
        super().__init__(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)

    def get_config(self) -> dict:
        return {}


SWISH_FLOOR = -3.0
"""Hard-swish is 0 from here on down: what it reads need not go below."""


class SwishRange(Range):
    """The same for what a hard-swish reads: steps that it would make nothing of are spared."""

    def __call__(self, inputs: tf.Tensor, training: bool, weights: dict, **kwargs: object) -> tf.Tensor:
        if training:  # and else by the range itself
            inputs = tf.maximum(inputs, SWISH_FLOOR)
        return super().__call__(inputs, training, weights, **kwargs)


class Gate(_quantizers.FixedQuantizer):
    """Rounds what is between 0 and 6 by its nature."""

    def __init__(self) -> None:
        super().__init__(num_bits=8, init_min=0.0, init_max=6.0, narrow_range=False)

    def get_config(self) -> dict:
        return {}


OUTPUTS = {"range": Range, "swish": SwishRange, "gate": Gate}


class Quantized(tfmot.quantization.keras.QuantizeConfig):
    """Which of a layer's values are rounded: its kernel, where it is named, and its output, as one of OUTPUTS."""

    def __init__(self, kernel: str | None = None, output: str | None = "range") -> None:
        self.kernel, self.output = kernel, output

    def get_weights_and_quantizers(self, layer: tf_keras.layers.Layer) -> list[tuple]:
        if self.kernel is None:
            return []
        return [(getattr(layer, self.kernel), PerChannel(self.kernel == "depthwise_kernel"))]

    def get_activations_and_quantizers(self, layer: tf_keras.layers.Layer) -> list[tuple[Callable, object]]:
        return []

    def set_quantize_weights(self, layer: tf_keras.layers.Layer, quantize_weights: list[tf.Tensor]) -> None:
        if self.kernel is not None:
            setattr(layer, self.kernel, quantize_weights[0])

    def set_quantize_activations(self, layer: tf_keras.layers.Layer, quantize_activations: list) -> None:
        pass

    def get_output_quantizers(self, layer: tf_keras.layers.Layer) -> list:
        return [] if self.output is None else [OUTPUTS[self.output]()]

    def get_config(self) -> dict:
        return {"kernel": self.kernel, "output": self.output}
