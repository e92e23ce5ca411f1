"""Looking at a standalone network while it trains: how accurate is it on images that it does not see?"""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.analysis.validation_record import ValidationRecord
from scarlet_tf.data import Dataset
from scarlet_tf.train.averages import WeightAverages
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.periodic_probe import PeriodicProbe
from scarlet_tf.train.workdir import Workdir


class ValidationProbe(PeriodicProbe):
    """Measures the accuracy of `model`, with the `averages` of its weights where these are kept."""

    def __init__(
        self,
        model: keras.Model,
        dataset: Dataset,
        config: TrainConfig,
        workdir: Workdir,
        total_steps: int,
        averages: WeightAverages | None = None,
    ) -> None:
        super().__init__(dataset, config, workdir, total_steps)
        self._averages = averages
        image = tf.TensorSpec((None, config.image_size, config.image_size, 3), tf.float32)
        self._classes = tf.function(
            lambda images: tf.argmax(model(images, training=False), axis=-1), input_signature=[image], autograph=False
        )

    def __call__(self, step: int) -> None:
        with self._averages.in_place() if self._averages else contextlib.nullcontext():
            correct = sum(
                int(np.sum(self._classes(images) == labels)) for images, labels in self._batches.as_numpy_iterator()
            )
        record = ValidationRecord(step, self._epoch(step), self._images, correct)
        self._workdir.append_probe(record.to_dict())
        print(f"probe at step {step}: {record.line}", flush=True)
