"""Who survives, generation by generation, and what a search has found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scarlet_tf.arch import Genotype
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.hypervolume import Box
from scarlet_tf.search.individual import Individual, first_front, objective_values
from scarlet_tf.search.objectives import Objective
from scarlet_tf.search.pareto import crowding_distance, non_dominated, non_dominated_sort, pick_equidistant


@dataclass(frozen=True)
class Survivors:
    """A population, with the front each is in (0 the best) and how far its neighbours there are."""

    individuals: tuple[Individual, ...]
    ranks: np.ndarray
    crowding: np.ndarray


def survive(individuals: Sequence[Individual], size: int, objectives: Sequence[Objective]) -> Survivors:
    """The `size` best: by front, and within the front that does not fit, by weighted crowding distance."""
    values, weights = objective_values(individuals, objectives), [objective.weight for objective in objectives]
    chosen, ranks, crowding = [], [], []
    for rank, front in enumerate(non_dominated_sort(values)):
        distance = crowding_distance(values[front], weights)
        kept = np.argsort(-distance, kind="stable")[: size - len(chosen)]
        chosen.extend(front[kept])
        ranks.extend([rank] * len(kept))
        crowding.extend(distance[kept])
        if len(chosen) == size:
            break
    return Survivors(tuple(individuals[index] for index in chosen), np.array(ranks), np.array(crowding))


@dataclass(frozen=True)
class GenerationRecord:
    """Where a search stands after a generation.

    `evaluations` so far; `offspring` that met the constraints, and proposals `rejected`, by the measure whose
    constraint they fail or as "duplicate", in this generation; `survivors`, as indices into what was evaluated, with
    the `front_size` of their first front and their `best_accuracy`; and the `hypervolume`, from 0 to 1, of the front of
    all so far.
    """

    generation: int
    evaluations: int
    offspring: int
    rejected: Mapping[str, int]
    survivors: tuple[int, ...]
    front_size: int
    best_accuracy: float
    hypervolume: float

    @property
    def feasible_share(self) -> float:
        """Offspring of this generation among its proposals."""
        return self.offspring / max(self.offspring + sum(self.rejected.values()), 1)


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    `front`: the first front, by MAdds, of all that met the constraints, so that nobody whom the final population had
    no room for is lost; `evaluated`: everyone whose accuracy was asked for, in that order, the inaccurate too;
    `rejected`: proposals, by reason.
    """

    objectives: tuple[Objective, ...]
    front: tuple[Individual, ...]
    population: tuple[Individual, ...]
    evaluated: tuple[Individual, ...]
    rejected: Mapping[str, int]
    history: tuple[GenerationRecord, ...]

    def picks(self, k: int) -> tuple[Individual, ...]:
        """`k` networks at equal distance along the front, by cost (fewer, where the front has fewer).

        The first front of three objectives is no line. Along which it is walked is our reading: along its members that
        no other beats in both accuracy and cost, where they are at least `k`, and else along all. The cost is the
        minimised one of most weight, as MAdds is in the paper. Parameters guide the search, but are no reason to pick
        a network that is slower and less accurate.
        """
        costs = [one for one in self.objectives if one.direction == "min" and one.measure != "acc"]
        cost = max(costs, key=lambda one: one.weight).measure if costs else "madds"
        plane = np.array([(one.measures[cost], -one.accuracy) for one in self.front])
        curve = non_dominated(plane)
        if len(curve) < k:
            curve = np.arange(len(self.front))
        return tuple(self.front[index] for index in curve[pick_equidistant(plane[curve], k)])


class Selection:
    """The survivors of the generations given so far, the front of all of them, and the record of each.

    `largest` gives the largest value of a cost in the space.
    """

    def __init__(self, config: SearchConfig, largest: Callable[[str], float]) -> None:
        self._config, self._largest = config, largest
        self._box: Box | None = None
        self.survivors = Survivors((), np.array([]), np.array([]))
        self.front: tuple[Individual, ...] = ()
        self.history: list[GenerationRecord] = []

    def add(self, offspring: Sequence[Individual], rejected: Mapping[str, int], order: Mapping[Genotype, int]) -> None:
        """Ends a generation in which `offspring` met the constraints; `order` of all evaluated, by genotype."""
        objectives = self._config.objectives
        if self._box is None and offspring:
            self._box = Box.of(
                objectives, self._config.all_constraints, [one.measures for one in offspring], self._largest
            )
        self.survivors = survive((*self.survivors.individuals, *offspring), self._config.population, objectives)
        known = {one.genotype for one in self.front}
        self.front = first_front((*self.front, *(one for one in offspring if one.genotype not in known)), objectives)
        individuals = self.survivors.individuals
        self.history.append(
            GenerationRecord(
                generation=len(self.history),
                evaluations=len(order),
                offspring=len(offspring),
                rejected=dict(rejected),
                survivors=tuple(order[one.genotype] for one in individuals),
                front_size=int(np.count_nonzero(self.survivors.ranks == 0)),
                best_accuracy=max((one.accuracy for one in individuals), default=0.0),
                hypervolume=self._box.hypervolume([one.measures for one in self.front]) if self._box else 0.0,
            )
        )

    def result(self, evaluated: Sequence[Individual]) -> SearchResult:
        """What was found by now among all `evaluated`."""
        rejected: dict[str, int] = {}
        for record in self.history:
            for reason, count in record.rejected.items():
                rejected[reason] = rejected.get(reason, 0) + count
        return SearchResult(
            objectives=self._config.objectives,
            front=self.front,
            population=self.survivors.individuals,
            evaluated=tuple(evaluated),
            rejected=rejected,
            history=tuple(self.history),
        )
