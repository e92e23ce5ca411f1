"""How long a search takes apart from its evaluations: milliseconds a generation, microseconds a candidate's costs.

    python -m benchmarks.search_overhead

Searches NAS-Bench-Macro (32 px, 10 classes) and S2 (224 px, 1,000 classes) with populations of 70, by Eq. 4 below
--madds_max, with a journal and without. Accuracies come from a formula, whose time is left out; the time in which the
disk is waited for (fsync) is given apart. Late are the last quarter of the generations. Costs are asked for in the
order in which the search met its candidates: by a new table, which still has to count each of its entries once, and
again when they are known. All but fsync is time of the thread: what else runs on the machine counts little.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np
from absl import flags
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.arch import Genotype, SearchSpace, get_space
from scarlet_tf.search import Journal, SearchConfig, journal_header, search
from scarlet_tf.search.costs import CostTable
from scarlet_tf.timing.machine import machine

POPULATION = 70
LATE = 0.75  # of the generations: where the late ones begin
SIZES = {"nas_bench_macro": (32, 10), "s2": (224, 1000)}


@dataclass
class Stopwatch:
    """Adds up the seconds, by `clock`, that calls of a function take."""

    clock: Callable[[], float]
    seconds: float = field(default=0.0, init=False)

    def around(self, function: Callable) -> Callable:
        def timed(*args: object) -> object:
            start = self.clock()
            try:
                return function(*args)
            finally:
                self.seconds += self.clock() - start

        return timed


def made_up_accuracy(space: SearchSpace, image_size: int, num_classes: int) -> Callable[[Sequence[Genotype]], list]:
    """Accuracies that rise with the params, less and less, and differ a little by genotype."""
    costs = CostTable(space, image_size, num_classes)
    slots = np.random.default_rng(0).uniform(0, 0.01, (space.num_slots, space.num_choices)).tolist()

    def accuracy(genotype: Genotype) -> float:
        luck = sum(row[choice] for row, choice in zip(slots, genotype, strict=True))
        params = costs.cost(genotype).params
        return 0.5 + 0.3 * params / (params + 2e6) + luck

    return lambda genotypes: [accuracy(genotype) for genotype in genotypes]


@dataclass(frozen=True)
class Overhead:
    """Milliseconds of each generation without evaluation and fsync, those of fsync, and whom the search evaluated."""

    generations: np.ndarray
    fsync: np.ndarray
    evaluated: list[Genotype]


def measure(space: SearchSpace, config: SearchConfig, journal: Path | None) -> Overhead:
    """Searches once."""
    evaluation, fsync = Stopwatch(time.thread_time), Stopwatch(time.perf_counter)
    fsync_cpu = Stopwatch(time.thread_time)
    evaluate = evaluation.around(made_up_accuracy(space, config.image_size, config.num_classes))
    laps: list[tuple[float, float]] = []

    def lap(*_: object) -> None:
        laps.append((time.thread_time() - evaluation.seconds - fsync_cpu.seconds, fsync.seconds))

    with mock.patch("os.fsync", fsync.around(fsync_cpu.around(os.fsync))):
        lap()
        if journal is None:
            result = search(space, config, evaluate, None, lap)
        else:
            with Journal(journal, journal_header(space, config, {})) as opened:
                result = search(space, config, evaluate, opened, lap)
    own, waited = np.diff(np.array(laps), axis=0).T * 1e3
    return Overhead(own, waited, [one.genotype for one in result.evaluated])


def microseconds_a_cost(costs: CostTable, genotypes: Sequence[Genotype]) -> float:
    """The mean over `genotypes`, one after the other."""
    start = time.thread_time()
    for genotype in genotypes:
        costs.cost(genotype)
    return (time.thread_time() - start) / len(genotypes) * 1e6


def main() -> None:
    table = Table("space", "journal", "median", "late", "slowest", "fsync", "cost, new", "cost, known", box=SIMPLE)
    with tempfile.TemporaryDirectory() as directory:
        for name in SIZES:
            space, (image_size, num_classes) = get_space(name), SIZES[name]
            config = SearchConfig(
                population=POPULATION,
                generations=_GENERATIONS.value,
                madds_max=_MADDS_MAX.value,
                image_size=image_size,
                num_classes=num_classes,
            )
            for journal in (None, Path(directory) / f"{name}.jsonl"):
                found = measure(space, config, journal)
                own = found.generations
                late = np.median(own[int(LATE * len(own)) :])
                costs = CostTable(space, image_size, num_classes)
                a_cost = [microseconds_a_cost(costs, found.evaluated) for _ in range(2)]
                table.add_row(
                    name,
                    "on" if journal else "off",
                    f"{np.median(own):.1f} ms",
                    f"{late:.1f} ms",
                    f"{own.max():.1f} ms",
                    f"{np.median(found.fsync):.1f} ms" if journal else "",
                    *(f"{one:.1f} us" for one in a_cost),
                )
    Console().print(
        f"a generation of {POPULATION} without evaluation, of {_GENERATIONS.value}; the costs of a candidate", table
    )
    print(", ".join(f"{key} {value}" for key, value in machine("numpy").items()))


if __name__ == "__main__":
    _GENERATIONS = flags.DEFINE_integer("generations", 120, "Generations of a search.", lower_bound=4)
    _MADDS_MAX = flags.DEFINE_float("madds_max", 500e6, "Multiply-adds that a network must stay below.")
    command.run(main, globals())
