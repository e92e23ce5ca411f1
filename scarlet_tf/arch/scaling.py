"""Wider and deeper versions of a network, by EfficientNet's compound scaling."""

import math
from dataclasses import replace

from scarlet_tf.arch.spec import ArchSpec, PlainConv, Projection, Skip

_DIVISOR = 8


def round_filters(filters: int, width: float) -> int:
    """`filters` times `width`, rounded to a multiple of 8 that is not below 0.9 of it (Tan and Le 2019,
    arXiv 1905.11946, and its published code)."""
    scaled = filters * width
    rounded = max(_DIVISOR, int(scaled + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return rounded if rounded >= 0.9 * scaled else rounded + _DIVISOR


def scale(arch: ArchSpec, width: float = 1.0, depth: float = 1.0, name: str | None = None) -> ArchSpec:
    """`arch` with all its channels, of stem and head too, times `width`, and each slot ceil(`depth`) times.

    The repeats of a slot have stride 1 and no entry; those of a projection, which stands for a skip, are skipped.
    Expansions, kernels and squeeze-excites stay. Raises ValueError where a factor is not positive.
    """
    for what, factor in (("width", width), ("depth", depth)):
        if not 0 < factor < math.inf:
            raise ValueError(f"{what} must be a positive number. Received: {factor!r}.")
    if (width, depth) == (1.0, 1.0):
        return replace(arch, name=name or arch.name)

    def wide(filters: int) -> int:
        return filters if width == 1.0 else round_filters(filters, width)

    stem = replace(arch.stem, filters=wide(arch.stem.filters))
    if stem.separable_filters:
        stem = replace(stem, separable_filters=wide(stem.separable_filters))
    blocks = []
    for row in arch.blocks:
        row = replace(row, filters=wide(row.filters))
        if isinstance(row, Projection | Skip):
            repeat = Skip(row.filters)
        else:
            repeat = PlainConv(row.kernel, row.filters) if isinstance(row, PlainConv) else replace(row, stride=1)
        blocks += [row] + [repeat] * (math.ceil(depth) - 1)
    head = replace(arch.head, filters=arch.head.filters and wide(arch.head.filters))
    return ArchSpec(name or f"{arch.name}-w{width:g}-d{depth:g}", stem, tuple(blocks), head, arch.activation)
