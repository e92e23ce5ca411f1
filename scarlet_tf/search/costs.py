"""What candidates cost, from a table, quickly enough to ask before every evaluation."""

from collections.abc import Sequence

import numpy as np

from scarlet_tf.arch import ArchSpec, Cost, Genotype, SearchSpace, Skip, count

_STEM = -1
"""Stands for the stem where the block before a slot is asked for."""


class CostTable:
    """Costs of the genotypes of one space, equal to `scarlet_tf.arch.count` and many times faster.

    A network grows by one block after the other. What a block adds depends on its slot, on its choice and
    on which slot holds the block before it (that gives the channels it reads), and on nothing else: what
    follows is skipped at that moment. So each of these differences is counted once, when first met, and
    summed from then on.
    """

    def __init__(self, space: SearchSpace, image_size: int = 224, num_classes: int = 1000) -> None:
        """Raises ValueError where `image_size` is below the product of the strides."""
        self._space = space
        self._image_size, self._num_classes = image_size, num_classes
        self._skipped = tuple(Skip(slot.filters, slot.stride) for slot in space.slots)
        self._rows = [space.decode((choice,) * space.num_slots).blocks for choice in range(space.num_choices)]
        self._some_block = next((c for c in range(space.num_choices) if c != space.skip_index), None)
        self._empty = self._count({})
        self._added: dict[tuple[int, int, int], Cost] = {}

    def _count(self, choices: dict[int, int]) -> Cost:
        rows = list(self._skipped)
        for slot, choice in choices.items():
            rows[slot] = self._rows[choice][slot]
        arch = ArchSpec(self._space.name, self._space.stem, tuple(rows), self._space.head)
        return count(arch, self._image_size, self._num_classes)

    def _add(self, previous: int, slot: int, choice: int) -> Cost:
        """What a block of `choice` at `slot` adds to a network that ends with a block at slot `previous`."""
        key = (previous, slot, choice)
        if key not in self._added:
            before = {} if previous == _STEM else {previous: self._some_block}  # which, does not matter
            shorter, longer = self._count(before), self._count({**before, slot: choice})
            self._added[key] = Cost(longer.madds - shorter.madds, longer.params - shorter.params)
        return self._added[key]

    def _blocks(self, genotype: Genotype) -> list[tuple[int, int]]:
        """(slot, choice) of each slot that is not skipped."""
        skip = self._space.skip_index
        return [(slot, choice) for slot, choice in enumerate(genotype) if choice != skip]

    def _sum(self, blocks: Sequence[tuple[int, int]]) -> Cost:
        madds, params = self._empty.madds, self._empty.params
        previous = _STEM
        for slot, choice in blocks:
            added = self._add(previous, slot, choice)
            madds += added.madds
            params += added.params
            previous = slot
        return Cost(madds, params)

    def cost(self, genotype: Genotype) -> Cost:
        """What `count` says of the decoded genotype."""
        return self._sum(self._blocks(genotype))

    def slot_costs(self, genotype: Genotype) -> np.ndarray:
        """(num_slots, 2): MAdds and params that leaving out each slot would save, 0 if skipped.

        The saving includes what changes for the next block, or the head, which then reads other channels.
        Where it would be a loss, as of a block that narrows, it counts as 0.
        """
        blocks = self._blocks(genotype)
        whole = self._sum(blocks)
        saved = np.zeros((len(genotype), 2))
        for place, (slot, _) in enumerate(blocks):
            rest = self._sum(blocks[:place] + blocks[place + 1 :])
            saved[slot] = whole.madds - rest.madds, whole.params - rest.params
        return np.maximum(saved, 0)
