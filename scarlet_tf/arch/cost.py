"""What a network costs: multiply-adds and parameters, counted from its rows."""

from dataclasses import dataclass, replace

from scarlet_tf.arch.layout import Placement, layout
from scarlet_tf.arch.spec import ArchSpec, Entry, Head, PlainConv, Projection, Stem

SE_REDUCTION = 4
"""Squeeze-excite squeezes the hidden channels by this factor."""


@dataclass(frozen=True)
class Cost:
    """`madds`: multiply-adds at batch 1 of convolutions, dense layers and squeeze-excite, BN and activations
    not counted (the paper's "FLOPS"). `params`: trainable parameters, BN scales and offsets included."""

    madds: int
    params: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.madds + other.madds, self.params + other.params)


def _down(size: int, stride: int) -> int:
    return -(-size // stride)


def _conv_bn(size: int, weights: int, filters: int) -> Cost:
    return Cost(size * size * weights, weights + 2 * filters)


def check_image_size(arch: ArchSpec, image_size: int) -> None:
    """Raises ValueError where `image_size` (pixels) is below the product of the strides of `arch`."""
    if image_size < arch.min_image_size:
        raise ValueError(
            f"image_size must be at least {arch.min_image_size}, the product of the strides of {arch.name}. "
            f"Received: {image_size}."
        )


def stem_cost(stem: Stem, image_size: int) -> tuple[Cost, int]:
    """Cost of a stem on an image of `image_size` pixels a side, and the size of its output."""
    size = _down(image_size, stem.stride)
    cost = _conv_bn(size, 9 * 3 * stem.filters, stem.filters)
    if stem.separable_filters:
        cost += _conv_bn(size, 9 * stem.filters, stem.filters)
        cost += _conv_bn(size, stem.filters * stem.separable_filters, stem.separable_filters)
    return cost, size


def head_cost(head: Head, in_channels: int, in_stride: int, size: int, num_classes: int) -> Cost:
    """Cost of a head, classifier included, on features of `size` pixels a side."""
    weights = (head.filters or in_channels) * num_classes
    classifier = Cost(weights, weights + num_classes)
    if head.filters is None:
        return classifier
    size = _down(size, in_stride)
    return _conv_bn(size, in_channels * head.filters, head.filters) + classifier


def block_cost(block: Placement, size: int) -> tuple[Cost, int]:
    """Cost of a block, or an entry, on an input of `size` pixels a side, and the size of its output."""
    row, hidden = block.row, block.hidden_channels
    size = _down(size, block.in_stride)
    if isinstance(row, PlainConv):
        return _conv_bn(size, row.kernel**2 * block.in_channels * row.filters, row.filters), size
    if isinstance(row, Projection | Entry):
        size = _down(size, row.stride)
        return _conv_bn(size, block.in_channels * row.filters, row.filters), size
    cost = _conv_bn(size, block.in_channels * hidden, hidden)
    size = _down(size, row.stride)
    cost += _conv_bn(size, row.kernel**2 * hidden, hidden)
    if row.se:
        squeezed = hidden // SE_REDUCTION
        cost += Cost(2 * hidden * squeezed, 2 * hidden * squeezed + hidden + squeezed)
    return cost + _conv_bn(size, hidden * row.filters, row.filters), size


def count(arch: ArchSpec, image_size: int = 224, num_classes: int = 1000, stabilizers: bool = False) -> Cost:
    """Counts `arch` on a square RGB image of `image_size` pixels, with a classifier of `num_classes`.

    With `stabilizers`, it counts the path inside the supernet, where an ELS stands for every skipped slot. Raises
    ValueError where the image is smaller than the product of the strides.
    """
    check_image_size(arch, image_size)
    cost, size = stem_cost(arch.stem, image_size)
    placed = layout(arch)
    by_slot = {block.slot: block for block in placed.blocks}
    in_channels = arch.stem.out_channels  # nominal
    for slot, row in enumerate(arch.blocks):
        if row.entry:
            added, size = block_cost(placed.entries[slot], size)
            cost += added
            in_channels = row.filters
        if slot in by_slot:
            block = by_slot[slot]
            if stabilizers:
                block = replace(block, in_channels=in_channels, in_stride=1)
            added, size = block_cost(block, size)
            cost += added
        elif stabilizers:
            size = size if row.entry else _down(size, row.stride)
            weights = in_channels * row.filters
            cost += Cost(size * size * weights, weights)
        in_channels = row.filters
    head_in, head_stride = (in_channels, 1) if stabilizers else (placed.head_in_channels, placed.head_in_stride)
    return cost + head_cost(arch.head, head_in, head_stride, size, num_classes)
