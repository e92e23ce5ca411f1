"""What a study keeps of a search: who was evaluated, and who survived."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.figures.search_history import skip_ratios
from scarlet_tf.search.individual import Individual, first_front
from scarlet_tf.search.objectives import Objective
from scarlet_tf.search.selection import SearchResult

MEASURES = ("acc", "madds", "params")
RANDOM_GENERATIONS = 2
"""Those that a search begins with, of networks drawn uniformly."""


@dataclass(frozen=True)
class SearchOutcome:
    """Everyone `evaluated`, in that order, and the `survivors` of each generation, as indices into it."""

    evaluated: tuple[Individual, ...]
    survivors: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, result: SearchResult) -> "SearchOutcome":
        return cls(result.evaluated, tuple(record.survivors for record in result.history))

    def to_dict(self) -> dict:
        """Plain data, ready for JSON; a column for each measure."""
        return {
            "genotypes": [list(one.genotype) for one in self.evaluated],
            **{measure: [one.measures[measure] for one in self.evaluated] for measure in MEASURES},
            "generations": [one.generation for one in self.evaluated],
            "operators": [one.operator for one in self.evaluated],
            "survivors": [list(alive) for alive in self.survivors],
        }

    @classmethod
    def from_dict(cls, data: Mapping) -> "SearchOutcome":
        """What `to_dict` gave, back from JSON; without parents."""
        measures = (dict(zip(MEASURES, row, strict=True)) for row in zip(*map(data.get, MEASURES), strict=True))
        columns = (map(tuple, data["genotypes"]), measures, data["generations"], data["operators"])
        evaluated = tuple(Individual(*row, parents=()) for row in zip(*columns, strict=True))
        return cls(evaluated, tuple(map(tuple, data["survivors"])))

    def alive(self, generation: int) -> list[Individual]:
        """The survivors of a generation."""
        return [self.evaluated[index] for index in self.survivors[generation]]

    def skips(self, space: SearchSpace) -> list[float]:
        """The share of slots that the survivors skip on average, generation by generation."""
        ratios = (skip_ratios(self.alive(number), space.skip_index) for number in range(len(self.survivors)))
        return [float(each.mean()) for each in ratios]

    @property
    def random_accuracies(self) -> list[float]:
        """Of the networks drawn uniformly that the search began with."""
        begun = [one for one in self.evaluated if one.generation < RANDOM_GENERATIONS]
        return [one.accuracy for one in begun if one.operator == "sample"]

    def front(self, objectives: Sequence[Objective], acc_min: float, most: int | None = None) -> tuple[Individual, ...]:
        """That of those who exceed `acc_min`, among the first `most` evaluated, by default all."""
        return first_front([one for one in self.evaluated[:most] if one.accuracy > acc_min], objectives)
