"""What the networks of a space are sums of: every part that can occur in one. Never imports TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass

from scarlet_tf.arch import ArchSpec, Genotype, Head, Projection, SearchSpace, Stem
from scarlet_tf.arch.cost import block_cost, check_image_size, head_cost, stem_cost
from scarlet_tf.arch.layout import Placement, layout
from scarlet_tf.errors import InputError

STEM = -1
"""Stands for the stem where the slot of the block before is asked for."""


@dataclass(frozen=True)
class Part:
    """One computation that a network does: its stem, a block where it stands, or its head.

    `name` says all that decides how long it takes, and in a space equal names are equal parts. `row` is a stem, a head,
    or a block with what it reads. Its input is (1, in_size, in_size, in_channels); `in_stride` is that of the skipped
    slots just before it, which its first convolution takes over.
    """

    name: str
    row: Stem | Placement | Head
    in_size: int
    in_channels: int
    in_stride: int
    madds: int

    @property
    def file(self) -> str:
        return f"{self.name}.tflite"

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        return (1, self.in_size, self.in_size, self.in_channels)


@dataclass(frozen=True)
class Parts:
    """Every part of the networks of a space, by where it stands.

    `blocks` by (slot of the block before, slot, choice) and `heads` by the slot of the last block, where STEM stands
    for none. A block reads what the one before it left, so skipped slots change its input: with a part for each slot
    that can come before, the parts sum to any genotype.
    """

    stem: Part
    blocks: Mapping[tuple[int, int, int], Part]
    heads: Mapping[int, Part]

    @property
    def distinct(self) -> dict[str, Part]:
        """The parts by name, of which many serve in several places."""
        return {part.name: part for part in (self.stem, *self.blocks.values(), *self.heads.values())}

    def of(self, genotype: Genotype) -> list[Part]:
        """The parts of one network, in order."""
        found, previous = [self.stem], STEM
        for slot, choice in enumerate(genotype):
            if (previous, slot, choice) in self.blocks:
                found.append(self.blocks[previous, slot, choice])
                previous = slot
        return [*found, self.heads[previous]]


def _stem_part(stem: Stem, image_size: int) -> Part:
    filters = f"{stem.filters}" + (f"-{stem.separable_filters}" if stem.separable_filters else "")
    name = f"stem-{image_size}x3-s{stem.stride}-{filters}"
    return Part(name, stem, image_size, 3, 1, stem_cost(stem, image_size)[0].madds)


def _block_part(block: Placement, size: int) -> Part:
    row = block.row
    reads = f"{size}x{block.in_channels}" + (f"-i{block.in_stride}" if block.in_stride != 1 else "")
    if isinstance(row, Projection):
        name = f"projection-{reads}-s{row.stride}-{row.filters}"
    else:
        name = f"block-{reads}-e{block.hidden_channels}-k{row.kernel}-s{row.stride}-{row.filters}"
        name += ("-se" if row.se else "") + ("-add" if block.shortcut else "")
    return Part(name, block, size, block.in_channels, block.in_stride, block_cost(block, size)[0].madds)


def _head_part(head: Head, in_channels: int, in_stride: int, size: int, num_classes: int) -> Part:
    reads = f"{size}x{in_channels}" + (f"-i{in_stride}" if in_stride != 1 else "")
    cost = head_cost(head, in_channels, in_stride, size, num_classes)
    return Part(f"head-{reads}-{head.filters}-{num_classes}", head, size, in_channels, in_stride, cost.madds)


def check_has_parts(space: SearchSpace) -> None:
    """Raises InputError for a space of plain convolutions, whose entries no table of latencies knows."""
    if space.is_plain:
        raise InputError(
            f"Latencies by parts are for spaces of inverted bottlenecks. Received: {space.name}, of plain "
            "convolutions. Time its networks whole, exported, or search it by MAdds."
        )


def parts(space: SearchSpace, image_size: int = 224, num_classes: int = 1000) -> Parts:
    """Every part that a network of `space` can have. Raises ValueError where the image is below the strides' product,
    InputError for a space of plain convolutions.

    A block's input depends on which slot holds the block before it: in S2, whose 19 slots are 6 stages, a block reads
    what its own stage, any earlier stage or the stem left, and 12 choices in each of these places make 492 different
    blocks. With 7 heads and the stem, 500 parts are all that its 13^19 networks are made of.
    """
    check_has_parts(space)
    left_out = space.left_out
    check_image_size(ArchSpec(space.name, space.stem, left_out, space.head), image_size)
    sizes = {STEM: stem_cost(space.stem, image_size)[1]}  # pixels a side of what each slot leaves
    for slot, row in enumerate(space.slots):
        sizes[slot] = -(-sizes[slot - 1] // row.stride)

    def placed(choices: Mapping[int, int]) -> ArchSpec:
        rows = [space.rows[slot][choices[slot]] if slot in choices else row for slot, row in enumerate(left_out)]
        return ArchSpec(space.name, space.stem, tuple(rows), space.head, space.activation)

    blocks, heads, before = {}, {}, [STEM]  # the slots that may hold the block before
    for slot, stays in enumerate(space.stays):
        for previous in before:
            any_choice = {} if previous == STEM else {previous: space.stays[previous].index(True)}
            for choice in (choice for choice, stay in enumerate(stays) if stay):
                block = layout(placed({**any_choice, slot: choice})).blocks[-1]
                blocks[previous, slot, choice] = _block_part(block, sizes[previous])
        before = [*([] if all(stays) else before), *([slot] if any(stays) else [])]
    for previous in before:
        last = {} if previous == STEM else {previous: space.stays[previous].index(True)}
        end = layout(placed(last))
        heads[previous] = _head_part(space.head, end.head_in_channels, end.head_in_stride, sizes[previous], num_classes)
    return Parts(_stem_part(space.stem, image_size), blocks, heads)
