"""Accuracy of a few networks trained alone, with intervals, against what they cost."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from scarlet_tf.analysis.estimate import Estimate
from scarlet_tf.arch.cost import Cost
from scarlet_tf.figures.canvas import new_figure
from scarlet_tf.figures.probes import label_axis

LOOKS = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"))
_SEED_STEP = 0.018  # of the axis, by which seeds are kept apart


@dataclass(frozen=True)
class MeasuredNetwork:
    """A network, what it costs, and its test accuracies, in [0, 1], one for each of `seeds`."""

    name: str
    cost: Cost
    seeds: tuple[int, ...]
    accuracies: tuple[Estimate, ...]

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        accuracies = [{"seed": seed, **one.to_dict()} for seed, one in zip(self.seeds, self.accuracies, strict=True)]
        return {"name": self.name, **asdict(self.cost), "accuracies": accuracies}


def _draw(axes: Axes, networks: Sequence[MeasuredNetwork], quantity: str) -> None:
    costs = [getattr(network.cost, quantity) / 1e6 for network in networks]
    low, high = np.log10(min(costs)), np.log10(max(costs))
    margin = max(0.22 * (high - low), 0.1)
    axes.set_xscale("log")
    axes.set_xlim(10 ** (low - margin), 10 ** (high + margin))
    width = high - low + 2 * margin
    for network, cost, (colour, marker) in zip(networks, costs, LOOKS, strict=False):
        places = _SEED_STEP * width * (np.arange(len(network.seeds)) - (len(network.seeds) - 1) / 2)
        values, lows, highs = np.array([(one.value, one.low, one.high) for one in network.accuracies]).T
        axes.errorbar(
            cost * 10**places,
            values,
            (values - lows, highs - values),
            color=colour,
            marker=marker,
            linestyle="none",
            markersize=5.5,
            markeredgecolor="white",
            markeredgewidth=0.6,
            capsize=3,
            elinewidth=1.2,
        )
        axes.annotate(
            f"{network.name}\n{cost:.3g} M",
            (cost, lows.min()),
            (0, -7),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8.5,
            color=colour,
        )


def extremes_figure(networks: Sequence[MeasuredNetwork], title: str) -> Figure:
    """Test accuracies of up to three `networks` against multiply-adds and against parameters, on log scales.

    A mark is a seed, beside each other where there are several; its bar is the 95% interval. Raises ValueError where
    there is no network, or more than three.
    """
    if not 1 <= len(networks) <= len(LOOKS):
        raise ValueError(f"networks must be 1 to {len(LOOKS)}. Received: {len(networks)}.")
    figure = new_figure(8.0, 3.8)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (quantity, label) in zip(
        panels, (("madds", "multiply-adds (M)"), ("params", "parameters (M)")), strict=True
    ):
        _draw(axes, networks, quantity)
        axes.set_xlabel(label)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(color="#dddddd", linewidth=0.5)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].margins(y=0.25)
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(max(0.0, low), min(1 + 0.03 * (high - low), high))  # room for marks at 100%
    panels[0].set_ylabel("test accuracy")
    label_axis(panels[0].yaxis, percent=True)
    figure.suptitle(title, fontsize=10)
    return figure
