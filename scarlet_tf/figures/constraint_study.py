"""A search with and without a bound on accuracy: skips of the survivors, and the fronts found."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scarlet_tf.figures.canvas import new_figure
from scarlet_tf.figures.pareto import Scored, upper_edge
from scarlet_tf.figures.probes import finish_axes, label_axis

LOOKS = {
    "without": {"color": "#D55E00", "marker": "o", "linestyle": (0, (5, 1.5))},
    "with": {"color": "#0072B2", "marker": "^", "linestyle": "-"},
}
FAINT = "#555555"
STEPS = 400  # of MAdds, along which accuracies of the seeds are compared
MAX_MARKED = 25  # generations, beyond which marks would run into each other


def reached(fronts: Sequence[Sequence[Scored]], madds: np.ndarray) -> np.ndarray:
    """(fronts, len(madds)): the best accuracy in each front with at most so many MAdds; NaN where it has nobody."""
    rows = []
    for front in fronts:
        edge = upper_edge(front)
        place = np.searchsorted([one.madds for one in edge], madds, side="right")
        rows.append(np.array([np.nan, *(one.accuracy for one in edge)])[place])
    return np.array(rows)


def _draw_skips(axes: Axes, skips: Mapping[str, np.ndarray], at_random: float) -> None:
    highest = at_random
    for name, runs in skips.items():
        generations = np.arange(runs.shape[1])
        low, mean, high = runs.min(axis=0), runs.mean(axis=0), runs.max(axis=0)
        look = LOOKS[name]
        axes.fill_between(generations, low, high, color=look["color"], alpha=0.15, linewidth=0)
        every = -(-len(generations) // MAX_MARKED)
        axes.plot(generations, mean, label=f"{name} bound", markersize=4, markevery=every, **look)
        highest = max(highest, float(high.max()))
    axes.axhline(at_random, color=FAINT, linestyle=":", linewidth=1.2, label="at random")
    axes.set(xlabel="generation", ylabel="slots that survivors skip", ylim=(0, min(1.0, 1.08 * highest)))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    label_axis(axes.yaxis, percent=True)


def _draw_fronts(axes: Axes, fronts: Mapping[str, Sequence[Sequence[Scored]]], acc_min: float) -> None:
    everyone = [one.madds for each in fronts.values() for front in each for one in front]
    madds = np.linspace(min(everyone), max(everyone), STEPS)
    for name, each in fronts.items():
        look = LOOKS[name]
        edge = [one for front in each for one in upper_edge(front)]
        place = {"s": 14, "marker": look["marker"], "linewidths": 0, "alpha": 0.4, "color": look["color"]}
        axes.scatter([one.madds / 1e6 for one in edge], [one.accuracy for one in edge], **place)
        curves = reached(each, madds)
        there = ~np.isnan(curves).any(axis=0)  # for every seed
        middle = np.median(curves[:, there], axis=0)
        line = {"color": look["color"], "linestyle": look["linestyle"], "linewidth": 1.5}
        axes.step(madds[there] / 1e6, middle, where="post", label=f"{name}, median", **line)
    axes.axhline(acc_min, color=FAINT, linestyle="-.", linewidth=1.0, label="the bound")
    axes.set(xlabel="multiply-adds (M)", ylabel="accuracy")
    label_axis(axes.xaxis)


def _look_above(axes: Axes, fronts: Mapping[str, Sequence[Sequence[Scored]]], acc_min: float) -> None:
    """Leaves of the fronts what exceeds the bound, and a little below it."""
    above = [one for each in fronts.values() for front in each for one in front if one.accuracy > acc_min]
    low, high = (end(one.madds / 1e6 for one in above) for end in (min, max))
    margin = 0.05 * (high - low or high)
    axes.set_xlim(low - margin, high + margin)
    best = max(one.accuracy for one in above)
    axes.set_ylim(acc_min - 0.08 * (best - acc_min), best + 0.06 * (best - acc_min))


def constraint_figure(
    skips: Mapping[str, np.ndarray], at_random: float, fronts: Mapping[str, Sequence[Sequence[Scored]]], acc_min: float
) -> Figure:
    """A figure of searches `without` and `with` a bound `acc_min` on accuracy, (paper Fig. 9).

    skips: (seeds, generations), the share of slots that survivors skip, drawn as mean and range beside `at_random`,
    that of random networks. fronts: a front a seed, drawn as the members that no cheaper one equals in accuracy, and as
    the median over the seeds of the accuracy reached with so many MAdds, once whole and once above the bound. Raises
    ValueError where no member of a front exceeds it.
    """
    figure = new_figure(12.0, 3.9)
    figure.set_layout_engine("constrained", wspace=0.04)
    left, middle, right = figure.subplots(1, 3)
    _draw_skips(left, skips, at_random)
    for axes in (middle, right):
        _draw_fronts(axes, fronts, acc_min)
    _look_above(right, fronts, acc_min)
    for axes in (middle, right):
        label_axis(axes.yaxis, percent=True)
    seeds = len(next(iter(skips.values())))
    finish_axes(left, f"Skips, mean and range over {seeds} seeds", 3)
    finish_axes(middle, "Fronts of every seed", 3)
    finish_axes(right, f"Fronts above the bound of {acc_min:.1%}", 3)
    return figure
