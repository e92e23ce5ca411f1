"""What a network costs: multiply-adds and parameters, counted from its rows."""

from dataclasses import dataclass

from scarlet_tf.arch.layout import layout
from scarlet_tf.arch.spec import ArchSpec

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


def count(arch: ArchSpec, image_size: int = 224, num_classes: int = 1000) -> Cost:
    """Counts `arch` on a square RGB image of `image_size` pixels, with a classifier of `num_classes`.

    Raises ValueError where the image is smaller than the product of the strides.
    """
    check_image_size(arch, image_size)
    stem = arch.stem
    size = _down(image_size, stem.stride)
    cost = _conv_bn(size, 9 * 3 * stem.filters, stem.filters)
    if stem.separable_filters:
        cost += _conv_bn(size, 9 * stem.filters, stem.filters)
        cost += _conv_bn(size, stem.filters * stem.separable_filters, stem.separable_filters)
    placed = layout(arch)
    for block in placed.blocks:
        row, hidden = block.row, block.hidden_channels
        size = _down(size, block.in_stride)
        cost += _conv_bn(size, block.in_channels * hidden, hidden)
        size = _down(size, row.stride)
        cost += _conv_bn(size, row.kernel**2 * hidden, hidden)
        if row.se:
            squeezed = hidden // SE_REDUCTION
            cost += Cost(2 * hidden * squeezed, 2 * hidden * squeezed + hidden + squeezed)
        cost += _conv_bn(size, hidden * row.filters, row.filters)
    size = _down(size, placed.head_in_stride)
    cost += _conv_bn(size, placed.head_in_channels * arch.head.filters, arch.head.filters)
    weights = arch.head.filters * num_classes
    return cost + Cost(weights, weights + num_classes)
