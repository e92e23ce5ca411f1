"""Contestants timed in turns: one runs, the others wait, and what else the machine does meets all alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from scarlet_tf.progress import progress
from scarlet_tf.timing.peer_process import PeerProcess

RUNS_A_TURN = 5
"""Timed runs before the next contestant's turn. One more goes before them untimed: others had the caches meanwhile."""


@dataclass(frozen=True)
class Started:
    """A contestant that is ready: what to time, and what it has to say of itself, plain data."""

    run: Callable[[], object]
    facts: Mapping = field(default_factory=dict)


@dataclass(frozen=True)
class Contestant:
    """What is timed, in a process of its own: the run that `start(*arguments, threads)`, called there, gives.

    `start` is a module's own function, which another process can import.
    """

    name: str
    threads: int
    start: Callable[..., Started]
    arguments: tuple = ()


@dataclass(frozen=True)
class Timing:
    """What a contestant took: `milliseconds` of each timed run in their order; `cores`, CPU time over time on the wall
    in them; `waiting_cpu`, the same while others had their turn, which should be next to none; and the most memory its
    process held, in MiB, with Python and the runtime in it (None where the system does not say)."""

    name: str
    threads: int
    milliseconds: tuple[float, ...]
    cores: float
    waiting_cpu: float
    peak_memory_mib: float | None
    facts: Mapping = field(default_factory=dict)

    @property
    def median(self) -> float:
        return float(np.median(self.milliseconds))

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between which half of the runs lie."""
        low, high = np.quantile(self.milliseconds, (0.25, 0.75))
        return float(low), float(high)

    @property
    def fastest(self) -> float:
        return min(self.milliseconds)

    def to_dict(self) -> dict:
        """As plain data, with what is derived of the runs."""
        low, high = self.quartiles
        return {
            "name": self.name,
            "threads": self.threads,
            **self.facts,
            "median_ms": self.median,
            "quartiles_ms": [low, high],
            "min_ms": self.fastest,
            "cores": self.cores,
            "waiting_cpu": self.waiting_cpu,
            "peak_memory_mib": self.peak_memory_mib,
            "runs_ms": list(self.milliseconds),
        }


def _peak_memory_mib() -> float | None:
    # getrusage would count the process that this one was started from
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    peaks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(peaks[0]) / 1024 if peaks else None


def _work(contestant: Contestant, warmup: int, pipe: Connection) -> None:
    """Says what it is, then times as many runs as it is told to, until it is told 0."""
    started = contestant.start(*contestant.arguments, contestant.threads)
    for _ in range(warmup):
        started.run()
    pipe.send(dict(started.facts))
    waiting_from = time.process_time()
    while runs := pipe.recv():
        waited = time.process_time() - waiting_from
        started.run()
        walls, cpu = [], time.process_time()
        for _ in range(runs):
            begin = time.perf_counter()
            started.run()
            walls.append(time.perf_counter() - begin)
        pipe.send((walls, time.process_time() - cpu, waited))
        waiting_from = time.process_time()
    pipe.send(_peak_memory_mib())


class _Worker(PeerProcess):
    def __init__(self, contestant: Contestant, warmup: int) -> None:
        super().__init__(contestant.name, _work, contestant, warmup)
        self.contestant = contestant
        self.walls: list[float] = []
        self.cpu = self.waited_cpu = self.waited = 0.0
        self._answered: float | None = None

    def start(self) -> None:
        self.facts = self.receive()
        self._answered = time.perf_counter()

    def take_turn(self, runs: int) -> None:
        self.waited += time.perf_counter() - self._answered
        walls, cpu, waited_cpu = self.ask(runs)
        self.walls += walls
        self.cpu += cpu
        self.waited_cpu += waited_cpu
        self._answered = time.perf_counter()

    def finish(self) -> Timing:
        return Timing(
            self.contestant.name,
            self.contestant.threads,
            tuple(1e3 * wall for wall in self.walls),
            self.cpu / sum(self.walls),
            self.waited_cpu / self.waited,
            self.ask(0),
            self.facts,
        )


def turns(contestants: int, runs: int, seed: int, runs_a_turn: int = RUNS_A_TURN) -> list[tuple[list[int], int]]:
    """The rounds of a contest: in which order the contestants have their turns, and how many runs a turn is of.

    Every contestant has one turn a round, and `runs` in all; the order is drawn anew for each round.
    """
    rng = np.random.default_rng(seed)
    sizes = [min(runs_a_turn, runs - done) for done in range(0, runs, runs_a_turn)]
    return [(rng.permutation(contestants).tolist(), size) for size in sizes]


def measure(contestants: Sequence[Contestant], runs: int = 50, warmup: int = 10, seed: int = 0) -> list[Timing]:
    """Times `runs` of each contestant, after `warmup` untimed ones, and shows how far it is.

    All stay loaded, and one at a time runs. Raises the InputError that a contestant's start does.
    """
    rounds = turns(len(contestants), runs, seed)
    steps = len(contestants) * (1 + len(rounds))
    with ExitStack() as stack, progress("timing", steps) as report:
        workers = []
        for contestant in contestants:  # one after the other: none is to be warmed up beside another
            report.update(len(workers), f"starting {contestant.name}")
            workers.append(stack.enter_context(_Worker(contestant, warmup)))
            workers[-1].start()
        done = len(workers)
        for order, size in rounds:
            for index in order:
                workers[index].take_turn(size)
                done += 1
                report.update(done, contestants[index].name)
        return [worker.finish() for worker in workers]
