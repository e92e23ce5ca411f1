"""One-shot accuracies with the batch norm statistics of the path itself."""

from collections.abc import Sequence

from scarlet_tf.arch.space import Genotype
from scarlet_tf.search.evaluator import SupernetEvaluator


class BatchStatisticsEvaluator(SupernetEvaluator):
    """Top-1 accuracy, in [0, 1], of genotypes of a supernet that normalises each batch by its own statistics.

    The moving statistics of a block are a mean over the paths that led to it, and may fit none of them; those of a
    batch on this very path always fit. An accuracy then depends, if little, on which images share a batch. Afterwards
    the supernet's moving statistics are what they were. batches: (images, labels), passed over once a genotype.
    """

    _training = True

    def __call__(self, genotypes: Sequence[Genotype]) -> list[float]:
        """The accuracy of each genotype."""
        kept = [(variable, variable.numpy()) for variable in self._supernet.non_trainable_variables]
        try:
            return super().__call__(genotypes)
        finally:
            for variable, value in kept:
                variable.assign(value)
