"""From where to where activations go, seen on images."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras

from scarlet_tf.quantization.quantizers import SWISH_FLOOR
from scarlet_tf.quantization.twin import Folded, Twin, build_twin

SMALLEST_RANGE = 1e-6
"""Of values that are not all the same."""
LARGEST_STEP = 0.25
"""Of a kernel, times that of its input, in steps of its output: offsets are then off by an eighth of one at most."""


@dataclass(frozen=True)
class Ends:
    """The variables of the smallest and the largest value of a rounded tensor, and below what it is of no use."""

    low: tf.Variable
    high: tf.Variable
    floor: float

    @property
    def step(self) -> float:
        """From one integer to the next."""
        return float(self.high - self.low) / 255.0


def ranges(twin: tf_keras.Model) -> dict[str, Ends]:
    """By layer of a quantised twin whose output is rounded, but for those whose range is fixed."""
    found = {}
    for layer in twin.layers:
        own = {weight.name.rpartition("/")[2]: weight for weight in layer.weights}
        if "output_min:0" in own:
            floor = SWISH_FLOOR if layer.quantize_config.output == "swish" else -math.inf
            found[layer.name] = Ends(own["output_min:0"], own["output_max:0"], floor)
    return found


def calibrate(twin: Twin, batches: Iterable[np.ndarray]) -> None:
    """Sets the ranges of a quantised twin to those that its activations have in float32 on `batches` of images,
    (n, s, s, 3) each: from the smallest value of them all to the largest, and 0 with them. Kernels of channels that do
    not vary are made smaller, for their offsets to be rounded finer."""
    variables = ranges(twin.model)
    plain = build_twin(twin.source).model
    observed = tf_keras.Model(plain.input, [plain.get_layer(name).output for name in variables])
    lowest, highest = (tf.Variable(tf.zeros(len(variables))) for _ in range(2))

    @tf.function(autograph=False, reduce_retracing=True)
    def observe(images: tf.Tensor) -> None:
        outputs = observed(images, training=False)
        lowest.assign(tf.minimum(lowest, tf.stack([tf.reduce_min(output) for output in outputs])))
        highest.assign(tf.maximum(highest, tf.stack([tf.reduce_max(output) for output in outputs])))

    for images in batches:
        observe(tf.convert_to_tensor(images, tf.float32))
    for ends, least, most in zip(variables.values(), lowest.numpy(), highest.numpy(), strict=True):
        least = max(least, ends.floor)
        ends.low.assign(least)
        # XNNPACK fails on a scale that is next to nothing: a tensor of nothing but zeros gets another one.
        ends.high.assign(most if most - least > SMALLEST_RANGE else least + 1.0)
    for folded in twin.folded:
        _restrain(folded, variables)


def _restrain(folded: Folded, of: Mapping[str, Ends]) -> None:
    """Makes channels of a kernel smaller where a step of it, times one of its input, is a large part of a step of its
    output, or more.

    Such a channel hardly ever varies: its batch norm's variance is next to none, by which the kernel is divided. Its
    output is its offset alone, which is rounded in the product of the steps of kernel and input, and would be lost.
    """
    kernel = folded.kernel.numpy()
    channel = 2 if folded.depthwise else 3
    largest = np.abs(kernel).max(axis=tuple(axis for axis in range(4) if axis != channel))
    steps = largest * np.abs(folded.norm.factors()) / 127.0 * of[folded.reads].step / of[folded.gives].step
    shrink = LARGEST_STEP / np.maximum(steps, LARGEST_STEP)
    folded.kernel.assign(kernel * (shrink[:, np.newaxis] if folded.depthwise else shrink))
