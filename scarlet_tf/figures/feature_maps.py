"""Feature maps by choice and channel, of several supernets side by side, beside the image that they are of."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from scarlet_tf.figures.canvas import new_figure

COLOURS = "PuOr_r"  # negative purple, positive orange: apart for the colour-blind too
MAX_ACROSS = 2  # panels

# Inches.
CELL, GAP, NAMES, NOTES, IMAGE, TOP, FOOT, LEFT = 0.56, 0.05, 0.8, 0.85, 1.3, 0.85, 0.55, 0.1


@dataclass(frozen=True, eq=False)
class Panel:
    """What a supernet puts out: `maps` (choices, h, w, shown channels), the numbers of these `channels`, and a note for
    each choice; `head` is what the notes are."""

    title: str
    maps: np.ndarray
    channels: Sequence[int]
    notes: Sequence[str]
    head: str


class _Page:
    """Axes placed in inches from the upper left corner."""

    def __init__(self, width: float, height: float) -> None:
        self.figure, self._width, self._height = new_figure(width, height), width, height

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        bottom = self._height - top - height
        return self.figure.add_axes(
            (left / self._width, bottom / self._height, width / self._width, height / self._height)
        )

    def text(self, x: float, y: float, text: str, **style: object) -> None:
        self.figure.text(x / self._width, 1 - y / self._height, text, **style)


def _draw_picture(axes: Axes, picture: np.ndarray, **style: object) -> None:
    axes.imshow(picture, interpolation="nearest", **style)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(linewidth=0.4, color="#767676")


def _draw_panel(page: _Page, panel: Panel, names: Sequence[str], left: float, top: float) -> None:
    largest = np.abs(panel.maps).max(axis=(0, 1, 2))
    step, start = CELL + GAP, left + NAMES
    right = start + len(panel.channels) * step
    page.text((start + right) / 2, top - 0.62, panel.title, ha="center", va="center", fontsize=10)
    for column, (channel, limit) in enumerate(zip(panel.channels, largest, strict=True)):
        centre = start + column * step + CELL / 2
        page.text(centre, top - 0.06, f"ch. {channel}\n±{limit:.2g}", ha="center", va="bottom", fontsize=7.5)
    page.text(right + 0.05, top - 0.06, panel.head, va="bottom", fontsize=7.5)
    for row, (name, note) in enumerate(zip(names, panel.notes, strict=True)):
        upper = top + row * step
        page.text(start - 0.08, upper + CELL / 2, name, ha="right", va="center", fontsize=8.5)
        page.text(right + 0.05, upper + CELL / 2, note, va="center", fontsize=7.5)
        for column, limit in enumerate(largest):
            axes = page.axes(start + column * step, upper, CELL, CELL)
            scale = limit or 1.0  # of a channel that is zero in all
            _draw_picture(axes, panel.maps[row, :, :, column], cmap=COLOURS, vmin=-scale, vmax=scale)


def feature_maps_figure(image: np.ndarray, caption: str, panels: Sequence[Panel], names: Sequence[str]) -> Figure:
    """The `image`, (size, size, 3) in [0, 1], beside a panel for each supernet: a row for each choice by `names`, a
    column for each channel, with one scale of colours a channel. All panels have as many channels."""
    across = min(MAX_ACROSS, len(panels))
    down = -(-len(panels) // across)
    step = CELL + GAP
    panel_width = NAMES + len(panels[0].channels) * step + NOTES
    panel_height = TOP + len(names) * step
    page = _Page(LEFT + IMAGE + across * panel_width, down * panel_height + FOOT)
    _draw_picture(page.axes(LEFT, TOP, IMAGE, IMAGE), image)
    page.text(LEFT + IMAGE / 2, TOP + IMAGE + 0.08, fill(caption, 24), ha="center", va="top", fontsize=8)
    for place, panel in enumerate(panels):
        row, column = divmod(place, across)
        _draw_panel(page, panel, names, LEFT + IMAGE + column * panel_width, row * panel_height + TOP)
    middle, foot = LEFT + IMAGE + across * panel_width / 2, down * panel_height
    bar_axes = page.axes(middle - 0.8, foot + 0.12, 1.6, 0.1)
    bar = page.figure.colorbar(ScalarMappable(Normalize(-1, 1), COLOURS), cax=bar_axes, orientation="horizontal")
    bar.set_ticks([-1, 0, 1], labels=["lowest", "0", "highest"], fontsize=7)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2)
    return page.figure
