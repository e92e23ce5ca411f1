"""How a network trained with stabilizers in its skipped slots, and without: curves, and what it reached."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from scarlet_tf.analysis.estimate import proportion
from scarlet_tf.figures.canvas import new_figure
from scarlet_tf.figures.probes import finish_axes, label_axis

LABELS = {
    "none": "none",
    "els": "ELS",
    "removed": "ELS, then removed",
    "els_relu": "ELS-ReLU",
    "without_relu": "ELS-ReLU, then without ReLU",
}
"""What stands in the skipped slots, by the names of the study's numbers."""

_LOOKS = {
    "none": {"color": "#000000", "marker": "s", "linestyle": (0, (1, 1.2))},
    "els": {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    "removed": {"color": "#0072B2", "marker": "o", "linestyle": "-", "markerfacecolor": "white"},
    "els_relu": {"color": "#D55E00", "marker": "^", "linestyle": (0, (5, 2))},
}
_MAX_MARKED = 25  # epochs, beyond which marks would run into each other


def _draw_curves(axes: Axes, runs: Sequence[Mapping], key: str, of_line: str) -> None:
    """By variant the mean over the seeds of `of_line` in the lines of `key`, by epoch, and thin, each seed's."""
    for variant in ("none", "els", "els_relu"):
        lines = [run[key] for run in runs if run["variant"] == variant]
        if not lines:
            continue
        epochs = [line["epoch"] for line in lines[0]]
        values = np.array([[line[of_line] for line in of_run] for of_run in lines])  # (seeds, epochs)
        look = _LOOKS[variant]
        size = 5 if len(epochs) <= _MAX_MARKED else 0
        axes.plot(epochs, values.mean(axis=0), label=LABELS[variant], markersize=size, linewidth=1.6, **look)
        if len(lines) > 1:
            axes.plot(epochs, values.T, color=look["color"], linestyle=look["linestyle"], linewidth=0.6, alpha=0.5)
    axes.set(xlabel="epoch", xlim=(0, 1.03 * epochs[-1]))
    label_axis(axes.xaxis)


def _draw_bands(axes: Axes, runs: Sequence[Mapping]) -> None:
    """Wilson's intervals of the validation accuracies of one seed."""
    for run in runs:
        lines = run["validation"]
        ends = [proportion(line["correct"], line["images"]) for line in lines]
        axes.fill_between(
            [line["epoch"] for line in lines],
            [end.low for end in ends],
            [end.high for end in ends],
            color=_LOOKS[run["variant"]]["color"],
            alpha=0.12,
            linewidth=0,
        )


def _draw_estimates(axes: Axes, estimates: Mapping[str, Mapping], names: Sequence[str]) -> None:
    """A row a name, from above, with its interval, in percent."""
    for row, name in enumerate(names):
        value, low, high = (100 * estimates[name][key] for key in ("value", "low", "high"))
        look = _LOOKS[name] | {"linestyle": "none"}
        axes.errorbar(value, row, xerr=[[value - low], [high - value]], capsize=4, elinewidth=1.4, markersize=6, **look)
    axes.set_yticks(range(len(names)), [LABELS[name].replace(", ", ",\n") for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def equivariance_figure(numbers: Mapping) -> Figure:
    """A figure of the study's `numbers`.

    Above: training losses and validation accuracies by epoch. Below: test accuracies, and their differences from the
    one without stabilizers, with 95% intervals.
    """
    figure = new_figure(9.5, 6.2)
    figure.set_layout_engine("constrained", hspace=0.06)
    (loss, validation), (accuracy, difference) = figure.subplots(2, 2, height_ratios=(3.2, 2))
    runs = [
        run | {"validation": [line | {"accuracy": line["correct"] / line["images"]} for line in run["validation"]]}
        for run in numbers["runs"]
    ]
    images = numbers["images"]
    _draw_curves(loss, runs, "losses", "loss")
    loss.set(ylabel="training loss, mean of the epoch")
    _draw_curves(validation, runs, "validation", "accuracy")
    if len(numbers["seeds"]) == 1:
        _draw_bands(validation, runs)
    validation.set(ylabel="validation accuracy")
    for axes in (loss, validation):
        label_axis(axes.yaxis, percent=axes is validation)
    finish_axes(loss, "Training", 3)
    finish_axes(validation, f"{images['validation']:,} validation images", 3)
    names = [name for name in _LOOKS if name in numbers["accuracy"]]
    _draw_estimates(accuracy, numbers["accuracy"], names)
    accuracy.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
    accuracy.set(xlabel="test accuracy")
    _finish(accuracy, f"After the training, {images['test']:,} test images")
    _draw_estimates(difference, numbers["difference_from_none"], names[1:])
    difference.axvline(0, color=_LOOKS["none"]["color"], linestyle=_LOOKS["none"]["linestyle"], linewidth=1.4)
    difference.set(xlabel="test accuracy minus that without, in points")
    _finish(difference, f"Difference from none, 95% over {numbers['accuracy']['none']['over']}")
    return figure
