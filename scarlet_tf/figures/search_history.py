"""How a search went: fronts, skips and hypervolume by generation, and what the final survivors hold in each slot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from scarlet_tf.arch.space import Genotype, SearchSpace
from scarlet_tf.figures.canvas import new_figure, write_figure
from scarlet_tf.figures.pareto import Scored, upper_edge
from scarlet_tf.figures.probes import choice_name, label_axis

COLOUR, FAINT = "#0072B2", "#767676"
MAX_FRONTS = 8  # drawn; more would hide each other
MAX_SLOT_LABELS = 20


class Candidate(Scored, Protocol):
    """An evaluated candidate that knows its genotype."""

    @property
    def genotype(self) -> Genotype: ...


class Generation(Protocol):
    """Who survived a generation, as indices into all evaluated, and the front's share of the objectives' box."""

    @property
    def generation(self) -> int: ...

    @property
    def survivors(self) -> Sequence[int]: ...

    @property
    def hypervolume(self) -> float: ...


class Searched(Protocol):
    """All that a search evaluated, and its generations."""

    @property
    def evaluated(self) -> Sequence[Candidate]: ...

    @property
    def history(self) -> Sequence[Generation]: ...


def skip_ratios(survivors: Sequence[Candidate], skip_index: int) -> np.ndarray:
    """(len(survivors),): the share of its slots that each skips."""
    return (np.array([one.genotype for one in survivors]) == skip_index).mean(axis=1)


def choice_shares(survivors: Sequence[Candidate], num_choices: int) -> np.ndarray:
    """(num_choices, num_slots): the share of the survivors that hold each choice in each slot."""
    genotypes = np.array([one.genotype for one in survivors])
    return np.array([(genotypes == choice).mean(axis=0) for choice in range(num_choices)])


def _by_generation(axes: Axes, generations: Sequence[int]) -> None:
    axes.set_xlabel("generation")
    axes.set_xlim(generations[0] - 0.5, max(generations[-1], generations[0] + 1) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_fronts(axes: Axes, generations: Sequence[int], survivors: Sequence[Sequence[Candidate]]) -> None:
    last = len(generations) - 1
    colours = ScalarMappable(Normalize(generations[0], max(generations[-1], generations[0] + 1)), "viridis_r")
    for place in np.unique(np.linspace(0, last, MAX_FRONTS).round().astype(int)):  # the first and the last are in it
        edge = upper_edge(survivors[place])
        x, y = [one.madds / 1e6 for one in edge], [one.accuracy for one in edge]
        style = {"linewidth": 2.0 if place == last else 1.1, "markersize": 3.5 if place == last else 2.0}
        axes.plot(x, y, color=colours.to_rgba(generations[place]), marker="o", zorder=2 + place / (last + 1), **style)
    axes.set(xlabel="multiply-adds (M)", ylabel="accuracy")
    label_axis(axes.yaxis, percent=True)
    label_axis(axes.xaxis)
    bar = axes.figure.colorbar(colours, ax=axes, label="generation", pad=0.02)
    bar.ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    bar.outline.set_visible(False)
    _finish(axes, "Survivors' best accuracy for their MAdds")


def _draw_skips(
    axes: Axes, generations: Sequence[int], survivors: Sequence[Sequence[Candidate]], skip_index: int | None
) -> None:
    _finish(axes, "Share of slots that survivors skip")
    _by_generation(axes, generations)
    if skip_index is None:
        axes.set_yticks([])
        axes.grid(visible=False)
        style = {"ha": "center", "va": "center", "fontsize": 9, "color": FAINT}
        axes.text(0.5, 0.5, "no choice of this space is a skip", transform=axes.transAxes, **style)
        return
    ratios = [skip_ratios(alive, skip_index) for alive in survivors]
    low, lower, upper, high = np.array([np.quantile(one, (0, 0.25, 0.75, 1)) for one in ratios]).T
    axes.fill_between(generations, low, high, color=COLOUR, alpha=0.12, linewidth=0, label="lowest to highest")
    axes.fill_between(generations, lower, upper, color=COLOUR, alpha=0.28, linewidth=0, label="middle half")
    marker = "o" if len(generations) == 1 else None  # a line of one point is invisible
    axes.plot(generations, [one.mean() for one in ratios], color=COLOUR, marker=marker, label="mean")
    axes.set_ylim(0, min(1.0, 1.3 * max(high.max(), 0.1)))
    axes.set_ylabel("skip ratio")
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.legend(fontsize=8, frameon=False, loc="upper right", ncols=3, columnspacing=1.2, handlelength=1.6)


def _draw_hypervolume(axes: Axes, generations: Sequence[int], hypervolumes: Sequence[float]) -> None:
    marker = "o" if len(generations) == 1 else None
    axes.plot(generations, hypervolumes, color=COLOUR, linewidth=1.6, marker=marker)
    low, high = min(hypervolumes), max(hypervolumes)
    margin = 0.06 * (max(high - low, 0.02 * high) or 0.02)
    axes.set_ylim(max(0.0, low - margin), min(1.0, high + margin))
    axes.ticklabel_format(axis="y", scilimits=(-3, 3))
    axes.set_ylabel("share of the objectives' box")
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))
    _by_generation(axes, generations)
    _finish(axes, f"Hypervolume of the front so far: {hypervolumes[-1]:.4g}")


def _draw_choices(axes: Axes, survivors: Sequence[Candidate], space: SearchSpace) -> None:
    shares = choice_shares(survivors, space.num_choices)
    image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto", interpolation="nearest")
    step = -(-space.num_slots // MAX_SLOT_LABELS)
    axes.set_xticks(range(0, space.num_slots, step))
    axes.set_yticks(range(space.num_choices), [choice_name(choice) for choice in space.choices])
    axes.tick_params(length=0, labelsize=8)
    axes.set_xticks(np.arange(0.5, space.num_slots - 1), minor=True)
    axes.set_yticks(np.arange(0.5, space.num_choices - 1), minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("slot")
    bar = axes.figure.colorbar(image, ax=axes, format=PercentFormatter(1.0, decimals=0), pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8)
    axes.set_title(f"Choices of the {len(survivors)} final survivors", fontsize=10)


def search_history_figure(space: SearchSpace, result: Searched) -> Figure:
    """A figure of a search over `space`, in four panels.

    The best accuracy for its MAdds among the survivors of up to eight generations; the share of skipped slots among
    the survivors (paper Fig. 9); the hypervolume; and how many of the final survivors hold each choice in each slot.
    Generations before anybody met the constraints are left out. Raises ValueError where nobody did.
    """
    history = [record for record in result.history if record.survivors]
    if not history:
        raise ValueError("result must have a generation with survivors. Received: none.")
    figure = new_figure(10.5, 7.4)
    figure.set_layout_engine("constrained", h_pad=0.08, w_pad=0.08)
    (fronts, skips), (hypervolume, choices) = figure.subplots(2, 2)
    generations = [record.generation for record in history]
    survivors = [[result.evaluated[index] for index in record.survivors] for record in history]
    _draw_fronts(fronts, generations, survivors)
    _draw_skips(skips, generations, survivors, space.skip_index)
    _draw_hypervolume(hypervolume, generations, [record.hypervolume for record in history])
    _draw_choices(choices, survivors[-1], space)
    return figure


def plot_search_history(path: str | Path, space: SearchSpace, result: Searched) -> None:
    """Writes the picture of a search's generations (see `search_history_figure`) in place of `path`."""
    write_figure(path, search_history_figure(space, result))
