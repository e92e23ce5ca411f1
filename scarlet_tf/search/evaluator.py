"""Accuracy of a path of the supernet on held-out images."""

import hashlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from scarlet_tf.arch.space import Genotype
from scarlet_tf.nets.supernet import Supernet


class SupernetEvaluator:
    """Top-1 accuracy, in [0, 1], of genotypes of a supernet with its moving BN statistics.

    batches: (images, labels), kept as given and passed over once a genotype; let them be cached. One traced graph
    serves all paths: the path is an input, decided by `tf.switch_case` slot by slot.
    """

    _training = False

    def __init__(self, supernet: Supernet, batches: tf.data.Dataset) -> None:
        self._supernet, self._batches = supernet, batches

        @tf.function(
            autograph=False,
            input_signature=[
                tf.TensorSpec([None, supernet.image_size, supernet.image_size, 3], tf.float32),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([supernet.space.num_slots], tf.int32),
            ],
        )
        def count_correct(images: tf.Tensor, labels: tf.Tensor, path: tf.Tensor) -> tf.Tensor:
            logits = supernet(images, path=path, training=self._training)
            predicted = tf.argmax(logits, axis=-1, output_type=tf.int32)
            return tf.math.count_nonzero(predicted == labels)

        self._count_correct = count_correct

    def __call__(self, genotypes: Sequence[Genotype]) -> list[float]:
        """The accuracy of each genotype."""
        return [self._accuracy(tf.constant(genotype, tf.int32)) for genotype in genotypes]

    def _accuracy(self, path: tf.Tensor) -> float:
        correct = total = 0
        for images, labels in self._batches:
            correct += int(self._count_correct(images, labels, path))
            total += len(labels)
        return correct / total


def fingerprint(supernet: Supernet) -> str:
    """A digest of the supernet's weights: a journal's accuracies are worth something only with the same ones."""
    digest = hashlib.sha256()
    for weight in supernet.weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:16]
