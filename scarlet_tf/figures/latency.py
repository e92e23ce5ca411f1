"""Latency of whole networks: measured against what a table of their parts says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from matplotlib.figure import Figure

from scarlet_tf.figures.canvas import new_figure, write_figure

FITTED_COLOUR, HELD_OUT_COLOUR, LINE_COLOUR = "#9a9a9a", "#0072B2", "#555555"
BAND = 0.1
"""Share of the measured time by which the band around the diagonal is off."""


class Predicted(Protocol):
    """A network's measured and predicted latency, in milliseconds."""

    @property
    def measured_ms(self) -> float: ...

    @property
    def predicted_ms(self) -> float: ...


def latency_figure(fitted: Sequence[Predicted], held_out: Sequence[Predicted], title: str = "") -> Figure:
    """A figure of predicted against measured latency, of the networks a table was fitted to and of those held out.

    The diagonal is where both agree, the band around it where they differ by at most BAND. Raises ValueError where
    there is no network.
    """
    if not fitted and not held_out:
        raise ValueError("There must be at least one network. Received: none.")
    figure = new_figure(5.0, 5.0)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    everything = [ms for one in (*fitted, *held_out) for ms in (one.measured_ms, one.predicted_ms)]
    low, high = 0.95 * min(everything), 1.05 * max(everything)
    axes.fill_between(
        [low, high],
        [low * (1 - BAND), high * (1 - BAND)],
        [low * (1 + BAND), high * (1 + BAND)],
        color=LINE_COLOUR,
        alpha=0.12,
        linewidth=0,
        label=f"±{BAND:.0%}",
    )
    axes.plot([low, high], [low, high], color=LINE_COLOUR, linewidth=1)
    for networks, colour, name in ((fitted, FITTED_COLOUR, "fitted"), (held_out, HELD_OUT_COLOUR, "held out")):
        if networks:
            measured, predicted = zip(*((one.measured_ms, one.predicted_ms) for one in networks), strict=True)
            label = f"{len(networks)} {name}"
            axes.scatter(measured, predicted, 28, colour, label=label, edgecolors="white", linewidths=0.6, zorder=3)
    axes.set(xlabel="measured latency (ms)", ylabel="predicted latency (ms)", xlim=(low, high), ylim=(low, high))
    axes.set_aspect("equal")
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_latency(path: str | Path, fitted: Sequence[Predicted], held_out: Sequence[Predicted], title: str = "") -> None:
    """Writes the picture of predicted against measured latency (see `latency_figure`) in place of `path`."""
    write_figure(path, latency_figure(fitted, held_out, title))
