"""How fast candidates are evaluated: ours and their peers, measured in turns, each in a process of its own.

Their thread pools would disturb each other in one process. Only one of them runs at a time, and they take turns, so
what else the machine does meets all alike.
"""

import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np

from scarlet_tf import command
from scarlet_tf.arch import Genotype, get_space
from scarlet_tf.errors import RunError
from scarlet_tf.progress import progress
from scarlet_tf.timing.peer_process import PeerProcess

Evaluate = Callable[[Sequence[Genotype]], list[float]]


@dataclass(frozen=True)
class Setting:
    """What each candidate is measured on; the weights are random, as speed does not depend on them."""

    space: str
    image_size: int
    num_classes: int
    images: int
    batch_size: int
    torch_batch_size: int
    threads: int

    def batches(self, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Noise: images (batch, h, w, 3) float32, labels (batch,) int32; the same images whatever the batch size."""
        rng = np.random.default_rng(0)
        images = rng.standard_normal((self.images, self.image_size, self.image_size, 3), np.float32)
        labels = rng.integers(self.num_classes, size=self.images, dtype=np.int32)
        for start in range(0, self.images, batch_size):
            yield images[start : start + batch_size], labels[start : start + batch_size]


def _all_at_once(setting: Setting) -> Evaluate:
    command.start_tensorflow()

    import keras
    import tensorflow as tf

    from scarlet_tf.nets.supernet import Supernet
    from scarlet_tf.search.evaluator import SupernetEvaluator
    from scarlet_tf.train.graph import share_cores_among_streams

    share_cores_among_streams(setting.threads, setting.threads)
    keras.utils.set_random_seed(0)  # so that all at once and one by one have the same weights
    supernet = Supernet(setting.space, setting.image_size, setting.num_classes)
    batches = [tuple(map(tf.constant, batch)) for batch in setting.batches(setting.batch_size)]
    return SupernetEvaluator(supernet, batches, threads=setting.threads)


def _one_by_one(setting: Setting) -> Evaluate:
    evaluate = _all_at_once(setting)
    return lambda genotypes: [evaluate([genotype])[0] for genotype in genotypes]


def _torch(setting: Setting) -> Evaluate:
    import torch

    from benchmarks.torch_supernet import TorchSupernet

    torch.set_num_threads(setting.threads)
    torch.set_flush_denormal(True)  # as TensorFlow does
    torch.manual_seed(0)
    net = TorchSupernet(get_space(setting.space), setting.num_classes).to(memory_format=torch.channels_last).eval()
    batches = [  # images (batch, 3, h, w), which are channels_last in memory
        (torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(labels))
        for images, labels in setting.batches(setting.torch_batch_size)
    ]

    def accuracy(genotype: Genotype) -> float:
        correct = sum(int((net(images, genotype).argmax(1) == labels).sum()) for images, labels in batches)
        return correct / setting.images

    @torch.inference_mode()
    def evaluate(genotypes: Sequence[Genotype]) -> list[float]:
        return [accuracy(genotype) for genotype in genotypes]

    return evaluate


OURS, ONE_BY_ONE, PYTORCH = "scarlet_tf", "one by one", "PyTorch"
CONTESTANTS = {OURS: _all_at_once, ONE_BY_ONE: _one_by_one, PYTORCH: _torch}


def _work(contestant: str, setting: Setting, pipe: Connection) -> None:
    """Evaluates what it is sent, until that is nobody."""
    evaluate = CONTESTANTS[contestant](setting)
    pipe.send("ready")
    while genotypes := pipe.recv():
        wall, cpu = time.perf_counter(), time.process_time()
        accuracies = evaluate(genotypes)
        pipe.send((time.perf_counter() - wall, time.process_time() - cpu, list(accuracies)))
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # MiB on Linux


class _Worker(PeerProcess):
    def __init__(self, contestant: str, setting: Setting) -> None:
        super().__init__(contestant, _work, contestant, setting)
        self.receive()  # that it is ready


@dataclass(frozen=True)
class Generation:
    """Who is evaluated: all `candidates` by us, and of these the `alone` by those who take one after the other."""

    candidates: tuple[Genotype, ...]
    alone: tuple[Genotype, ...]


@dataclass(frozen=True)
class Timing:
    """Seconds of `count` candidates: in the first turn, which compiles, and in each turn after it; there of CPU time
    too."""

    count: int
    first_s: float
    turns_s: tuple[float, ...]
    turns_cpu_s: tuple[float, ...]

    @property
    def per_second(self) -> np.ndarray:
        """Candidates a second in each turn: (turns,)."""
        return self.count / np.array(self.turns_s)

    @property
    def cores(self) -> float:
        """How many were at work, on average."""
        return sum(self.turns_cpu_s) / sum(self.turns_s)


def measure(
    setting: Setting, generations: Mapping[int, Generation], turns: int, contestants: Sequence[str] = tuple(CONTESTANTS)
) -> tuple[dict[int, dict[str, Timing]], dict[str, float]]:
    """The timings by generation and contestant, and each contestant's peak memory in MiB.

    Raises RunError where ours find another accuracy for a candidate among others than for it alone.
    """
    asked = {
        (number, name): generation.candidates if name == OURS else generation.alone
        for number, generation in generations.items()
        for name in contestants
    }
    seconds = {key: [] for key in asked}  # of wall and CPU time
    found = {}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(_Worker(name, setting)) for name in contestants}
        report = stack.enter_context(progress("turns", turns + 1))
        for turn in range(turns + 1):
            for key, genotypes in asked.items():
                wall, cpu, accuracies = workers[key[1]].ask(genotypes)
                seconds[key].append((wall, cpu))
                found[key] = dict(zip(genotypes, accuracies, strict=True))
            report.update(turn + 1)
        memory = {name: worker.ask(()) for name, worker in workers.items()}
    for number in generations:
        _check_same(found.get((number, OURS), {}), found.get((number, ONE_BY_ONE), {}))
    timings = {number: {} for number in generations}
    for (number, name), genotypes in asked.items():
        (first, _), *turns_taken = seconds[number, name]
        timings[number][name] = Timing(len(genotypes), first, *zip(*turns_taken, strict=True))
    return timings, memory


def _check_same(together: Mapping[Genotype, float], alone: Mapping[Genotype, float]) -> None:
    for genotype in together.keys() & alone.keys():
        if together[genotype] != alone[genotype]:
            raise RunError(f"{genotype} has accuracy {together[genotype]} among others, {alone[genotype]} alone.")
