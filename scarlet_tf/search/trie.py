"""What genotypes have in common: their prefixes, each once. Never imports TensorFlow."""

from collections.abc import Iterable
from dataclasses import dataclass

from scarlet_tf.arch.space import Genotype, SearchSpace


@dataclass(eq=False)
class Node:
    """A prefix of genotypes: that of its parent and one `choice` more, at `slot`.

    `shortcut`: whether a block of its stage stands before it, on which it depends whether its own shortcut is on; plain
    convolutions have none.
    `children` by their choices; none where the prefix is a whole genotype, which then is the `leaf`.
    """

    slot: int
    choice: int
    shortcut: bool
    children: tuple["Node", ...] = ()
    leaf: Genotype | None = None


def trie(space: SearchSpace, genotypes: Iterable[Genotype]) -> tuple[Node, ...]:
    """The nodes of the first slot, below which is each distinct prefix of `genotypes` once."""
    ordered = sorted(set(genotypes))

    def children(slot: int, begin: int, end: int, block_seen: bool) -> tuple[Node, ...]:
        nodes = []
        shortcut = block_seen and not space.stage_starts[slot] and not space.is_plain
        while begin < end:
            choice, first = ordered[begin][slot], begin
            while begin < end and ordered[begin][slot] == choice:
                begin += 1
            if slot + 1 == space.num_slots:
                nodes.append(Node(slot, choice, shortcut, leaf=ordered[first]))
            else:
                below = children(slot + 1, first, begin, shortcut or space.stays[slot][choice])
                nodes.append(Node(slot, choice, shortcut, below))
        return tuple(nodes)

    return children(0, 0, len(ordered), False)
