"""Where each block of an architecture stands in the standalone network, once skipped slots are gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scarlet_tf.arch.spec import ArchSpec, Entry, MBConv, PlainConv, Projection, Row, Skip, Slot


@dataclass(frozen=True)
class Placement:
    """A block, a projection or convolution in a block's place, or the entry of a slot, with what it reads. Shapes in
    channels; `in_stride` is the product of the strides of the skipped slots just before it, which its first 1x1
    convolution takes over. Only an inverted bottleneck has hidden channels."""

    slot: int
    row: MBConv | PlainConv | Projection | Entry
    in_channels: int
    hidden_channels: int | None
    in_stride: int
    shortcut: bool


@dataclass(frozen=True)
class Layout:
    """The blocks that remain, in order, and what the head reads. `entries` by their slots: each stands before the block
    of its slot, and remains where that is skipped."""

    blocks: tuple[Placement, ...]
    entries: Mapping[int, Placement]
    head_in_channels: int
    head_in_stride: int


def stage_starts(stem_channels: int, slots: Sequence[Slot | Row]) -> tuple[bool, ...]:
    """For each slot, whether it changes the shape (channels or resolution), or has an entry, and so begins a stage."""
    inputs = [stem_channels, *(slot.filters for slot in slots[:-1])]
    return tuple(
        slot.stride != 1 or slot.filters != in_channels or slot.entry
        for slot, in_channels in zip(slots, inputs, strict=True)
    )


def shortcut_flags(starts: Sequence[bool], is_block: Sequence[bool]) -> tuple[bool, ...]:
    """For each slot, whether a block there has its shortcut: iff an earlier slot of its stage holds a block, or a
    projection.

    Where no block came before, the standalone network has other channels on both sides and can have no
    shortcut; the supernet turns it off on exactly those paths, so that both are the same function.
    """
    flags, block_seen = [], False
    for start, block in zip(starts, is_block, strict=True):
        block_seen = block_seen and not start
        flags.append(block_seen)
        block_seen = block_seen or block
    return tuple(flags)


def layout(arch: ArchSpec) -> Layout:
    """Places the blocks of `arch`: real input channels, hidden channels, strides taken over, shortcuts.

    The hidden width is expansion x the *nominal* input channels of the slot, because the weights come from
    the supernet; a skipped slot hands on its input's channels and only subsamples.
    """
    starts = stage_starts(arch.stem.out_channels, arch.blocks)
    shortcuts = shortcut_flags(starts, [not isinstance(row, Skip) for row in arch.blocks])
    nominal = channels = arch.stem.out_channels
    in_stride = 1
    placed, entries = [], {}
    for slot, (row, shortcut) in enumerate(zip(arch.blocks, shortcuts, strict=True)):
        if row.entry:
            entries[slot] = Placement(slot, Entry(row.filters, row.stride), channels, None, in_stride, False)
            channels, in_stride = row.filters, 1
        if isinstance(row, Skip):
            in_stride *= 1 if row.entry else row.stride
        else:
            is_block = isinstance(row, MBConv)
            hidden_channels = row.expansion * nominal if is_block else None
            placed.append(Placement(slot, row, channels, hidden_channels, in_stride, shortcut and is_block))
            channels, in_stride = row.filters, 1
        nominal = row.filters
    return Layout(tuple(placed), entries, channels, in_stride)
