"""What probes of a supernet in training found: one-shot accuracies of its paths, and how alike its choices are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from scarlet_tf.analysis.probe_record import ProbeRecord, mean_similarity
from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.arch.spec import SKIP, Choice, Conv
from scarlet_tf.figures.canvas import new_figure, write_figure

MEAN_COLOUR, MIN_COLOUR, FIRST_COLOUR, CHANCE_COLOUR = "#0072B2", "#D55E00", "#9a9a9a", "#555555"
MAX_MATRICES = 4
MAX_MARKED = 25  # probes, beyond which marks would run into each other
NUM_BINS = 20


def choice_name(choice: Choice | Conv | str) -> str:
    """Expansion and kernel of a choice as in E3 K5 SE, conv 3x3, or skip."""
    if isinstance(choice, Conv):
        return f"conv {choice.kernel}x{choice.kernel}"
    return SKIP if choice == SKIP else f"E{choice.expansion} K{choice.kernel}" + (" SE" if choice.se else "")


def accuracy_bins(*samples: Sequence[float], num_bins: int = NUM_BINS) -> np.ndarray:
    """Edges, in [0, 1], of bins that all `samples` of accuracies share: no narrower than 0.5% each."""
    low, high = min(map(min, samples)), max(map(max, samples))
    middle, half = (low + high) / 2, max(high - low, 0.005 * num_bins) / 2
    # low and high themselves may be a rounding error outside of middle -+ half
    return np.linspace(min(low, max(0.0, middle - half)), max(high, min(1.0, middle + half)), num_bins + 1)


def label_axis(axis: Axis, percent: bool = False) -> None:
    """A few round numbers along an axis; of shares, from 0 to 1, as percentages."""
    axis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))
    if percent:
        low, high = axis.get_view_interval()
        decimals = 0 if high - low > 0.05 else 1 if high - low > 0.005 else 2
        axis.set_major_formatter(PercentFormatter(1.0, decimals=decimals))


def finish_axes(axes: Axes, title: str, num_columns: int) -> None:
    """A title, a legend of so many columns below it, a light grid, and no frame above and to the right."""
    axes.set_title(title, fontsize=10, pad=24)
    axes.legend(
        fontsize=8, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=num_columns, columnspacing=1.4
    )
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_curve(axes: Axes, records: Sequence[ProbeRecord], num_classes: int) -> None:
    epochs = [record.epoch for record in records]
    mean, std, lowest = np.array([(r.health.mean, r.health.std, r.health.min) for r in records]).T
    size = 3.5 if len(records) <= MAX_MARKED else 0.0
    axes.fill_between(epochs, mean - std, mean + std, color=MEAN_COLOUR, alpha=0.2, linewidth=0)
    axes.plot(epochs, mean, color=MEAN_COLOUR, marker="o", markersize=size, label="mean ± standard deviation")
    axes.plot(epochs, lowest, color=MIN_COLOUR, marker="v", markersize=size, linewidth=1.2, label="lowest")
    if len(records) == 1:  # no area to fill
        axes.errorbar(epochs, mean, std, color=MEAN_COLOUR, capsize=4)
    axes.axhline(1 / num_classes, color=CHANCE_COLOUR, linestyle=(0, (4, 3)), linewidth=1, label="chance")
    axes.set(xlabel="epoch", ylabel="one-shot accuracy")
    axes.set_xlim(0, 1.03 * epochs[-1])
    axes.set_ylim(0, min(1.0, 1.08 * max(float((mean + std).max()), 1 / num_classes)))
    label_axis(axes.yaxis, percent=True)
    label_axis(axes.xaxis)
    finish_axes(
        axes, f"{len(records[-1].paths)} paths on {records[-1].images:,} validation images, {records[-1].bn} BN", 3
    )


def draw_distribution(axes: Axes, first: ProbeRecord, last: ProbeRecord, title: str) -> None:
    """Histograms of the one-shot accuracies at the `first` and the `last` probe, which may be one and the same."""
    bins = accuracy_bins(first.accuracies, last.accuracies)
    highest = 0.0
    if first is not last:
        counts, *_ = axes.hist(first.accuracies, bins, color=FIRST_COLOUR, alpha=0.55, label=f"epoch {first.epoch:.3g}")
        highest = counts.max()
    counts, *_ = axes.hist(last.accuracies, bins, color=MEAN_COLOUR, alpha=0.75, label=f"epoch {last.epoch:.3g}")
    highest = max(highest, counts.max())
    health, look = last.health, {"color": "black", "linestyle": "none", "elinewidth": 1.4, "capsize": 3}
    axes.errorbar(health.mean, 1.07 * highest, xerr=health.noise, label="mean ± noise of one accuracy", **look)
    axes.set(xlabel="one-shot accuracy", ylabel="paths", ylim=(0, 1.15 * highest))
    label_axis(axes.xaxis, percent=True)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    finish_axes(axes, title, 3)


def _draw_matrices(figure: SubFigure, record: ProbeRecord, space: SearchSpace) -> None:
    count = min(MAX_MATRICES, space.num_slots)
    slots = np.linspace(0, space.num_slots - 1, count).round().astype(int)
    names = [choice_name(choice) for choice in space.choices]
    size = 7 if len(names) <= 8 else 5
    grid = figure.subplots(1, count, squeeze=False)[0]
    shown = record.similarity[slots]
    for axes, slot, matrix in zip(grid, slots, shown, strict=True):
        image = axes.imshow(matrix, cmap="viridis", vmin=0.0, vmax=1.0)
        axes.set_title(f"slot {slot}: mean {mean_similarity(matrix):z.2f}", fontsize=9)
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
        axes.set_yticks(range(len(names)), names if axes is grid[0] else [], fontsize=size)
        axes.tick_params(length=0)
        axes.set_anchor("N")  # what height the squares leave over is for the labels below
        axes.spines[:].set_visible(False)
    extend = "min" if shown.min() < 0 else "neither"
    bar = figure.colorbar(image, ax=list(grid), shrink=0.85, aspect=15, pad=0.015, extend=extend)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    figure.suptitle(f"Cosine similarity of the choices' outputs after epoch {record.epoch:.3g}", fontsize=10)


def probes_figure(records: Sequence[ProbeRecord], space: SearchSpace, num_classes: int) -> Figure:
    """A figure of the probes of a supernet over `space`, in order of their steps.

    Above: mean, standard deviation and minimum of the one-shot accuracies over the epochs; their histograms at the
    first and the last probe (paper Fig. 3), with the standard deviation that so many images leave to one accuracy.
    Below: cosine similarities of the choices' outputs in up to four slots at the last probe (paper Fig. 4). Raises
    ValueError where there is no probe.
    """
    if not records:
        raise ValueError("records must hold at least one probe. Received: none.")
    figure = new_figure(9.0, 6.5)
    above, below = figure.subfigures(2, 1, height_ratios=(3.3, 3.2))
    figure.set_layout_engine("constrained")
    curve, histograms = above.subplots(1, 2, width_ratios=(1.25, 1))
    _draw_curve(curve, records, num_classes)
    draw_distribution(histograms, records[0], records[-1], "Distribution over the paths")
    _draw_matrices(below, records[-1], space)
    return figure


def plot_probes(path: str | Path, records: Sequence[ProbeRecord], space: SearchSpace, num_classes: int) -> None:
    """Writes the picture of the probes of a training (see `probes_figure`) in place of `path`."""
    write_figure(path, probes_figure(records, space, num_classes))
