"""What candidates that begin alike need not compute more than once."""

from collections.abc import Iterable, Sequence

from scarlet_tf.arch import Genotype, SearchSpace
from scarlet_tf.arch.cost import block_cost, head_cost, stem_cost
from scarlet_tf.arch.layout import Placement
from scarlet_tf.arch.spec import MBConv, Projection


def distinct_prefixes(genotypes: Iterable[Genotype]) -> set[Genotype]:
    """The beginnings of `genotypes`, of 1 choice up to all: a block each, where what is alike is computed once."""
    return {genotype[:length] for genotype in genotypes for length in range(1, len(genotype) + 1)}


def blocks_saved(genotypes: Sequence[Genotype]) -> float:
    """The share of the blocks, stabilizers included, that need not be computed."""
    return 1 - len(distinct_prefixes(genotypes)) / sum(map(len, genotypes))


class PathCosts:
    """MAdds an image of paths inside the supernet, where each skip is an ELS."""

    def __init__(self, space: SearchSpace, image_size: int, num_classes: int) -> None:
        if space.is_plain:
            raise ValueError(f"space must be of inverted bottlenecks. Received: {space.name}, of plain convolutions.")
        stem, size = stem_cost(space.stem, image_size)
        self._stem = stem.madds
        self._blocks: list[list[int]] = []  # by slot and choice
        for slot, (in_channels, rows) in enumerate(zip(space.in_channels, space.rows, strict=True)):
            costs = []
            for row in rows:
                if isinstance(row, MBConv):
                    block = Placement(slot, row, in_channels, row.expansion * in_channels, 1, False)
                else:  # an ELS costs the MAdds of a projection
                    block = Placement(slot, Projection(row.filters, row.stride), in_channels, None, 1, False)
                cost, out_size = block_cost(block, size)
                costs.append(cost.madds)
            self._blocks.append(costs)
            size = out_size
        self._head = head_cost(space.head, space.slots[-1].filters, 1, size, num_classes).madds

    def together(self, genotypes: Iterable[Genotype]) -> int:
        """MAdds of `genotypes` where the stem, and each beginning, is computed once."""
        genotypes = set(genotypes)
        blocks = sum(self._blocks[len(prefix) - 1][prefix[-1]] for prefix in distinct_prefixes(genotypes))
        return self._stem + blocks + len(genotypes) * self._head

    def alone(self, genotype: Genotype) -> int:
        """MAdds of one genotype."""
        return self.together([genotype])

    def saved(self, genotypes: Sequence[Genotype]) -> float:
        """The share of the MAdds that need not be spent."""
        return 1 - self.together(genotypes) / sum(map(self.alone, genotypes))
