"""What is known of a candidate before it is evaluated: costs, and which cheap constraint it fails."""

from collections.abc import Callable
from pathlib import Path

from scarlet_tf.arch import Genotype, SearchSpace
from scarlet_tf.errors import InputError
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.costs import CostTable
from scarlet_tf.search.objectives import Constraint

Latency = Callable[[Genotype], float]
"""Milliseconds that a network takes."""


def read_latency(path: str | Path | None, space: SearchSpace, image_size: int, num_classes: int) -> Latency | None:
    """What the latency table at `path`, if any, says of genotypes. Raises InputError where it is of other networks."""
    if path is None:
        return None
    from scarlet_tf.latency.table import LatencyTable

    table = LatencyTable.read(path)
    table.check(space, image_size, num_classes)
    return table.latency


class Candidates:
    """Cheap measures of the genotypes of a space, and the constraints on them.

    `latency` is needed where settings name it, and measured wherever it is given. Raises InputError where the space
    does not suit the settings.
    """

    def __init__(self, space: SearchSpace, config: SearchConfig, latency: Latency | None = None) -> None:
        if space.num_choices < 2:
            raise InputError(f"The space {space.name} has a single network: there is nothing to search.")
        if config.image_size < space.min_image_size:
            raise InputError(
                f"--image_size must be at least {space.min_image_size}, the product of the strides of "
                f"{space.name}. Received: {config.image_size}."
            )
        if config.needs_latency and latency is None:
            raise InputError("--latency_table must be given where --objectives or --constraints name latency.")
        self.space = space
        self.costs = CostTable(space, config.image_size, config.num_classes)
        self.constraints = tuple(one for one in config.all_constraints if one.measure != "acc")
        self._latency = latency

    def measure(self, genotype: Genotype, measure: str) -> float:
        """One cheap measure."""
        return self._latency(genotype) if measure == "latency" else getattr(self.costs.cost(genotype), measure)

    def measures(self, genotype: Genotype) -> dict[str, float]:
        """All cheap measures."""
        cost = self.costs.cost(genotype)
        latency = {} if self._latency is None else {"latency": float(self._latency(genotype))}
        return {"madds": cost.madds, "params": cost.params, **latency}

    def first_violated(self, genotype: Genotype) -> Constraint | None:
        """The first constraint that `genotype` fails, MAdds before params before latency (Algorithm 1)."""
        cost = self.costs.cost(genotype)
        for constraint in self.constraints:
            name = constraint.measure
            if not constraint.met(self._latency(genotype) if name == "latency" else getattr(cost, name)):
                return constraint
        return None

    def largest(self, measure: str) -> float:
        """The largest value of a cheap measure that changing one slot at a time leads to, from first choices.

        Slots hardly depend on each other, so this is the space's largest, or next to it.
        """
        best: Genotype = (0,) * self.space.num_slots
        value = self.measure(best, measure)
        improved = True
        while improved:
            improved = False
            for slot in range(self.space.num_slots):
                for choice in range(self.space.num_choices):
                    other = (*best[:slot], choice, *best[slot + 1 :])
                    if (found := self.measure(other, measure)) > value:
                        best, value, improved = other, found, True
        return value
