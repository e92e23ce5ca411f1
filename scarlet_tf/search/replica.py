"""The frozen layers of a supernet on one device, each compiled once for all that are alike."""

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
    """Stem, all choices of each slot, the head's convolution: all but the classifier."""
    return [supernet.stem, *(layer for slot in supernet.slots for layer in slot.candidates), supernet.head[0]]


def _classify(features: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    return tf.matmul(tf.reduce_mean(features, [1, 2]), kernel) + bias


class CompiledLayers:
    """Functions of the layers of a supernet that take the weights as arguments, compiled when they are first called."""

    def __init__(self, supernet: Supernet) -> None:
        self._functions: dict[tuple, Callable] = {}
        for layer in layers_of(supernet):
            self._functions.setdefault(_likeness(layer), self._compiled(layer))
        self.classify = tf.function(_classify, autograph=False)

    @staticmethod
    def _compiled(layer: keras.layers.Layer) -> Callable:
        own = pass_weights(layer)

        def run(x: tf.Tensor, row: tf.Tensor, weights: list[tf.Tensor], shortcut: bool, by_batch: bool) -> tuple:
            with keras.StatelessScope(state_mapping=list(zip(own, weights, strict=True))):
                return frozen_pass(layer, x, row, shortcut, by_batch)

        return tf.function(run, autograph=False)

    def of(self, layer: keras.layers.Layer) -> Callable:
        return self._functions[_likeness(layer)]


class Replica:
    """A supernet on a `device`, with the weights that the replica `index` of `strategy` has now."""

    def __init__(
        self, supernet: Supernet, compiled: CompiledLayers, strategy: tf.distribute.Strategy, index: int, device: str
    ) -> None:
        self.device = device

        def here(variables: Sequence[keras.Variable]) -> list[tf.Tensor]:
            own = [strategy.experimental_local_results(variable.value)[index] for variable in variables]
            return [tf.identity(variable) for variable in own]

        with tf.device(device):
            self._layers = {id(layer): (compiled.of(layer), here(pass_weights(layer))) for layer in layers_of(supernet)}
            *_, dense = supernet.head
            self._classifier = here([dense.kernel, dense.bias])
        self._classify = compiled.classify

    def run(
        self, layer: keras.layers.Layer, x: tf.Tensor, row: np.ndarray, shortcut: bool, by_batch: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `frozen_pass`."""
        function, weights = self._layers[id(layer)]
        return function(x, tf.constant(row), weights, shortcut, by_batch)

    def logits(self, features: tf.Tensor) -> tf.Tensor:
        """(batch, num_classes), of the features (batch, h, w, c) that the head's convolution gives."""
        return self._classify(features, *self._classifier)
