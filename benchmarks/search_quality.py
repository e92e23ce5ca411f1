"""Whether a search finds what is there: beside random search and pymoo's NSGA-II, in a space that is known whole.

    python -m benchmarks.search_quality --table=NAS-BENCH-MACRO.json --figure=search_quality.png

All 6,561 networks of NAS-Bench-Macro have been trained by its authors. Each contender maximises accuracy and minimises
MAdds without constraints, until it has evaluated --evaluations different networks; a network that is asked for again
counts once. What it has found is the hypervolume of the front of these, as a share of the true front's: between the
worst accuracy and MAdds of the space (the reference point) and the best, each scaled to a length of 1.

Ours has its default operators. pymoo's genotypes are integers, with what its documentation recommends for them: integer
random sampling, SBX and polynomial mutation with eta 3 and probability 1, rounded, duplicates eliminated. Both have
populations of 35 and of 70. pymoo comes with `pip install -e ".[test]"`. Ten seconds at the defaults.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from absl import flags
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from benchmarks.known_space import KnownSpace
from benchmarks.panels import FAINT, draw_spread, finish
from scarlet_tf import command
from scarlet_tf.arch import Genotype, get_space
from scarlet_tf.figures.canvas import new_figure, write_figure
from scarlet_tf.figures.probes import label_axis
from scarlet_tf.files import check_output_dir
from scarlet_tf.progress import progress
from scarlet_tf.search import NSGA2, SearchConfig, parse_objectives
from scarlet_tf.search.individual import Individual, first_front

OBJECTIVES = parse_objectives("acc:max:0.5,madds:min:0.5")
IMAGE_SIZE, NUM_CLASSES = 32, 10
EARLY = 0.3  # of the evaluations: where the table has a look at the way
CURVE_STEP = 10  # evaluations from a point of a curve to the next

Contender = Callable[[KnownSpace, int, int], list[Genotype]]
"""Gives the different genotypes that it evaluates, in that order, of a known space, for a budget and a seed."""


def random_search(known: KnownSpace, budget: int, seed: int) -> list[Genotype]:
    rng = np.random.default_rng(seed)
    return [known.genotypes[index] for index in rng.permutation(len(known.genotypes))[:budget]]


def ours(known: KnownSpace, budget: int, seed: int, population: int) -> list[Genotype]:
    config = SearchConfig(
        population=population,
        generations=10 * budget // population,  # far more than are needed
        acc_min=0.0,
        objectives=OBJECTIVES,
        seed=seed,
        image_size=known.image_size,
        num_classes=known.num_classes,
    )
    nsga2 = NSGA2(known.space, config)
    while not nsga2.done and len(nsga2.evaluated) < budget:
        nsga2.tell(known.accuracies(nsga2.ask()))
    return [one.genotype for one in nsga2.evaluated[:budget]]


def pymoo_nsga2(known: KnownSpace, budget: int, seed: int, population: int) -> list[Genotype]:
    from pymoo.algorithms.moo.nsga2 import NSGA2 as PymooNSGA2
    from pymoo.core.problem import Problem
    from pymoo.core.termination import NoTermination
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling

    law = {"prob": 1.0, "eta": 3.0, "vtype": float, "repair": RoundingRepair()}
    algorithm = PymooNSGA2(
        pop_size=population,
        sampling=IntegerRandomSampling(),
        crossover=SBX(**law),
        mutation=PM(**law),
        eliminate_duplicates=True,
    )
    space = known.space
    problem = Problem(n_var=space.num_slots, n_obj=2, xl=0, xu=space.num_choices - 1, vtype=int)
    algorithm.setup(problem, termination=NoTermination(), seed=seed)
    found: dict[Genotype, None] = {}
    for _ in range(10 * budget // population):
        asked = algorithm.ask()
        genotypes = [tuple(row) for row in asked.get("X").astype(int).tolist()]
        found.update(dict.fromkeys(genotypes))
        measures = [known.networks[genotype].measures for genotype in genotypes]
        asked.set("F", np.array([[one.to_minimise(row[one.measure]) for one in OBJECTIVES] for row in measures]))
        if len(found) >= budget:
            break
        algorithm.tell(infills=asked)
    return list(found)[:budget]


CONTENDERS: Mapping[str, Contender] = {
    "ours, 35": partial(ours, population=35),
    "ours, 70": partial(ours, population=70),
    "pymoo, 35": partial(pymoo_nsga2, population=35),
    "pymoo, 70": partial(pymoo_nsga2, population=70),
    "random": random_search,
}
LOOKS = dict(
    zip(
        CONTENDERS,
        (("#0072B2", "o"), ("#0072B2", ""), ("#D55E00", "x"), ("#D55E00", ""), (FAINT, ".")),
        strict=True,
    )
)
"""Colour, and marker where the figure has more of it than a dashed median."""


def contest(known: KnownSpace, budget: int, seeds: int) -> dict[str, list[list[Genotype]]]:
    """What each contender evaluates, a list a seed."""
    runs: dict[str, list[list[Genotype]]] = {}
    with progress("search quality", len(CONTENDERS) * seeds) as report:
        for name, contender in CONTENDERS.items():
            runs[name] = []
            for seed in range(seeds):
                runs[name].append(contender(known, budget, seed))
                report.update(sum(map(len, runs.values())), name)
    return runs


def curves(known: KnownSpace, runs: Mapping[str, Sequence[Sequence[Genotype]]], counts: Sequence[int]) -> dict:
    """By contender: the shares of the true hypervolume (seeds, len(counts)) after so many evaluations."""
    return {
        name: np.array([known.hypervolume_shares(run, OBJECTIVES, counts) for run in of_seeds])
        for name, of_seeds in runs.items()
    }


def print_table(
    known: KnownSpace, runs: Mapping[str, Sequence[Sequence[Genotype]]], shares: Mapping[str, np.ndarray], early: int
) -> None:
    """A row a contender: the median after `early` evaluations, the spread at the end, and how much of the front."""
    true = {one.genotype for one in known.front(OBJECTIVES)}
    table = Table("population", f"at {early}", "lowest", "25%", "median", "75%", "highest", "front", box=SIMPLE)
    for name, of_seeds in runs.items():
        met = np.median([len(true & set(run)) for run in of_seeds])
        quartiles = (f"{value:.4f}" for value in np.quantile(shares[name][:, -1], (0, 0.25, 0.5, 0.75, 1)))
        at_early = np.median(shares[name][:, early // CURVE_STEP - 1])
        table.add_row(name, f"{at_early:.4f}", *quartiles, f"{met:g}/{len(true)}")
    evaluated = {len(run) for of_seeds in runs.values() for run in of_seeds}
    seeds = len(next(iter(runs.values())))
    Console().print(
        f"share of the true front's hypervolume over {seeds} seeds: median after {early} networks, and spread after "
        f"{'-'.join(map(str, sorted(evaluated)))}; members of the true front that are found, median",
        table,
    )


def median_front(known: KnownSpace, runs: Sequence[Sequence[Genotype]], shares: np.ndarray) -> tuple[Individual, ...]:
    """The front of the run that ends with the median share (seeds, counts)."""
    median = np.argsort(shares[:, -1])[len(shares) // 2]
    return first_front([known.networks[genotype] for genotype in runs[median]], OBJECTIVES)


def draw_front(axes: Axes, front: Sequence[Individual], **style: object) -> None:
    axes.plot([one.madds / 1e6 for one in front], [one.accuracy for one in front], **style)


def quality_figure(
    known: KnownSpace,
    runs: Mapping[str, Sequence[Sequence[Genotype]]],
    shares: Mapping[str, np.ndarray],
    counts: Sequence[int],
) -> Figure:
    """What is missing of the true hypervolume by evaluations, and the front of a median run of each kind."""
    figure = new_figure(10.0, 4.0)
    figure.set_layout_engine("constrained", wspace=0.04)
    missing, fronts = figure.subplots(1, 2)
    true = known.front(OBJECTIVES)
    draw_front(
        fronts, true, color="black", linewidth=0.8, marker="o", markersize=6, fillstyle="none", label="true front"
    )
    for name, (colour, marker) in LOOKS.items():
        if marker:
            draw_spread(missing, counts, 1 - shares[name], (0.25, 0.75), colour, name)
            front = median_front(known, runs[name], shares[name])
            draw_front(fronts, front, color=colour, marker=marker, markersize=4, linewidth=0.8, label=name)
        else:
            median = np.median(1 - shares[name], axis=0)
            missing.plot(counts, median, color=colour, linestyle=(0, (4, 2)), linewidth=1.2, label=name)
    missing.set_yscale("log")
    missing.set(xlabel="different networks evaluated", ylabel="missing of the true hypervolume", xlim=(0, counts[-1]))
    fronts.set(xlabel="multiply-adds (M)", ylabel="accuracy on CIFAR-10")
    shown = true[len(true) // 4 :]  # the steep beginning would hide how flat the rest is
    fronts.set_xlim(shown[0].madds / 1e6 - 2, shown[-1].madds / 1e6 + 2)
    fronts.set_ylim(shown[0].accuracy, shown[-1].accuracy + 0.005)
    label_axis(fronts.yaxis, percent=True)
    label_axis(fronts.xaxis)
    seeds = len(next(iter(runs.values())))
    finish(missing, f"NAS-Bench-Macro: median over {seeds} seeds, and middle half", "lower left")
    finish(fronts, f"Front after {counts[-1]} networks, median run", "lower right")
    return figure


def main() -> None:
    command.require(_TABLE)
    if _FIGURE.value:
        check_output_dir(Path(_FIGURE.value).parent, "figure")
    known = KnownSpace(_TABLE.value, get_space("nas_bench_macro"), IMAGE_SIZE, NUM_CLASSES)
    runs = contest(known, _EVALUATIONS.value, _SEEDS.value)
    counts = range(CURVE_STEP, _EVALUATIONS.value + 1, CURVE_STEP)
    shares = curves(known, runs, counts)
    print_table(known, runs, shares, CURVE_STEP * max(1, round(EARLY * len(counts))))
    if _FIGURE.value:
        write_figure(_FIGURE.value, quality_figure(known, runs, shares, counts))
        print(f"drawn in {_FIGURE.value}")


if __name__ == "__main__":
    _TABLE = flags.DEFINE_string("table", None, "JSON file of NAS-Bench-Macro's accuracies.")
    _EVALUATIONS = flags.DEFINE_integer("evaluations", 700, "Different networks that a contender may evaluate.", 100)
    _SEEDS = flags.DEFINE_integer("seeds", 20, "Runs of each contender.", lower_bound=1)
    _FIGURE = flags.DEFINE_string("figure", None, "PNG file to draw in.")
    command.run(main, globals())
