"""A candidate that was evaluated, and what a front of them is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from scarlet_tf.arch import Genotype
from scarlet_tf.search.objectives import Objective
from scarlet_tf.search.pareto import non_dominated


@dataclass(frozen=True)
class Individual:
    """A candidate with its measures: `acc`, `madds`, `params`, and `latency` where a table was given.

    `operator` that made it: "seed" (from the initial population), "sample" or "sample_reduced" (to the constraints),
    "crossover" alone, or the mutation after the crossover. `parents`: none, or two. `violated`: the measures whose
    constraint it fails.
    """

    genotype: Genotype
    measures: Mapping[str, float] = field(hash=False)
    generation: int
    operator: str
    parents: tuple[Genotype, ...]
    violated: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float:
        return self.measures["acc"]

    @property
    def madds(self) -> int:
        return self.measures["madds"]

    @property
    def params(self) -> int:
        return self.measures["params"]


def objective_values(individuals: Sequence[Individual], objectives: Sequence[Objective]) -> np.ndarray:
    """(individuals, objectives), all to be minimised."""
    rows = [[one.to_minimise(individual.measures[one.measure]) for one in objectives] for individual in individuals]
    return np.array(rows, float).reshape(len(individuals), len(objectives))


def first_front(individuals: Sequence[Individual], objectives: Sequence[Objective]) -> tuple[Individual, ...]:
    """Those whom nobody beats in every objective, by MAdds."""
    front = [individuals[index] for index in non_dominated(objective_values(individuals, objectives))]
    return tuple(sorted(front, key=lambda one: (one.madds, one.genotype)))
