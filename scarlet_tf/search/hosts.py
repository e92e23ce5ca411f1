"""An evaluation that several hosts share: one of them searches, and asks the others for their part."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from scarlet_tf.arch.space import Genotype
from scarlet_tf.search.evaluator import SupernetEvaluator
from scarlet_tf.train.strategy import gathered, num_workers


class SharedEvaluator:
    """Top-1 accuracy, in [0, 1], of genotypes on the images of the `evaluator`s of all workers of `strategy` together.

    The chief calls it, and closes it in the end; meanwhile the others `serve`. With a single worker there is nobody to
    be asked.
    """

    def __init__(self, evaluator: SupernetEvaluator, num_slots: int, strategy: tf.distribute.Strategy) -> None:
        self._evaluator, self._num_slots, self._strategy = evaluator, num_slots, strategy
        self._in_step = True

    def __call__(self, genotypes: Sequence[Genotype]) -> list[float]:
        """The accuracy of each genotype."""
        return self._evaluate(self._passed_on(genotypes))

    def close(self) -> None:
        """Lets the others go, unless an evaluation failed midway: they find out that this one ended."""
        if self._in_step:
            self._passed_on([])

    def serve(self) -> None:
        """Does this worker's part of what the chief asks for, until it is closed."""
        while genotypes := self._passed_on():
            self._evaluate(genotypes)

    def _passed_on(self, genotypes: Sequence[Genotype] = ()) -> list[Genotype]:
        """The chief's genotypes, whose replicas' rows are the first."""
        (count, *_), *_ = gathered(self._strategy, [len(genotypes)])
        choices = np.zeros([count, self._num_slots], int)
        choices[: len(genotypes)] = genotypes or 0
        row, *_ = gathered(self._strategy, choices.ravel().tolist())
        return list(map(tuple, row.reshape(count, self._num_slots).tolist()))

    def _evaluate(self, genotypes: list[Genotype]) -> list[float]:
        self._in_step = False
        correct, total = self._evaluator.count_correct(genotypes)
        rows = gathered(self._strategy, [*correct, total])
        *correct, total = rows[:: len(rows) // num_workers(self._strategy)].sum(axis=0).tolist()
        self._in_step = True
        return [count / total for count in correct]
