"""A picture of one network: every slot in order, what it holds, and the shapes between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from scarlet_tf.arch.cost import count
from scarlet_tf.arch.layout import layout, stage_starts
from scarlet_tf.arch.spec import KERNELS, ArchSpec, PlainConv, Projection
from scarlet_tf.figures.canvas import new_figure, write_figure

# Inches: the axes cover the figure, one unit an inch. Heights within a row count from its foot.
PITCH, BOX_WIDTH = 0.5, 0.4
LEFT, RIGHT, MIN_WIDTH = 0.85, 0.3, 7.4
FOOT, ROW_HEIGHT, TITLE_HEIGHT = 0.58, 2.42, 0.62
NOTE_Y, LEGEND_Y = 0.15, 0.38
STAGE_Y, PIXELS_Y, CHANNELS_Y, SLOT_Y, AXIS_Y, BAND_TOP = 0.12, 0.40, 0.57, 0.74, 1.5, 2.24
PLAIN_HEIGHT, MIN_HEIGHT, MAX_HEIGHT, SE_HEIGHT, SHORTCUT_RISE = 0.6, 0.56, 1.14, 0.16, 0.09

MAX_COLUMNS = 16  # a row of more is broken in two
STAGE_REACH = 3  # columns that a break may move to fall between two stages

# Light to dark, so that kernels differ in grey too.
KERNEL_COLOURS = dict(zip(KERNELS, ("#dbe9f6", "#89b8dd", "#22578f"), strict=True))
TEXT_COLOURS = dict(zip(KERNELS, ("black", "black", "white"), strict=True))
SE_COLOUR, BAND_COLOUR, LINE_COLOUR, FAINT = "#e69f00", "#f1f1f1", "#444444", "#767676"
SKIPPED = {"facecolor": "white", "edgecolor": FAINT, "linestyle": (0, (3, 2))}


@dataclass(frozen=True)
class Column:
    """One box and the shapes below it. `channels` and the sizes (pixels a side) are those of the standalone
    network: past a skipped slot nothing has changed yet. `slot` is None for stem, head and classifier."""

    text: str
    channels: int
    in_size: int
    out_size: int
    slot: int | None = None
    stage: int | None = None
    skipped: bool = False
    kernel: int | None = None
    expansion: int | None = None
    se: bool = False
    shortcut: bool = False

    @property
    def pixels(self) -> str:
        return str(self.out_size) if self.in_size == self.out_size else f"{self.in_size}→{self.out_size}"


def _slot_columns(arch: ArchSpec, size: int) -> Iterator[Column]:
    where = layout(arch)
    placed = {block.slot: block for block in where.blocks}
    channels, stage = arch.stem.out_channels, 0
    for slot, start in enumerate(stage_starts(channels, arch.blocks)):
        stage += start
        if slot in where.entries:
            entry, in_size = where.entries[slot].row, size
            channels, size = entry.filters, -(-size // entry.stride)
            yield Column("pool +\n1x1" if entry.stride > 1 else "conv\n1x1", channels, in_size, size, None, stage)
        block = placed.get(slot)
        if block is None:
            yield Column("skip", channels, size, size, slot, stage, skipped=True)
            continue
        row, in_size = block.row, size
        if isinstance(row, PlainConv):
            yield Column(f"conv\n{row.kernel}x{row.kernel}", channels, size, size, slot, stage, kernel=row.kernel)
            continue
        channels, size = row.filters, -(-size // (block.in_stride * row.stride))
        if isinstance(row, Projection):
            yield Column("conv\n1x1", channels, in_size, size, slot, stage)
            continue
        yield Column(
            f"E{row.expansion}\nK{row.kernel}",
            channels,
            in_size,
            size,
            slot,
            stage,
            kernel=row.kernel,
            expansion=row.expansion,
            se=row.se,
            shortcut=block.shortcut,
        )


def columns(arch: ArchSpec, image_size: int, num_classes: int) -> tuple[Column, ...]:
    """Every box of the picture from image to classifier, in order."""
    stem, head = arch.stem, arch.head
    size = -(-image_size // stem.stride)
    front = [Column("image", 3, image_size, image_size), Column("conv\n3x3", stem.filters, image_size, size)]
    if stem.separable_filters:
        front.append(Column("sep\n3x3", stem.separable_filters, size, size))
    slots = list(_slot_columns(arch, size))
    size = slots[-1].out_size
    head_size = -(-size // layout(arch).head_in_stride)
    convs = [Column("conv\n1x1", head.filters, size, head_size)] if head.filters else []
    return (
        *front,
        *slots,
        *convs,
        Column("pool", head.filters or slots[-1].channels, head_size, 1),
        Column("dense", num_classes, 1, 1),
    )


def rows(drawn: Sequence[Column]) -> list[tuple[Column, ...]]:
    """`drawn` in rows of about equal length, broken between two stages where that is near."""
    length, num_rows = len(drawn), -(-len(drawn) // MAX_COLUMNS)
    between = [i for i in range(1, length) if drawn[i].stage != drawn[i - 1].stage]
    breaks = [0]
    for row in range(1, num_rows):
        even = round(length * row / num_rows)
        nearest = min(between, key=lambda i: abs(i - even))
        breaks.append(nearest if abs(nearest - even) <= STAGE_REACH else even)
    return [tuple(drawn[first:last]) for first, last in pairwise([*breaks, length])]


def _millions(number: int) -> str:
    """In millions, to four figures or to the whole million."""
    return f"{number / 1e6:.4g}" if number < 1e9 else f"{number / 1e6:.0f}"


class _Row:
    """Draws one row of boxes on `axes`, its first box centred at `first_x`, its foot at `foot`."""

    def __init__(self, axes: Axes, columns: Sequence[Column], first_x: float, foot: float, max_expansion: int):
        self.axes, self.columns, self.foot, self.max_expansion = axes, columns, foot, max_expansion
        self.xs = [first_x + PITCH * index for index in range(len(columns))]

    def draw(self, comes_in: bool, goes_on: bool) -> None:
        """`comes_in`, `goes_on`: whether a row precedes and follows."""
        reach = PITCH * 0.85
        left, right = self.xs[0] - comes_in * reach, self.xs[-1] + goes_on * reach
        self._line((left, right), (AXIS_Y, AXIS_Y))
        if goes_on:
            self.axes.plot(right, self.foot + AXIS_Y, ">", color=LINE_COLOUR, markersize=3.5)
        for x, column in zip(self.xs, self.columns, strict=True):
            self._draw_box(x, column)
            self._draw_shapes(x, column)
        for stage in sorted({column.stage for column in self.columns if column.stage}):
            members = [x for x, column in zip(self.xs, self.columns, strict=True) if column.stage == stage]
            self._draw_stage(stage, members[0] - PITCH / 2, members[-1] + PITCH / 2)
        for y, label in ((SLOT_Y, "slot"), (CHANNELS_Y, "channels"), (PIXELS_Y, "pixels")):
            self._text(self.xs[0] - 0.34, y, label, 7, FAINT, ha="right")

    def _text(self, x: float, y: float, text: str, size: float, colour: str = "black", **kwargs) -> None:
        style = {"ha": "center", "va": "center"} | kwargs
        self.axes.text(x, self.foot + y, text, fontsize=size, color=colour, zorder=5, **style)

    def _line(self, xs: Sequence[float], ys: Sequence[float], zorder: int = 1) -> None:
        self.axes.plot(xs, [self.foot + y for y in ys], color=LINE_COLOUR, linewidth=0.8, zorder=zorder)

    def _rectangle(self, left: float, bottom: float, width: float, height: float, **style) -> None:
        self.axes.add_patch(Rectangle((left, self.foot + bottom), width, height, **style))

    def _draw_box(self, x: float, column: Column) -> None:
        height = PLAIN_HEIGHT
        if column.expansion:
            height = MIN_HEIGHT + (MAX_HEIGHT - MIN_HEIGHT) * column.expansion / self.max_expansion
        left, bottom = x - BOX_WIDTH / 2, AXIS_Y - height / 2
        solid = {"facecolor": KERNEL_COLOURS.get(column.kernel, "white"), "edgecolor": LINE_COLOUR}
        style = SKIPPED if column.skipped else solid
        self._rectangle(left, bottom, BOX_WIDTH, height, linewidth=0.8, zorder=3, **style)
        colour = FAINT if column.skipped else TEXT_COLOURS.get(column.kernel, "black")
        self._text(x, AXIS_Y, column.text, 7.5, colour)
        if column.se:
            style = {"facecolor": SE_COLOUR, "edgecolor": LINE_COLOUR, "linewidth": 0.8}
            self._rectangle(left, bottom, BOX_WIDTH, SE_HEIGHT, zorder=4, **style)
            self._text(x, bottom + SE_HEIGHT / 2, "SE", 6.5, va="center_baseline")
        if column.shortcut:
            left, right, top = x - PITCH / 2, x + PITCH / 2, AXIS_Y + height / 2 + SHORTCUT_RISE
            self._line((left, left, right, right), (AXIS_Y, top, top, AXIS_Y), zorder=2)

    def _draw_shapes(self, x: float, column: Column) -> None:
        colour = FAINT if column.skipped else "black"
        if column.slot is not None:
            self._text(x, SLOT_Y, str(column.slot), 7, FAINT)
        self._text(x, CHANNELS_Y, str(column.channels), 7, colour)
        self._text(x, PIXELS_Y, column.pixels, 6.5, colour)

    def _draw_stage(self, stage: int, left: float, right: float) -> None:
        foot = STAGE_Y + 0.12
        if stage % 2:
            band = {"facecolor": BAND_COLOUR, "linewidth": 0, "zorder": 0}
            self._rectangle(left, foot, right - left, BAND_TOP - foot, **band)
        inset_left, inset_right = left + 0.04, right - 0.04
        self._line((inset_left, inset_left, inset_right, inset_right), (foot + 0.05, foot, foot, foot + 0.05))
        self._text((left + right) / 2, STAGE_Y, f"stage {stage}", 6.5)


def _legend_handles(drawn: Sequence[Column]) -> list[Artist]:
    """One handle for each mark that `drawn` uses."""
    handles: list[Artist] = [
        Patch(facecolor=KERNEL_COLOURS[kernel], edgecolor=LINE_COLOUR, label=f"kernel {kernel}x{kernel}")
        for kernel in KERNELS
        if any(column.kernel == kernel for column in drawn)
    ]
    if any(column.se for column in drawn):
        handles.append(Patch(facecolor=SE_COLOUR, edgecolor=LINE_COLOUR, label="squeeze-excite"))
    if any(column.shortcut for column in drawn):
        handles.append(Line2D([], [], color=LINE_COLOUR, linewidth=0.8, label="shortcut"))
    if any(column.skipped for column in drawn):
        handles.append(Patch(label="skipped slot", **SKIPPED))
    return handles


def architecture_figure(arch: ArchSpec, image_size: int = 224, num_classes: int = 1000) -> Figure:
    """A figure of `arch`, one box a slot. Slots are numbered from 0, as in its genotype.

    A box's height is its expansion, its colour its kernel. Channels and pixels are those of the standalone
    network, so a stride that a skipped slot leaves behind shows at the next block. Raises ValueError where
    the image is smaller than the product of the strides.
    """
    cost = count(arch, image_size, num_classes)
    drawn = columns(arch, image_size, num_classes)
    lines = rows(drawn)
    longest = max(len(line) for line in lines)
    width = max(MIN_WIDTH, LEFT + longest * PITCH + RIGHT)
    height = FOOT + len(lines) * ROW_HEIGHT + TITLE_HEIGHT
    figure = new_figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()

    first_x = (width - RIGHT + LEFT - longest * PITCH + PITCH) / 2  # what is left over goes to both sides
    max_expansion = max((column.expansion for column in drawn if column.expansion), default=1)
    for index, line in enumerate(lines):
        foot = FOOT + (len(lines) - 1 - index) * ROW_HEIGHT
        row = _Row(axes, line, first_x, foot, max_expansion)
        row.draw(comes_in=index > 0, goes_on=index < len(lines) - 1)

    handles = _legend_handles(drawn)
    place = {"bbox_to_anchor": (width / 2, LEGEND_Y), "bbox_transform": axes.transData, "borderpad": 0}
    look = {"ncols": len(handles), "frameon": False, "fontsize": 7, "columnspacing": 1.6}
    axes.legend(handles=handles, loc="center", **place, **look)
    centred = {"ha": "center", "va": "center"}
    note = "Channels and pixels: output of each layer."
    if any(column.expansion for column in drawn):
        note = f"E: expansion, drawn as height. K: depthwise kernel. {note}"
    axes.text(width / 2, NOTE_Y, note, fontsize=6.5, color=FAINT, **centred)
    summary = (
        f"{_millions(cost.madds)} M multiply-adds, {_millions(cost.params)} M parameters "
        f"({image_size} px, {num_classes} classes)"
    )
    axes.text(width / 2, height - 0.24, arch.name, fontsize=10, fontweight="bold", **centred)
    axes.text(width / 2, height - 0.48, summary, fontsize=8, **centred)
    return figure


def draw_architecture(path: str | Path, arch: ArchSpec, image_size: int = 224, num_classes: int = 1000) -> None:
    """Writes the picture of `arch` (see `architecture_figure`) in place of `path`."""
    write_figure(path, architecture_figure(arch, image_size, num_classes))
