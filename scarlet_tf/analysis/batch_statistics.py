"""One-shot accuracies with the batch norm statistics of the path itself."""

from collections.abc import Sequence

import tensorflow as tf

from scarlet_tf.arch.space import Genotype
from scarlet_tf.nets.supernet import Supernet


class BatchStatisticsEvaluator:
    """Top-1 accuracy, in [0, 1], of genotypes of a supernet that normalises each batch by its own statistics.

    The moving statistics of a block are a mean over the paths that led to it, and may fit none of them; those of a
    batch on this very path always fit. An accuracy then depends, if little, on which images share a batch. Afterwards
    the supernet's moving statistics are what they were. batches: (images, labels), passed over once a genotype.
    """

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
            predicted = tf.argmax(supernet(images, path=path, training=True), axis=-1, output_type=tf.int32)
            return tf.math.count_nonzero(predicted == labels)

        self._count_correct = count_correct

    def __call__(self, genotypes: Sequence[Genotype]) -> list[float]:
        """The accuracy of each genotype."""
        kept = [(variable, variable.numpy()) for variable in self._supernet.non_trainable_variables]
        try:
            return [self._accuracy(tf.constant(genotype, tf.int32)) for genotype in genotypes]
        finally:
            for variable, value in kept:
                variable.assign(value)

    def _accuracy(self, path: tf.Tensor) -> float:
        correct = total = 0
        for images, labels in self._batches:
            correct += int(self._count_correct(images, labels, path))
            total += len(labels)
        return correct / total
