"""What the accuracy constraint does to skips: a search with and without it, as in Fig. 9 of the paper.

    python -m benchmarks.skip_ablation --table=NAS-BENCH-MACRO.json --figure=skip_ablation.png

Searches NAS-Bench-Macro, whose networks have all been trained, by Eq. 4 and its weights (accuracy and params up, MAdds
down), and prints the share of slots that the survivors of each generation skip. A network must exceed --acc_min, by
default what half of all networks do, or may be as inaccurate as it likes. A network drawn at random skips a third.
A few seconds at the defaults.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from absl import flags
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from benchmarks.known_space import KnownSpace
from benchmarks.panels import FAINT, draw_spread, finish
from scarlet_tf import command
from scarlet_tf.arch import get_space
from scarlet_tf.figures.canvas import new_figure, write_figure
from scarlet_tf.figures.probes import label_axis
from scarlet_tf.figures.search_history import skip_ratios
from scarlet_tf.files import check_output_dir
from scarlet_tf.search import SearchConfig, search

COLOURS = ("#0072B2", "#D55E00")
ROWS = 6  # of the table


def mean_skips(known: KnownSpace, config: SearchConfig) -> list[float]:
    """The share of slots that the survivors skip, generation by generation."""
    result = search(known.space, config, known.accuracies)
    survivors = ([result.evaluated[index] for index in record.survivors] for record in result.history)
    return [float(skip_ratios(alive, known.space.skip_index).mean()) for alive in survivors]


def measure(
    known: KnownSpace, bounds: Mapping[str, float], population: int, generations: int, seeds: int
) -> dict[str, np.ndarray]:
    """By name of the bounds on accuracy: `mean_skips` (seeds, generations)."""
    sizes = {"image_size": known.image_size, "num_classes": known.num_classes}
    return {
        name: np.array(
            [
                mean_skips(known, SearchConfig(population, generations, acc_min=acc_min, seed=seed, **sizes))
                for seed in range(seeds)
            ]
        )
        for name, acc_min in bounds.items()
    }


def print_table(skips: Mapping[str, np.ndarray]) -> None:
    table = Table("generation", *skips, box=SIMPLE)
    generations = next(iter(skips.values())).shape[1]
    for generation in np.unique(np.linspace(0, generations - 1, ROWS).round().astype(int)):
        columns = (runs[:, generation] for runs in skips.values())
        table.add_row(str(generation), *(f"{np.median(at):.1%} ({at.min():.1%} to {at.max():.1%})" for at in columns))
    seeds = len(next(iter(skips.values())))
    Console().print(f"share of slots that survivors skip, median over {seeds} seeds and range", table)


def skip_figure(skips: Mapping[str, np.ndarray], at_random: float) -> Figure:
    """Share of slots skipped by generation: the median over the seeds, and their range."""
    figure = new_figure(5.6, 3.8)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    for (name, runs), colour in zip(skips.items(), COLOURS, strict=True):
        draw_spread(axes, np.arange(runs.shape[1]), runs, (0, 1), colour, name)
    axes.axhline(at_random, color=FAINT, linestyle=(0, (4, 3)), linewidth=1, label="networks at random")
    axes.set(xlabel="generation", ylabel="share of slots skipped by survivors", xlim=(0, runs.shape[1] - 1))
    axes.set_ylim(0, 1.3 * max(values.max() for values in skips.values()))
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    label_axis(axes.yaxis, percent=True)
    finish(axes, f"NAS-Bench-Macro, Eq. 4: median and range over {len(runs)} seeds", "upper left")
    return figure


def main() -> None:
    command.require(_TABLE)
    if _FIGURE.value:
        check_output_dir(Path(_FIGURE.value).parent, "figure")
    known = KnownSpace(_TABLE.value, get_space("nas_bench_macro"), image_size=32, num_classes=10)
    bounds = {"no accuracy constraint": 0.0, f"accuracy above {_ACC_MIN.value:.0%}": _ACC_MIN.value}
    skips = measure(known, bounds, _POPULATION.value, _GENERATIONS.value, _SEEDS.value)
    print_table(skips)
    above = np.mean([one.accuracy > _ACC_MIN.value for one in known.networks.values()])
    print(f"of all networks, {above:.0%} exceed {_ACC_MIN.value:.0%}")
    if _FIGURE.value:
        write_figure(_FIGURE.value, skip_figure(skips, 1 / known.space.num_choices))
        print(f"drawn in {_FIGURE.value}")


if __name__ == "__main__":
    _TABLE = flags.DEFINE_string("table", None, "JSON file of NAS-Bench-Macro's accuracies.")
    _ACC_MIN = flags.DEFINE_float("acc_min", 0.91, "Accuracy that a network must exceed, where it must.")
    _POPULATION = flags.DEFINE_integer("population", 70, "Networks that survive a generation.", lower_bound=2)
    _GENERATIONS = flags.DEFINE_integer("generations", 20, "Generations of a search.", lower_bound=2)
    _SEEDS = flags.DEFINE_integer("seeds", 10, "Searches of each kind.", lower_bound=1)
    _FIGURE = flags.DEFINE_string("figure", None, "PNG file to draw in.")
    command.run(main, globals())
