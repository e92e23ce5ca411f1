"""The frozen layers of a supernet on one device, each compiled once for all that are alike."""

import threading
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.nets.frozen_pass import frozen_pass, pass_weights
from scarlet_tf.nets.supernet import Supernet


def _likeness(layer: keras.layers.Layer) -> tuple:
    """Equal for layers of which one can stand in for the other, with the weights of that."""
    config = {key: value for key, value in layer.get_config().items() if key != "name"}
    return type(layer), repr(config), tuple(tuple(weight.shape) for weight in pass_weights(layer))


def layers_of(supernet: Supernet) -> list[keras.layers.Layer]:
    """Stem, entry and all choices of each slot, the head's convolution: all but the classifier."""
    slots = supernet.slots
    layers = [supernet.stem, *(slot.entry for slot in slots), *(layer for slot in slots for layer in slot.candidates)]
    return [layer for layer in (*layers, supernet.head_conv) if layer is not None]


def _classify(features: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    return tf.matmul(tf.reduce_mean(features, [1, 2]), kernel) + bias


def _traced(layer: keras.layers.Layer, shortcut: bool, by_batch: bool, arguments: tuple) -> Callable:
    own = pass_weights(layer)

    def run(x: tf.Tensor, row: tf.Tensor, *weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with keras.StatelessScope(state_mapping=list(zip(own, weights, strict=True))):
            return frozen_pass(layer, x, row, shortcut, by_batch)

    return tf.function(run, autograph=False).get_concrete_function(*arguments)


class CompiledLayers:
    """Passes through the layers of a supernet, with weights as arguments, each compiled when it is first called."""

    def __init__(self) -> None:
        self._functions: dict[tuple, Callable] = {}
        self._tracing = threading.Lock()
        self.classify = tf.function(_classify, autograph=False)

    def of(
        self, layer: keras.layers.Layer, shortcut: bool, by_batch: bool, device: str, key: tuple, *arguments: object
    ) -> Callable:
        """A function of `arguments`, x, row and weights: `frozen_pass`, on `device`, of any layer with this `key`."""
        key = *key, tuple(arguments[0].shape), shortcut, by_batch, device
        with self._tracing:  # or threads that walk the same trie would trace everything side by side
            if key not in self._functions:
                self._functions[key] = _traced(layer, shortcut, by_batch, arguments)
        return self._functions[key]


class Replica:
    """A supernet on a `device`, with the weights that the replica `index` of `strategy` has now."""

    def __init__(
        self, supernet: Supernet, compiled: CompiledLayers, strategy: tf.distribute.Strategy, index: int, device: str
    ) -> None:
        self.device, self._compiled = device, compiled

        def here(variables: Sequence[keras.Variable]) -> list[tf.Tensor]:
            own = [strategy.experimental_local_results(variable.value)[index] for variable in variables]
            return [tf.identity(variable) for variable in own]

        with tf.device(device):
            self._layers = {id(layer): (_likeness(layer), here(pass_weights(layer))) for layer in layers_of(supernet)}
            *_, dense = supernet.head
            self._classifier = here([dense.kernel, dense.bias])

    def run(
        self, layer: keras.layers.Layer, x: tf.Tensor, row: np.ndarray, shortcut: bool, by_batch: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `frozen_pass`."""
        likeness, weights = self._layers[id(layer)]
        arguments = x, tf.constant(row), *weights
        return self._compiled.of(layer, shortcut, by_batch, self.device, likeness, *arguments)(*arguments)

    def logits(self, features: tf.Tensor) -> tf.Tensor:
        """(batch, num_classes), of the features (batch, h, w, c) that the classifier's pooling reads."""
        return self._compiled.classify(features, *self._classifier)
