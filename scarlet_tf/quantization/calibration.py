"""From where to where activations go, seen on images."""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf
import tf_keras

from scarlet_tf.quantization.twin import Twin, build_twin


def ranges(twin: tf_keras.Model) -> dict[str, tuple[tf.Variable, tf.Variable]]:
    """By layer of a quantised twin whose output is rounded, the variables of its smallest and its largest value."""
    found = {}
    for layer in twin.layers:
        own = {weight.name.rpartition("/")[2]: weight for weight in layer.weights}
        if "output_min:0" in own:
            found[layer.name] = own["output_min:0"], own["output_max:0"]
    return found


def calibrate(twin: Twin, batches: Iterable[np.ndarray]) -> None:
    """Sets the ranges of a quantised twin to those that its activations have in float32 on `batches` of images,
    (n, s, s, 3) each: from the smallest value of them all to the largest, and 0 with them."""
    variables = ranges(twin.model)
    plain = build_twin(twin.source).model
    observed = tf_keras.Model(plain.input, [plain.get_layer(name).output for name in variables])
    lowest, highest = (tf.Variable(tf.zeros(len(variables))) for _ in range(2))

    @tf.function(autograph=False)
    def observe(images: tf.Tensor) -> None:
        outputs = observed(images, training=False)
        lowest.assign(tf.minimum(lowest, tf.stack([tf.reduce_min(output) for output in outputs])))
        highest.assign(tf.maximum(highest, tf.stack([tf.reduce_max(output) for output in outputs])))

    for images in batches:
        observe(tf.convert_to_tensor(images, tf.float32))
    for (low, high), least, most in zip(variables.values(), lowest.numpy(), highest.numpy(), strict=True):
        low.assign(least)
        high.assign(max(most, least + 1e-6))  # of nothing but zeros there is no scale
