"""A network that trains with what 8 bits do to it."""

import keras
import tensorflow as tf

from scarlet_tf.data import Dataset
from scarlet_tf.quantization.calibration import calibrate
from scarlet_tf.quantization.twin import Twin, build_twin

CALIBRATION_IMAGES = 512
"""Training images, as they are, that ranges of activations are first taken from."""


class QuantisationAwareModel(keras.Model):
    """A Keras 3 model, for the training loop, that computes by the quantised twin of `source` and has its variables.

    Batch norms keep their statistics. `source` gets the weights by `twin.write`.
    """

    def __init__(self, source: keras.Model) -> None:
        super().__init__(name=source.name)
        self._twins = (build_twin(source, quantised=True),)  # in a tuple: no layer of its own
        self.built = True

    @property
    def twin(self) -> Twin:
        return self._twins[0]

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.twin.model(images, training=training)

    @property
    def variables(self) -> list[tf.Variable]:
        return self.twin.model.variables

    @property
    def weights(self) -> list[tf.Variable]:
        return self.twin.model.weights

    @property
    def trainable_variables(self) -> list[tf.Variable]:
        return self.twin.model.trainable_variables

    @property
    def trainable_weights(self) -> list[tf.Variable]:
        return self.twin.model.trainable_weights

    @property
    def losses(self) -> list[tf.Tensor]:
        return []  # Keras would look for the regularizers of its own variables

    def calibrate(self, dataset: Dataset, batch_size: int = 64) -> None:
        """Sets the ranges of activations by CALIBRATION_IMAGES training images."""
        batches = dataset.evaluation_batches("train", batch_size, self.twin.source.input_shape[1], CALIBRATION_IMAGES)
        with dataset.naming_bad_files():
            calibrate(self.twin, (images for images, _ in batches.as_numpy_iterator()))
