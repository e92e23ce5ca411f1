"""Architectures as data: one frozen row a block."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

ACTIVATIONS = ("hard_swish", "relu", "relu6")
KERNELS = (3, 5, 7)
CONV_KERNELS = (1, *KERNELS)
STRIDES = (1, 2)


def _require(condition: bool, message: str, received: object) -> None:
    if not condition:
        raise ValueError(f"{message} Received: {received!r}.")


def _is_positive_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_int_of(value: object, allowed: tuple[int, ...]) -> bool:
    return _is_positive_int(value) and value in allowed  # neither 1.0 nor True stands for 1


def _check_shape(row: "Stem | Slot | Entry | Row") -> None:
    _require(_is_positive_int(row.filters), "filters must be a positive integer.", row.filters)
    _require(_is_int_of(row.stride, STRIDES), "stride must be 1 or 2.", row.stride)


def _check_entry(row: "Slot | PlainConv | Skip") -> None:
    _require(isinstance(row.entry, bool), "entry must be true or false.", row.entry)


def from_mapping(row_type: type, data: Mapping) -> object:
    """Builds a row from a mapping of its fields, and names keys that do not belong."""
    names = [f.name for f in fields(row_type)]
    unknown = sorted(set(data) - set(names))
    if unknown:
        raise ValueError(f"{row_type.__name__} takes the keys {names}. Received: {unknown}.")
    try:
        return row_type(**data)
    except TypeError as error:
        raise ValueError(f"{row_type.__name__} takes the keys {names}. Received: {sorted(data)}.") from error


@dataclass(frozen=True)
class Stem:
    """conv3x3 with `stride` to `filters`, BN, activation; then, unless `separable_filters` is None,
    depthwise 3x3, BN, activation, conv1x1 to `separable_filters`, BN."""

    filters: int
    stride: int = 2
    separable_filters: int | None = None
    activation: str = "relu6"

    def __post_init__(self) -> None:
        _check_shape(self)
        _require(
            self.separable_filters is None or _is_positive_int(self.separable_filters),
            "separable_filters must be None or a positive integer.",
            self.separable_filters,
        )
        _require(self.activation in ACTIVATIONS, f"activation must be one of {ACTIVATIONS}.", self.activation)

    @property
    def out_channels(self) -> int:
        return self.separable_filters or self.filters


@dataclass(frozen=True)
class Head:
    """conv1x1 to `filters`, BN, activation, unless `filters` is None; global average pool; dropout; dense."""

    filters: int | None
    activation: str = "relu6"

    def __post_init__(self) -> None:
        _require(
            self.filters is None or _is_positive_int(self.filters),
            "filters must be None or a positive integer.",
            self.filters,
        )
        _require(self.activation in ACTIVATIONS, f"activation must be one of {ACTIVATIONS}.", self.activation)


@dataclass(frozen=True)
class Slot:
    """One searchable layer: what every choice there turns its input into. With `entry` fixed layers before it, an
    `Entry`, do that, and the choice itself changes no shape."""

    filters: int
    stride: int = 1
    entry: bool = False

    def __post_init__(self) -> None:
        _check_shape(self)
        _check_entry(self)


@dataclass(frozen=True)
class Choice:
    """An inverted bottleneck as a candidate operation: `expansion`, `kernel`, squeeze-excite or not."""

    expansion: int
    kernel: int
    se: bool = False

    def __post_init__(self) -> None:
        _require(_is_positive_int(self.expansion), "expansion must be a positive integer.", self.expansion)
        _require(_is_int_of(self.kernel, KERNELS), "kernel must be 3, 5 or 7.", self.kernel)
        _require(isinstance(self.se, bool), "se must be true or false.", self.se)


@dataclass(frozen=True)
class Conv:
    """A convolution with BN and activation as a candidate operation: `kernel` x `kernel`, 1, 3, 5 or 7."""

    kernel: int

    def __post_init__(self) -> None:
        _require(_is_int_of(self.kernel, CONV_KERNELS), "kernel must be 1, 3, 5 or 7.", self.kernel)


SKIP = "skip"
"""The candidate operation that leaves the layer out."""


@dataclass(frozen=True)
class Entry:
    """Max-pooling over `stride` x `stride` pixels with that stride, then conv1x1 to `filters`, BN, activation: what
    stands before a slot whatever its choice is, as at the head of each cell of NAS-Bench-101."""

    filters: int
    stride: int = 1

    def __post_init__(self) -> None:
        _check_shape(self)


@dataclass(frozen=True)
class MBConv:
    """An inverted bottleneck in an architecture (DESIGN: conv1x1, depthwise, squeeze-excite, conv1x1)."""

    expansion: int
    kernel: int
    filters: int
    stride: int = 1
    se: bool = False
    entry: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_shape(self)
        Choice(self.expansion, self.kernel, self.se)


@dataclass(frozen=True)
class Projection:
    """conv1x1 with `stride` to `filters`, BN: what some spaces have for a skip where shapes change (the projection
    shortcut of He et al. 2015, arXiv 1512.03385, with no block beside it)."""

    filters: int
    stride: int = 1
    entry: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_shape(self)


@dataclass(frozen=True)
class PlainConv:
    """conv `kernel` x `kernel`, BN, activation, of as many channels as it reads. Before it, with `entry`, an
    `Entry(filters, stride)`."""

    kernel: int
    filters: int
    stride: int = 1
    entry: bool = False

    def __post_init__(self) -> None:
        _check_shape(self)
        _check_entry(self)
        Conv(self.kernel)
        _require(self.entry or self.stride == 1, "A convolution of stride 2 must have an entry.", self)


@dataclass(frozen=True)
class Skip:
    """A slot that is left out. `filters` and `stride` are its slot's: what follows still takes its hidden
    width from `filters`, and the resolution still falls by `stride`. An `entry`, `Entry(filters, stride)`, stays."""

    filters: int
    stride: int = 1
    entry: bool = False

    def __post_init__(self) -> None:
        _check_shape(self)
        _check_entry(self)


Row = MBConv | PlainConv | Projection | Skip
"""What a slot of one network holds."""


@dataclass(frozen=True)
class ArchSpec:
    """One network: stem, a row for every slot, head, and the activation inside the blocks."""

    name: str
    stem: Stem
    blocks: tuple[Row, ...]
    head: Head
    activation: str = "hard_swish"

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", tuple(self.blocks))
        _require(len(self.blocks) > 0, "blocks must not be empty.", self.blocks)
        _require(self.activation in ACTIVATIONS, f"activation must be one of {ACTIVATIONS}.", self.activation)

    @property
    def is_plain(self) -> bool:
        """Whether it is of plain convolutions, or of nothing but what only a network of these has."""
        return self.head.filters is None or any(row.entry or isinstance(row, PlainConv) for row in self.blocks)

    @property
    def skipped_slots(self) -> tuple[int, ...]:
        """The slots that are left out."""
        return tuple(slot for slot, row in enumerate(self.blocks) if isinstance(row, Skip))

    @property
    def min_image_size(self) -> int:
        """Product of the strides, in pixels: the smallest image that leaves one pixel to the head."""
        return self.stem.stride * math.prod(block.stride for block in self.blocks)
