"""A space of which every network is known, so that what a search finds can be held against what is there."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from scarlet_tf.arch import Genotype, SearchSpace
from scarlet_tf.errors import InputError
from scarlet_tf.search.costs import CostTable
from scarlet_tf.search.hypervolume import Box
from scarlet_tf.search.individual import Individual, first_front
from scarlet_tf.search.objectives import Objective
from scarlet_tf.search.table import AccuracyTable

MOST_NETWORKS = 1_000_000  # that it makes sense to list


class KnownSpace:
    """All networks of `space`: accuracies from a table, which must hold them all, and costs as `count` has them."""

    def __init__(self, table: str | Path, space: SearchSpace, image_size: int, num_classes: int) -> None:
        if space.num_choices**space.num_slots > MOST_NETWORKS:
            raise InputError(f"The space must have at most {MOST_NETWORKS:,} networks. Received: {space.name}.")
        self.space, self.image_size, self.num_classes = space, image_size, num_classes
        self.accuracies = AccuracyTable(table, space)
        self.genotypes: list[Genotype] = list(product(range(space.num_choices), repeat=space.num_slots))
        costs = CostTable(space, image_size, num_classes)
        self.networks: dict[Genotype, Individual] = {}
        for genotype, accuracy in zip(self.genotypes, self.accuracies(self.genotypes), strict=True):
            cost = costs.cost(genotype)
            measures = {"acc": accuracy, "madds": cost.madds, "params": cost.params}
            self.networks[genotype] = Individual(genotype, measures, 0, "sample", ())

    def front(self, objectives: Sequence[Objective], acc_min: float = 0.0) -> tuple[Individual, ...]:
        """The true first front of those that exceed `acc_min`, by MAdds."""
        able = [network for network in self.networks.values() if network.accuracy > acc_min]
        return first_front(able, objectives)

    def box(self, objectives: Sequence[Objective]) -> Box:
        """From the worst value in the space (the reference point) to the best, in each objective."""
        values = np.array([[network.measures[one.measure] for one in objectives] for network in self.networks.values()])
        low, high = values.min(axis=0).tolist(), values.max(axis=0).tolist()
        sides = [
            (top, bottom) if one.direction == "min" else (bottom, top)
            for one, bottom, top in zip(objectives, low, high, strict=True)
        ]
        reference, ideal = zip(*sides, strict=True)
        return Box(tuple(objectives), reference, ideal)

    def hypervolume_shares(
        self, genotypes: Sequence[Genotype], objectives: Sequence[Objective], counts: Sequence[int]
    ) -> np.ndarray:
        """(len(counts),): the hypervolume of the first so many `genotypes` as a share of the true front's."""
        box = self.box(objectives)
        whole = box.hypervolume([network.measures for network in self.front(objectives)])
        measures = [self.networks[genotype].measures for genotype in genotypes]
        return np.array([box.hypervolume(measures[:count]) for count in counts]) / whole
