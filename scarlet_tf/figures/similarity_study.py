"""How alike the choices of slots are, with a plain skip and with ELS: by slot, as matrices, and as arrows."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import MaxNLocator

from scarlet_tf.figures.canvas import new_figure
from scarlet_tf.figures.probes import finish_axes

STYLES = {
    "skip": {"color": "#D55E00", "marker": "s", "label": "plain skip"},
    "els": {"color": "#0072B2", "marker": "o", "label": "ELS"},
}
SKIP_COLOUR, OTHER_COLOUR, FAINT, SHADE = "#D55E00", "#56B4E9", "#767676", "#e9e9e9"
MAX_MATRICES = 4
MAX_NUMBERED = 8  # choices, beyond which numbers in the cells of a matrix would be too small
_OFFSET = 0.12  # slots, by which what stands side by side is moved apart
_LABEL_X, _LABEL_HEIGHT = 1.15, 0.125  # of arrows, in norms


class Estimated(Protocol):
    """Means and the lower and upper ends of their intervals, (slots,) and (2, slots)."""

    @property
    def mean(self) -> np.ndarray: ...

    @property
    def interval(self) -> np.ndarray: ...


class Projected(Protocol):
    """Points (n, 2) in a plane, and the share of the squared norms that it holds."""

    points: np.ndarray
    share: float


def _draw_intervals(
    axes: Axes, at: np.ndarray, estimate: Estimated, stabilized: np.ndarray, look: Mapping[str, str]
) -> None:
    low, high = estimate.interval
    bars = np.stack([estimate.mean - low, high - estimate.mean]).clip(min=0)
    for chosen, face, label in ((stabilized, look["color"], look["label"]), (~stabilized, "white", None)):
        if chosen.any():
            style = {"color": look["color"], "marker": look["marker"], "markerfacecolor": face, "label": label}
            axes.errorbar(
                at[chosen], estimate.mean[chosen], bars[:, chosen], linestyle="none", markersize=5, capsize=3, **style
            )


def slots_figure(
    others: Mapping[str, Estimated], difference: Estimated, stabilized: np.ndarray, stage_starts: Sequence[bool]
) -> Figure:
    """Similarity of the skip to the other choices of each slot, by stabilizer, and the difference that ELS makes.

    `stabilized` (slots,): where the skip is a stabilizer; the other slots are drawn hollow. Those that begin a stage,
    by `stage_starts`, are shaded.
    """
    slots = np.arange(len(stabilized))
    figure = new_figure(max(5.6, 1.6 + 0.32 * len(slots)), 5.2)
    figure.set_layout_engine("constrained", hspace=0.06)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.4, 1))
    for (name, estimate), offset in zip(others.items(), (-_OFFSET, _OFFSET), strict=True):
        _draw_intervals(above, slots + offset, estimate, stabilized, STYLES[name])
    _draw_intervals(below, slots, difference, stabilized, {"color": "black", "marker": "D", "label": "ELS less plain"})
    for axes in (above, below):
        for slot in np.flatnonzero(stage_starts):
            axes.axvspan(slot - 0.5, slot + 0.5, color=SHADE, linewidth=0, zorder=0)
    above.fill_between([], [], color=SHADE, label="first slot of a stage: no shortcut")
    below.axhline(0, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    above.set_ylabel("cosine similarity\nof the skip to the others")
    below.set(xlabel="slot", ylabel="difference,\nELS less plain skip", xlim=(-0.6, len(slots) - 0.4))
    below.xaxis.set_major_locator(MaxNLocator(20, integer=True))
    finish_axes(above, "How like the other choices of its slot a skip is", 3)
    below.grid(color="#dddddd", linewidth=0.5)
    below.set_axisbelow(True)
    below.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_matrix(axes: Axes, matrix: np.ndarray, skip_index: int, low: float, numbered: bool) -> object:
    image = axes.imshow(matrix, cmap="viridis", vmin=low, vmax=1.0)
    if numbered:
        for (row, column), value in np.ndenumerate(matrix):
            colour = "black" if value > low + 0.6 * (1 - low) else "white"
            axes.text(column, row, f"{value:z.2f}", ha="center", va="center", fontsize=5.5, color=colour)
    count = len(matrix)
    for corner, width, height in (((-0.5, skip_index - 0.5), count, 1), ((skip_index - 0.5, -0.5), 1, count)):
        axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=SKIP_COLOUR, linewidth=1.4))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image


def matrices_figure(
    matrices: Mapping[str, np.ndarray], names: Sequence[str], skip_index: int, stabilized: np.ndarray
) -> Figure:
    """Similarities (slots, choices, choices) by stabilizer, a row each, in up to four of the slots with a stabilizer;
    row and column of the skip are framed."""
    held = np.flatnonzero(stabilized)
    slots = held[np.linspace(0, len(held) - 1, min(MAX_MATRICES, len(held))).round().astype(int)]
    shown = np.stack([of_stabilizer[slots] for of_stabilizer in matrices.values()])  # (stabilizers, slots, n, n)
    low = min(0.0, np.floor(shown.min() * 10) / 10)
    size = 7 if len(names) <= MAX_NUMBERED else 5
    figure = new_figure(1.6 + 2.0 * len(slots), 4.9)
    figure.set_layout_engine("constrained")
    grid = figure.subplots(len(shown), len(slots), squeeze=False)
    for (row, column), axes in np.ndenumerate(grid):
        image = _draw_matrix(axes, shown[row, column], skip_index, low, len(names) <= MAX_NUMBERED)
        axes.set_yticks(range(len(names)), [] if column else names, fontsize=size)
        axes.set_xticks(range(len(names)), names if row == len(grid) - 1 else [], rotation=90, fontsize=size)
        if row == 0:
            axes.set_title(f"slot {slots[column]}", fontsize=9)
    for row, stabilizer in zip(grid, matrices, strict=True):
        row[0].set_ylabel(STYLES[stabilizer]["label"], fontsize=9)
    bar = figure.colorbar(image, ax=list(grid.flat), shrink=0.6, aspect=25, pad=0.015, label="cosine similarity")
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    return figure


def _spread(heights: np.ndarray, apart: float) -> np.ndarray:
    """Heights in the order of `heights` and around them, each at least `apart` from the next."""
    order = np.argsort(heights)
    placed = heights[order]
    for index in range(1, len(placed)):
        placed[index] = max(placed[index], placed[index - 1] + apart)
    placed -= (placed - heights[order]).mean()
    spread = np.empty_like(placed)
    spread[order] = placed
    return spread


def _draw_arrows(axes: Axes, points: np.ndarray, angles: np.ndarray, names: Sequence[str], skip_index: int) -> None:
    axes.add_patch(Circle((0, 0), 1.0, fill=False, edgecolor=FAINT, linewidth=0.7, linestyle=(0, (4, 3))))
    for index, (point, name, height) in enumerate(
        zip(points, names, _spread(points[:, 1], _LABEL_HEIGHT), strict=True)
    ):
        is_skip = index == skip_index
        look = {"color": SKIP_COLOUR, "linewidth": 2.4} if is_skip else {"color": OTHER_COLOUR, "linewidth": 1.4}
        arrow = look | {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", point, (0, 0), arrowprops=arrow, zorder=4 if is_skip else 3)
        axes.plot([point[0], _LABEL_X - 0.03], [point[1], height], color=FAINT, linewidth=0.5)
        text, weight = (name, "bold") if is_skip else (f"{name}: {angles[index]:.0f}°", "normal")
        axes.text(_LABEL_X, height, text, fontsize=7, va="center", weight=weight)
    axes.plot(0, 0, color="black", marker="o", markersize=3)
    axes.axhline(0, color="#dddddd", linewidth=0.5, zorder=0)
    axes.axvline(0, color="#dddddd", linewidth=0.5, zorder=0)
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)


def arrows_figure(
    planes: Mapping[str, Projected],
    angles: Mapping[str, np.ndarray],
    names: Sequence[str],
    skip_index: int,
    slot: int,
) -> Figure:
    """The choices of `slot` as arrows in a plane, by stabilizer side by side, each with its angle to the skip in
    degrees. All have norm 1, the circle; what an arrow lacks of it is outside of the plane."""
    heights = np.concatenate([_spread(plane.points[:, 1], _LABEL_HEIGHT) for plane in planes.values()])
    leftmost = min(plane.points[:, 0].min() for plane in planes.values())
    xlim = (min(-0.15, leftmost - 0.1), _LABEL_X + 0.75)
    ylim = (min(-0.4, heights.min() - 0.1), max(1.05, heights.max() + 0.1))
    figure = new_figure(9.6, 1.2 + 4.2 * (ylim[1] - ylim[0]) / (xlim[1] - xlim[0]))
    figure.set_layout_engine("constrained")
    grid = figure.subplots(1, len(planes), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (stabilizer, plane) in zip(grid, planes.items(), strict=True):
        _draw_arrows(axes, plane.points, angles[stabilizer], names, skip_index)
        axes.set_title(
            f"{STYLES[stabilizer]['label']}: the plane holds {plane.share:.0%} of the squared norms", fontsize=9
        )
        axes.set_xlabel("first axis")
    xticks = np.arange(-1.0 if leftmost < -0.1 else 0.0, 1.1, 0.5)
    grid[0].set(xlim=xlim, ylim=ylim, xticks=xticks, ylabel="second axis")
    figure.suptitle(f"Directions of the choices of slot {slot}, with their angles to the skip", fontsize=10)
    return figure
