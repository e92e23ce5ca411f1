"""The frozen layers of a supernet on one device, each compiled once for all that are alike."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from scarlet_tf.nets.frozen_pass import frozen_pass, pass_weights
from scarlet_tf.nets.supernet import Supernet
from scarlet_tf.search.trie import Node


def _likeness(layer: keras.layers.Layer) -> tuple:
    """Equal for layers of which one can stand in for the other, with its weights."""
    config = {key: value for key, value in layer.get_config().items() if key != "name"}
    return type(layer), repr(config), tuple(tuple(weight.shape) for weight in pass_weights(layer))


class FrozenLayers:
    """Functions of the layers of a supernet, which take their weights as arguments."""

    def __init__(self, supernet: Supernet) -> None:
        self.supernet = supernet
        self._functions: dict[tuple, Callable] = {}
        for layer in self.layers:
            self._functions.setdefault(_likeness(layer), self._function(layer))
        *_, dense = supernet.head
        self.classify = tf.function(_classify, autograph=False)
        self.classifier = [dense.kernel, dense.bias]

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """All but the classifier: the stem, the choices of each slot, the head's convolution."""
        supernet = self.supernet
        return [supernet.stem, *(layer for slot in supernet.slots for layer in slot.candidates), supernet.head[0]]

    @staticmethod
    def _function(layer: keras.layers.Layer) -> Callable:
        own = pass_weights(layer)

        def run(x: tf.Tensor, row: tf.Tensor, weights: list[tf.Tensor], shortcut: bool, by_batch: bool) -> tuple:
            with keras.StatelessScope(state_mapping=list(zip(own, weights, strict=True))):
                return frozen_pass(layer, x, row, shortcut, by_batch)

        return tf.function(run, autograph=False)

    def function_of(self, layer: keras.layers.Layer) -> Callable:
        return self._functions[_likeness(layer)]


def _classify(features: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Logits (batch, num_classes) of the head's features (batch, h, w, c), float32."""
    pooled = tf.reduce_mean(features, [1, 2])
    return tf.matmul(pooled, kernel) + bias


class Replica:
    """The layers of `frozen` on a `device`, with the weights that replica `index` of a strategy has there."""

    def __init__(self, frozen: FrozenLayers, strategy: tf.distribute.Strategy, index: int, device: str) -> None:
        self.device = device

        def here(variables: Sequence[keras.Variable]) -> list[tf.Tensor]:
            return [strategy.experimental_local_results(variable.value)[index].read_value() for variable in variables]

        with tf.device(device):
            self._layers = {
                id(layer): (frozen.function_of(layer), here(pass_weights(layer))) for layer in frozen.layers
            }
            self._classifier = here(frozen.classifier)
        self._classify = frozen.classify

    def run(
        self, layer: keras.layers.Layer, x: tf.Tensor, row: tf.Tensor, shortcut: bool = False, by_batch: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `frozen_pass`."""
        function, weights = self._layers[id(layer)]
        return function(x, row, weights, shortcut, by_batch)

    def logits(self, features: tf.Tensor) -> tf.Tensor:
        """(batch, num_classes), of the features (batch, h, w, c) that the head's convolution gives."""
        return self._classify(features, *self._classifier)
