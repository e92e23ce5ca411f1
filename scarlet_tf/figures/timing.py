"""How long things take, as bars: one for each, with the half of the runs in its middle as a line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from matplotlib.figure import Figure

from scarlet_tf.figures.canvas import new_figure, write_figure

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""One for each number of threads, and around again."""
SPREAD_COLOUR, LABEL_LENGTH = "#333333", 48


class Timed(Protocol):
    """What was timed, with how many threads, and its milliseconds: the median, and between what half of them lie."""

    name: str
    threads: int

    @property
    def median(self) -> float: ...

    @property
    def quartiles(self) -> tuple[float, float]: ...


def _label(name: str) -> str:
    """The end of a long name: of paths, that is what tells them apart."""
    return name if len(name) <= LABEL_LENGTH else f"…{name[1 - LABEL_LENGTH :]}"


def timing_figure(timings: Sequence[Timed], title: str = "") -> Figure:
    """A figure with a bar for each of `timings`, from the top down in their order, coloured by threads, with its
    median in numbers. Raises ValueError where there is none."""
    if not timings:
        raise ValueError("There must be at least one timing. Received: none.")
    figure = new_figure(8.0, 1.2 + 0.32 * len(timings))
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    thread_counts = list(dict.fromkeys(one.threads for one in timings))
    longest = max(one.quartiles[1] for one in timings)
    for index, threads in enumerate(thread_counts):
        places = [place for place, one in enumerate(timings) if one.threads == threads]
        medians = [timings[place].median for place in places]
        label = f"{threads} thread{'s' if threads > 1 else ''}"
        axes.barh(places, medians, 0.7, color=COLOURS[index % len(COLOURS)], label=label)
    for place, one in enumerate(timings):
        axes.plot(one.quartiles, [place, place], color=SPREAD_COLOUR, linewidth=1.5, solid_capstyle="butt")
        axes.text(max(one.quartiles) + 0.012 * longest, place, f"{one.median:.3g}", va="center", fontsize=8)
    axes.set_yticks(range(len(timings)), [_label(one.name) for one in timings], fontsize=8)
    axes.set(
        xlabel="milliseconds a run, median and quartiles", xlim=(0, 1.1 * longest), ylim=(len(timings) - 0.4, -0.6)
    )
    axes.set_title(title, fontsize=10)
    if len(thread_counts) > 1:
        figure.legend(fontsize=8, frameon=False, loc="outside lower right", ncols=len(thread_counts))
    axes.grid(axis="x", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_timings(path: str | Path, timings: Sequence[Timed], title: str = "") -> None:
    """Writes the picture of `timings` (see `timing_figure`) in place of `path`."""
    write_figure(path, timing_figure(timings, title))
