"""What the weights of the crowding distance do to the survivors of a search.

    python -m benchmarks.crowding_weights --table=NAS-BENCH-MACRO.json --figure=crowding_weights.png

In the first front that does not fit into the population, those with the largest distances between their neighbours
survive, and these distances are summed over the objectives by weight. So, the more an objective weighs, the more evenly
should the survivors be spaced along it; their crowd should move out of where the front has most networks, to the end
where it has few. The ends themselves survive whatever the weights are: their distance is infinite.

Searches NAS-Bench-Macro, whose networks have all been trained, by accuracy (up), MAdds (down) and params (up), once for
each objective that weighs 0.8 while the others weigh 0.1. Measured along each objective, scaled to the range of the
true front of the networks above --acc_min: the share of the survivors in the lowest and in the highest tenth, and the
mean gap, the expected length of the gap between survivors in which a random point of the range falls, least where they
are evenly spaced. A few seconds at the defaults.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from absl import flags
from matplotlib.figure import Figure
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from benchmarks.known_space import KnownSpace
from benchmarks.panels import FAINT, finish
from scarlet_tf import command
from scarlet_tf.arch import get_space
from scarlet_tf.figures.canvas import new_figure, write_figure
from scarlet_tf.figures.probes import label_axis
from scarlet_tf.files import check_output_dir
from scarlet_tf.search import Individual, Objective, SearchConfig, search

DIRECTIONS = {"acc": "max", "madds": "min", "params": "max"}
NAMES = {"acc": "accuracy", "madds": "MAdds", "params": "params"}
COLOURS = {"acc": "#0072B2", "madds": "#D55E00", "params": "#009E73"}
HEAVY, LIGHT = 0.8, 0.1
BINS = 10
END = 1 / BINS


def objectives(heavy: str) -> tuple[Objective, ...]:
    """The three, of which `heavy` weighs most."""
    return tuple(Objective(name, side, HEAVY if name == heavy else LIGHT) for name, side in DIRECTIONS.items())


def values(networks: Sequence[Individual]) -> np.ndarray:
    """(networks, 3)"""
    return np.array([[one.measures[name] for name in DIRECTIONS] for one in networks], float)


def mean_gap(positions: np.ndarray) -> np.ndarray:
    """(columns,): the expected length of the gap, between neighbours or to an end, in which a random point falls.

    positions: (n, columns), in [0, 1]. A gap of length g is hit with probability g, so it is the sum of their squares.
    """
    ends = np.zeros((1, positions.shape[1]))
    return (np.diff(np.sort(np.concatenate([ends, positions, ends + 1]), axis=0), axis=0) ** 2).sum(axis=0)


def measure(
    known: KnownSpace, acc_min: float, population: int, generations: int, seeds: int
) -> dict[str, list[np.ndarray]]:
    """By the objective that weighs most: the survivors of each seed, (survivors, 3), in the true front's range."""
    front = values(known.front(objectives("acc"), acc_min))
    low, high = front.min(axis=0), front.max(axis=0)
    survivors: dict[str, list[np.ndarray]] = {}
    for heavy in DIRECTIONS:
        survivors[heavy] = []
        for seed in range(seeds):
            config = SearchConfig(
                population=population,
                generations=generations,
                acc_min=acc_min,
                objectives=objectives(heavy),
                seed=seed,
                image_size=known.image_size,
                num_classes=known.num_classes,
            )
            alive = search(known.space, config, known.accuracies).population
            # survivors of later fronts may lie beyond the first one's range
            survivors[heavy].append(np.clip((values(alive) - low) / (high - low), 0, 1))
    return survivors


def print_table(survivors: Mapping[str, Sequence[np.ndarray]]) -> None:
    """A row an objective and measure, a column a weighting: the median over the seeds, and the range."""
    kinds = {
        "lowest tenth": lambda runs: [(run < END).mean(axis=0) for run in runs],
        "highest tenth": lambda runs: [(run > 1 - END).mean(axis=0) for run in runs],
        "mean gap": lambda runs: [mean_gap(run) for run in runs],
    }
    table = Table("along", "", *(f"{NAMES[heavy]} {HEAVY}" for heavy in survivors), box=SIMPLE)
    for place, name in enumerate(DIRECTIONS):
        for kind, of in kinds.items():
            form = ".3f" if kind == "mean gap" else ".0%"
            cells = []
            for heavy, runs in survivors.items():
                column = np.array(of(runs))[:, place]
                low, middle, high = np.quantile(column, (0, 0.5, 1))
                cell = f"{middle:{form}} ({low:{form}} to {high:{form}})"
                cells.append(f"[bold]{cell}[/bold]" if heavy == name else cell)
            table.add_row(NAMES[name], kind, *cells, end_section=kind == "mean gap")
    seeds = len(survivors["acc"])
    Console().print(f"survivors by weights, median over {seeds} seeds and range; the others weigh {LIGHT}", table)


def weights_figure(survivors: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """Along each objective, how the survivors of all seeds are spread, by what weighs most."""
    figure = new_figure(11.0, 3.6)
    figure.set_layout_engine("constrained", wspace=0.04)
    edges = np.linspace(0, 1, BINS + 1)
    panels, tallest = figure.subplots(1, len(DIRECTIONS), sharey=True), 0.0
    for place, (axes, along) in enumerate(zip(panels, DIRECTIONS, strict=True)):
        for heavy, runs in survivors.items():
            column = np.concatenate(runs)[:, place]
            shares = np.histogram(column, edges)[0] / len(column)
            tallest = max(tallest, shares.max())
            gap = np.median([mean_gap(run)[place] for run in runs])
            style = {"linewidth": 2.4, "zorder": 3} if heavy == along else {"linewidth": 1.1}
            label = f"{NAMES[heavy]} {HEAVY}: mean gap {gap:.3f}"
            axes.stairs(shares, edges, baseline=None, color=COLOURS[heavy], label=label, **style)
        axes.axhline(1 / BINS, color=FAINT, linestyle=(0, (4, 3)), linewidth=1, label="evenly spaced")
        axes.set(xlabel=f"{NAMES[along]}, from the true front's least to most", xlim=(0, 1))
        label_axis(axes.xaxis)
        finish(axes, f"Along {NAMES[along]}", "upper left")
    panels[0].set_ylabel("share of the survivors")
    panels[0].set_ylim(0, 1.6 * tallest)  # room for the legends
    label_axis(panels[0].yaxis, percent=True)
    return figure


def main() -> None:
    command.require(_TABLE)
    if _FIGURE.value:
        check_output_dir(Path(_FIGURE.value).parent, "figure")
    known = KnownSpace(_TABLE.value, get_space("nas_bench_macro"), image_size=32, num_classes=10)
    survivors = measure(known, _ACC_MIN.value, _POPULATION.value, _GENERATIONS.value, _SEEDS.value)
    print_table(survivors)
    if _FIGURE.value:
        write_figure(_FIGURE.value, weights_figure(survivors))
        print(f"drawn in {_FIGURE.value}")


if __name__ == "__main__":
    _TABLE = flags.DEFINE_string("table", None, "JSON file of NAS-Bench-Macro's accuracies.")
    _ACC_MIN = flags.DEFINE_float("acc_min", 0.8, "Accuracy that a network must exceed; below are a few far off.")
    _POPULATION = flags.DEFINE_integer("population", 70, "Networks that survive a generation.", lower_bound=2)
    _GENERATIONS = flags.DEFINE_integer("generations", 20, "Generations of a search.", lower_bound=2)
    _SEEDS = flags.DEFINE_integer("seeds", 20, "Searches of each weighting.", lower_bound=1)
    _FIGURE = flags.DEFINE_string("figure", None, "PNG file to draw in.")
    command.run(main, globals())
