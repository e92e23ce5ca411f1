"""Moving averages of a network's weights over its training, which are often better than the last ones."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf


class WeightAverages:
    """Exponential moving averages of the weights, batch norm statistics among them, of the layers that train.

    After n updates `average <- d average + (1 - d) weight` with `d = min(decay, (1 + n) / (10 + n))`; they start at the
    weights. So EfficientNet averages (tensorflow/tpu, models/official/efficientnet/main.py). Keras' `use_ema` leaves
    the statistics out, and has no such start: at a decay of 0.9999 it takes thousands of steps to forget the weights
    of the first one. To be made under the strategy of the training.
    """

    def __init__(self, model: keras.Model, decay: float) -> None:
        self.weights = [weight for layer in model.layers if layer.trainable for weight in layer.weights]
        self._decay = decay
        self._averages = [tf.Variable(weight.value, trainable=False) for weight in self.weights]
        self._by_weight = {id(weight): average for weight, average in zip(self.weights, self._averages, strict=True)}

    def of(self, variable: keras.Variable) -> keras.Variable | tf.Variable:
        """The average of a weight; any other variable itself."""
        return self._by_weight.get(id(variable), variable)

    def update(self, updates: tf.Tensor) -> None:
        """Moves the averages towards the weights, in each replica after its step. updates: n, integer ().

        A step that a loss scale left out counts the weights, which it did not change, once more.
        """
        share = tf.maximum(1.0 - self._decay, 9.0 / (10.0 + tf.cast(updates, tf.float32)))
        for weight, average in zip(self.weights, self._averages, strict=True):
            # All replicas assign the same: the variable's own assign would have them agree once more.
            distance = (average - weight.value) * tf.cast(share, average.dtype)
            tf.raw_ops.AssignSubVariableOp(resource=average.handle, value=distance)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Has the model use the averages while the block runs, and then its weights again."""
        trained = [np.asarray(weight) for weight in self.weights]
        self.replace_weights()
        try:
            yield
        finally:
            for weight, value in zip(self.weights, trained, strict=True):
                weight.assign(value)

    def replace_weights(self) -> None:
        """Puts the averages into the model."""
        for weight, average in zip(self.weights, self._averages, strict=True):
            weight.assign(average)
