"""Pairs of networks that one kind of supernet orders wrongly: where each ranks, how often it happens, and to whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from scarlet_tf.figures.canvas import new_figure
from scarlet_tf.figures.probes import finish_axes, label_axis

LOOKS = {
    "skip": {"color": "#D55E00", "marker": "o", "linestyle": (0, (5, 1.5))},
    "els": {"color": "#0072B2", "marker": "^", "linestyle": "-"},
}
PAIR_LOOKS = {
    "truly better network": {"color": "#009E73", "marker": "o", "linestyle": "-"},
    "truly worse network": {"color": "#CC79A7", "marker": "s", "linestyle": (0, (4, 1.5))},
}
FAINT, HALO = "#555555", withStroke(linewidth=2, foreground="white")
COLUMNS = ("truth", "skip", "els")
MOST_SHOWN = 5  # pairs of a kind; more would be too small


@dataclass(frozen=True)
class ShownPair:
    """Two networks, the truly better one first: indices, how many slots each skips; by `truth`, `skip` and `els` their
    accuracies, from 0 to 1, and the percent of all networks that each exceeds; and in how many seeds' supernets of each
    stabilizer their order is wrong."""

    networks: tuple[int, int]
    accuracies: Mapping[str, tuple[float, float]]
    percentiles: Mapping[str, tuple[float, float]]
    skips: tuple[int, int]
    wrong_seeds: Mapping[str, int]


class Interval(Protocol):
    """A value, and its interval."""

    value: float
    low: float
    high: float


def _draw_pair(axes: Axes, pair: ShownPair, number: int) -> None:
    for member, look in enumerate(PAIR_LOOKS.values()):
        heights = [pair.percentiles[column][member] for column in COLUMNS]
        axes.plot(range(len(COLUMNS)), heights, markersize=4.5, linewidth=1.4, **look)
        for place, column in enumerate(COLUMNS):
            above = (heights[place], -member) > (pair.percentiles[column][1 - member], member - 1)
            text, at = f"{pair.accuracies[column][member]:.1%}", (place, heights[place])
            style = {"ha": "center", "va": "bottom" if above else "top", "fontsize": 6.5, "path_effects": [HALO]}
            axes.annotate(text, at, (0, 5 if above else -5), textcoords="offset points", **style)
    axes.set_xlim(-0.45, len(COLUMNS) - 0.55)
    axes.set_xticks(range(len(COLUMNS)), COLUMNS, fontsize=8)
    axes.tick_params(axis="y", labelsize=7)
    apart = 100 * (pair.accuracies["truth"][0] - pair.accuracies["truth"][1])
    axes.set_title(f"{number}: {apart:.1f} points apart\nskips: {pair.skips[0]}, {pair.skips[1]}", fontsize=8)
    axes.grid(axis="y", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_pairs(figure: SubFigure, pairs: Sequence[ShownPair], title: str) -> None:
    figure.suptitle(title, fontsize=10)
    row = figure.subplots(1, MOST_SHOWN, sharey=True)
    for number, axes in enumerate(row):
        if number < len(pairs):
            _draw_pair(axes, pairs[number], number + 1)
        else:
            axes.set_axis_off()
    row[0].margins(y=0.18)  # for the numbers
    row[0].yaxis.set_major_locator(MaxNLocator(5, integer=True))
    row[0].set_ylabel("networks exceeded (%)", fontsize=8)
    if not pairs:
        figure.text(0.5, 0.45, "no such pair", ha="center", fontsize=9, color=FAINT)


def _draw_errors(axes: Axes, by_seed: Mapping[str, Sequence[float]], intervals: Mapping[str, Interval]) -> None:
    for place, (name, look) in enumerate(LOOKS.items()):
        one = intervals[name]
        ends = [[one.value - one.low], [one.high - one.value]]
        style = {"color": look["color"], "marker": look["marker"], "linestyle": "none"}
        axes.errorbar([one.value], [place], xerr=ends, capsize=4, markersize=7, elinewidth=1.6, **style)
        seeds = by_seed[name]
        axes.plot(seeds, np.full(len(seeds), place + 0.22), markersize=4, alpha=0.6, markeredgewidth=0, **style)
        axes.annotate(
            f"{one.value:.1f}%",
            (one.value, place),
            (0, -9),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8,
        )
    style = {"color": FAINT, "marker": "o", "linestyle": "none"}
    axes.plot([], [], markersize=7, label="mean, 95% interval over networks", **style)
    axes.plot([], [], markersize=4, alpha=0.6, label="a seed", **style)
    axes.set_yticks(range(len(LOOKS)), list(LOOKS))
    axes.set(xlabel="pairs ordered wrongly (%); by lot 50", ylim=(-0.6, len(LOOKS) - 0.4))
    axes.set_xlim(0, 1.1 * max(1.0, *(intervals[name].high for name in LOOKS)))
    label_axis(axes.xaxis)


def _draw_residuals(axes: Axes, skips: np.ndarray, residuals: Mapping[str, np.ndarray]) -> None:
    numbers = np.unique(skips)
    for side, (name, look) in zip((-1, 1), LOOKS.items(), strict=True):
        values = residuals[name]
        dots = {"s": 9, "marker": look["marker"], "color": look["color"], "alpha": 0.3, "linewidths": 0}
        axes.scatter(skips + 0.1 * side, values, **dots)
        means = [values[skips == number].mean() for number in numbers]
        axes.plot(numbers + 0.1 * side, means, markersize=5.5, label=f"{name}, mean", **look)
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=1)
    axes.set(xlabel="slots that the network skips", ylabel="ranked too high (places in 100)")
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))


def contrast_figure(
    only_skip: Sequence[ShownPair],
    only_els: Sequence[ShownPair],
    by_seed: Mapping[str, Sequence[float]],
    intervals: Mapping[str, Interval],
    skips: np.ndarray,
    residuals: Mapping[str, np.ndarray],
) -> Figure:
    """A figure of the pairs that only one kind of supernet, `skip` or `els`, orders wrongly.

    Above, up to five pairs of each kind (paper Table 1): where both networks rank by the truth and in the supernets,
    with their accuracies. Below: the share of pairs in percent that each kind orders wrongly, `by_seed`, and its mean
    with its interval over the networks; and `residuals` (networks,) against how many slots each network `skips`.
    """
    figure = new_figure(10.0, 9.2)
    figure.set_layout_engine("constrained", hspace=0.02)
    first, second, below = figure.subfigures(3, 1, height_ratios=(1, 1, 1.15))
    _draw_pairs(first, only_skip[:MOST_SHOWN], "Pairs that only the supernets with plain skips order wrongly")
    _draw_pairs(second, only_els[:MOST_SHOWN], "Pairs that only the supernets with ELS order wrongly")
    lines = [Line2D([], [], markersize=4.5, label=label, **look) for label, look in PAIR_LOOKS.items()]
    figure.legend(handles=lines, loc="outside upper center", ncols=2, fontsize=8, frameon=False)
    errors, judged = below.subplots(1, 2, width_ratios=(1, 1.25))
    _draw_errors(errors, by_seed, intervals)
    _draw_residuals(judged, skips, residuals)
    finish_axes(errors, "Wrong orders", 3)
    finish_axes(judged, "Networks over- and underestimated for their truth", 2)
    return figure
