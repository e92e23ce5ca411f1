"""How good a front is, as one number: the share of a box that it dominates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import moocore
import numpy as np

from scarlet_tf.search.objectives import Constraint, Objective


@dataclass(frozen=True)
class Box:
    """Where a hypervolume is measured: from `reference` (worst) to `ideal` (best), one value an objective."""

    objectives: tuple[Objective, ...]
    reference: tuple[float, ...]
    ideal: tuple[float, ...]

    @classmethod
    def of(
        cls,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint],
        first: Sequence[Mapping[str, float]],
        largest: Callable[[str], float],
    ) -> "Box":
        """The box of a search, the same for all its generations.

        Reference: the bound where a constraint holds the objective from its bad side, as `madds_max` does, and else
        the worst value among `first`, the measures of generation 0 that meet the constraints. Ideal: the bound where
        one holds it from its good side; else 1 for accuracy and `largest` of the space for a cost that is maximised,
        and 0 for what is minimised.
        """
        bounds = {(one.measure, one.direction): one.bound for one in constraints}
        reference, ideal = [], []
        for one in objectives:
            bad, good, worst = ("max", "min", max) if one.direction == "min" else ("min", "max", min)
            limit = bounds.get((one.measure, bad))
            reference.append(worst(row[one.measure] for row in first) if limit is None else limit)
            limit = bounds.get((one.measure, good))
            if limit is None:
                limit = (
                    0
                    if one.direction == "min"
                    else 1
                    if one.measure == "acc"
                    else max(largest(one.measure), reference[-1])
                )
            ideal.append(limit)
        return cls(tuple(objectives), tuple(reference), tuple(ideal))

    def hypervolume(self, front: Sequence[Mapping[str, float]]) -> float:
        """The share, from 0 to 1, of the box that `front`, the measures of networks, dominates.

        An objective in which the box is flat has nothing to tell and counts as reached.
        """
        if not front:
            return 0.0
        values = np.array([[row[one.measure] for one in self.objectives] for row in front], float)
        reference, ideal = np.array(self.reference, float), np.array(self.ideal, float)
        flat = reference == ideal
        reached = (values - reference) / np.where(flat, 1, ideal - reference)  # 0 at the reference, 1 at the ideal
        return float(moocore.hypervolume(np.where(flat, 1, np.clip(reached, 0, 1)), ref=0, maximise=True))
