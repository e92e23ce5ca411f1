"""What candidates cost, from a table, quickly enough to ask before every evaluation."""

from collections.abc import Sequence

import numpy as np

from scarlet_tf.arch import ArchSpec, Cost, Genotype, SearchSpace, count

_STEM = -1
"""Stands for the stem where the block before a slot is asked for."""


class CostTable:
    """Costs of the genotypes of one space, equal to `scarlet_tf.arch.count` and many times faster.

    A network grows by one block, or projection, after the other. What it adds depends on its slot, on its choice and on
    which slot holds the one before it (that gives the channels it reads), and on nothing else: what follows is left out
    at that moment. So each of these differences is counted once, when first met, and summed from then on.
    """

    def __init__(self, space: SearchSpace, image_size: int = 224, num_classes: int = 1000) -> None:
        """Raises ValueError where `image_size` is below the product of the strides."""
        self._space = space
        self._image_size, self._num_classes = image_size, num_classes
        self._left_out = space.left_out
        self._stays = space.stays
        self._empty = self._count({})
        self._added: dict[tuple[int, int, int], Cost] = {}

    def _count(self, choices: dict[int, int]) -> Cost:
        rows = list(self._left_out)
        for slot, choice in choices.items():
            rows[slot] = self._space.rows[slot][choice]
        arch = ArchSpec(self._space.name, self._space.stem, tuple(rows), self._space.head)
        return count(arch, self._image_size, self._num_classes)

    def _add(self, previous: int, slot: int, choice: int) -> Cost:
        """What a block of `choice` at `slot` adds to a network that ends with a block at slot `previous`."""
        key = (previous, slot, choice)
        if key not in self._added:
            before = {} if previous == _STEM else {previous: self._stays[previous].index(True)}  # any does
            shorter, longer = self._count(before), self._count({**before, slot: choice})
            self._added[key] = Cost(longer.madds - shorter.madds, longer.params - shorter.params)
        return self._added[key]

    def _sum(self, choices: Sequence[int | None]) -> Cost:
        """The cost of a choice a slot, of which None is a slot left out."""
        madds, params = self._empty.madds, self._empty.params
        previous = _STEM
        for slot, choice in enumerate(choices):
            if choice is None or not self._stays[slot][choice]:
                continue
            added = self._add(previous, slot, choice)
            madds += added.madds
            params += added.params
            previous = slot
        return Cost(madds, params)

    def cost(self, genotype: Genotype) -> Cost:
        """What `count` says of the decoded genotype."""
        return self._sum(genotype)

    def slot_costs(self, genotype: Genotype) -> np.ndarray:
        """(num_slots, 2): MAdds and params that skipping each slot, or leaving it out where the space has no skip,
        would save; 0 if skipped.

        The saving includes what changes for the next block, or the head, which then reads other channels.
        Where it would be a loss, as of a block that narrows, it counts as 0.
        """
        whole = self._sum(genotype)
        saved, skip = np.zeros((len(genotype), 2)), self._space.skip_index
        for slot in range(len(genotype)):
            rest = self._sum((*genotype[:slot], skip, *genotype[slot + 1 :]))
            saved[slot] = whole.madds - rest.madds, whole.params - rest.params
        return np.maximum(saved, 0)
