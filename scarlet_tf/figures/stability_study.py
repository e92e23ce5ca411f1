"""How supernets with different stabilizers trained, and how their one-shot accuracies spread (paper Fig. 3)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scarlet_tf.analysis.course import Course
from scarlet_tf.figures.canvas import new_figure
from scarlet_tf.figures.probes import CHANCE_COLOUR, accuracy_bins, label_axis

METHOD_NAMES = {"fair": "strictly fair", "spos": "one sampled path a step"}
COLOURS = {"els": "#0072B2", "skip": "#D55E00", "els_relu": "#009E73"}
LINES = {"els": "-", "skip": (0, (5, 2)), "els_relu": (0, (5, 2, 1, 2))}
MARKERS = {"els": "o", "skip": "s", "els_relu": "^"}
HATCHES = {"els": "", "skip": "////", "els_relu": "...."}
NUM_BINS = 40
_DODGE = 0.012  # of the axis, by which error bars of two stabilizers are kept apart


def _by_stabilizer(courses: Sequence[Course]) -> dict[str, list[Course]]:
    """In the order of COLOURS, which is that of legends."""
    grouped = {name: [course for course in courses if course.stabilizer == name] for name in COLOURS}
    return {name: ones for name, ones in grouped.items() if ones}


def _draw_loss(axes: Axes, courses: Sequence[Course]) -> None:
    for name, ones in _by_stabilizer(courses).items():
        for course in ones:
            points = [(point.updates, point.loss) for point in course.curve]
            axes.plot(*zip(*points, strict=True), color=COLOURS[name], linestyle=LINES[name], linewidth=1.4)


def _draw_probes(axes: Axes, courses: Sequence[Course], last_update: float) -> None:
    groups = _by_stabilizer(courses)
    for place, (name, ones) in enumerate(groups.items()):
        dodge = _DODGE * last_update * (place - (len(groups) - 1) / 2)
        look = {"color": COLOURS[name], "marker": MARKERS[name], "markersize": 4.5}
        for course in ones:
            updates = np.array([point.updates for point in course.probes]) + dodge
            health = [point.health for point in course.probes]
            mean, std, lowest = np.array([(one.mean, one.std, one.min) for one in health]).T
            axes.errorbar(updates, mean, std, linestyle=LINES[name], capsize=2.5, elinewidth=1, **look)
            axes.plot(updates, lowest, linestyle=":", linewidth=1, markerfacecolor="white", **look)


def _draw_histogram(axes: Axes, courses: Sequence[Course], bins: np.ndarray) -> None:
    for name, ones in _by_stabilizer(courses).items():
        accuracies = np.concatenate([course.accuracies for course in ones])
        share = np.full(len(accuracies), 1 / len(accuracies))
        axes.hist(accuracies, bins, weights=share, color=COLOURS[name], alpha=0.25, linewidth=0)
        axes.hist(
            accuracies, bins, weights=share, histtype="step", color=COLOURS[name], linestyle=LINES[name], linewidth=1.3
        )
        for patch in axes.patches[-1:]:
            patch.set_hatch(HATCHES[name])


def _legend(figure: Figure, courses: Sequence[Course]) -> None:
    handles = [
        Line2D([], [], color=COLOURS[name], linestyle=LINES[name], marker=MARKERS[name], markersize=5, label=name)
        for name in _by_stabilizer(courses)
    ]
    grey = {"color": CHANCE_COLOUR, "markersize": 5}
    handles += [
        Line2D([], [], marker="D", linestyle="none", label="filled: mean, bar: std over paths", **grey),
        Line2D([], [], marker="D", linestyle=":", markerfacecolor="white", label="open: lowest path", **grey),
        Line2D([], [], linestyle=(0, (1, 2)), linewidth=1, label="chance", **grey),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)


def stability_figure(courses: Sequence[Course], num_classes: int, title: str) -> Figure:
    """A column for each method: the loss of the training batches; mean, standard deviation and minimum of the probed
    one-shot accuracies; the distribution of those of the trained supernets, all seeds together.

    Rows share their axes, so that methods can be compared. Raises ValueError where there is no course.
    """
    if not courses:
        raise ValueError("courses must hold at least one supernet's. Received: none.")
    methods = [method for method in METHOD_NAMES if any(course.method == method for course in courses)]
    figure = new_figure(4.0 * len(methods) + 0.6, 8.2)
    figure.set_layout_engine("constrained", h_pad=0.06)
    grid = figure.subplots(3, len(methods), sharey="row", squeeze=False)
    bins = accuracy_bins(*(course.accuracies for course in courses), num_bins=NUM_BINS)
    last_update = max(course.curve[-1].updates for course in courses)
    last_update = max(last_update, max(point.updates for course in courses for point in course.probes))
    for method, (loss, probes, histogram) in zip(methods, grid.T, strict=True):
        ones = [course for course in courses if course.method == method]
        _draw_loss(loss, ones)
        _draw_probes(probes, ones, last_update)
        _draw_histogram(histogram, ones, bins)
        for axes in (loss, probes):
            axes.set_xlim(0, 1.03 * last_update)
            axes.set_xlabel("updates of each block" + (", on the average" if method == "spos" else ""))
            label_axis(axes.xaxis)
        loss.set_title(METHOD_NAMES[method], fontsize=10)
        probes.axhline(1 / num_classes, color=CHANCE_COLOUR, linestyle=(0, (1, 2)), linewidth=1)
        histogram.set_xlim(bins[0] - 0.02 * (bins[-1] - bins[0]), bins[-1] + 0.02 * (bins[-1] - bins[0]))
        histogram.set_xlabel("one-shot accuracy")
        label_axis(histogram.xaxis, percent=True)
        label_axis(probes.yaxis, percent=True)
        label_axis(histogram.yaxis, percent=True)
    grid[1, 0].set_ylim(bottom=0)  # of the row, once all of it is drawn
    labels = "training loss", "one-shot accuracy of probes", "share of paths, in the end"
    for axes, label in zip(grid[:, 0], labels, strict=True):
        axes.set_ylabel(label)
    for axes in grid.flat:
        axes.grid(color="#dddddd", linewidth=0.5)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    _legend(figure, courses)
    figure.suptitle(title, fontsize=10)
    return figure
