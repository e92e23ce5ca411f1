"""The training step of the supernet, strictly fair or of one sampled path, side by side with a peer.

PyTorch runs the same blocks eagerly in channels_last: for a fair step all its paths one after the other, with one
update; for a sampled path that path alone, of which only it moves. The other peer is our own: the networks on the paths
of a fair step, each compiled by itself. As many sampled paths are timed together as a fair step has. Each contestant
lives in a process of its own, and only one of them runs at a time: their thread pools would disturb each other. They
take turns, so what else the machine does meets both alike.
"""

import importlib.util
import itertools
import json
import resource
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.machine import machine
from benchmarks.peer_process import PeerProcess
from scarlet_tf import command
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.errors import InputError
from scarlet_tf.train.config import METHODS, TrainConfig

NUM_CLASSES = 10
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.045, 0.9, 4e-5
STEPS_A_TURN = 2
WARM_UP = {"fair": 1, "spos": 8}
"""Steps of all paths before the timed ones. A sampled step compiles what it meets for the first time."""

_SPACE = flags.DEFINE_enum("space", "s1", ["s1", "s2"], "Search space of the supernet.")
_METHOD = flags.DEFINE_enum("method", "fair", METHODS, "All choices in every step, or one sampled path a step.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 64, "Side of the square images, in pixels.", lower_bound=32)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Images a step.", lower_bound=2)
_STEPS = flags.DEFINE_integer("steps", 10, "Timed steps of each, of all choices' paths.", lower_bound=1)
_THREADS = flags.DEFINE_integer("threads", 2, "Threads of each.", lower_bound=1)
_REMATERIALIZE = flags.DEFINE_bool("rematerialize", False, "Of our supernet: run blocks twice to save memory.")
_STREAMS_AT_ONCE = flags.DEFINE_integer(
    "streams_at_once", 0, "With --rematerialize, choices of a slot that our fair step runs at a time; 0: all."
)
_PEER = flags.DEFINE_enum(
    "peer", "PyTorch", ["PyTorch", "standalone"], "Beside what: PyTorch, or the same paths as networks of their own."
)
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write the figures to.")


@dataclass(frozen=True)
class Setting:
    """What is measured; `rematerialize` and `streams_at_once` are of our supernet alone."""

    space: str
    method: str
    image_size: int
    batch_size: int
    threads: int
    rematerialize: bool = False
    streams_at_once: int = 0

    @property
    def num_paths(self) -> int:
        """Paths that are timed together."""
        return get_space(self.space).num_choices

    def images_and_labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Noise: images (batch, h, w, 3) float32, labels (batch,) int64."""
        rng = np.random.default_rng(0)
        shape = (self.batch_size, self.image_size, self.image_size, 3)
        return rng.standard_normal(shape, np.float32), rng.integers(NUM_CLASSES, size=self.batch_size)


def _tensorflow_step(setting: Setting) -> Callable[[], float]:
    """Built and compiled as the trainer does."""
    from scarlet_tf.nets.supernet import build_supernet

    supernet = build_supernet(
        setting.space,
        setting.image_size,
        NUM_CLASSES,
        method=setting.method,
        rematerialize=setting.rematerialize,
        streams_at_once=setting.streams_at_once,
    )
    train_step, batch = _compiled(supernet), _batch(setting)
    return lambda: float(train_step(batch)["loss"])


def _standalone_step(setting: Setting) -> Callable[[], float]:
    """Trains networks of their own, without stabilizers: those on the paths of a fair step. A call trains all of them
    for a fair step, else the next one."""
    from scarlet_tf.nets.standalone import build_model
    from scarlet_tf.nets.supernet import fair_paths, fair_permutations

    space, batch = get_space(setting.space), _batch(setting)
    paths = fair_paths(fair_permutations(0, 0, space.num_slots, space.num_choices).numpy())
    steps = [_compiled(build_model(space.decode(path), setting.image_size, NUM_CLASSES, dropout=0.0)) for path in paths]
    turns = itertools.cycle(steps)

    def step() -> float:
        due = steps if setting.method == "fair" else [next(turns)]
        return float(np.mean([float(train_step(batch)["loss"]) for train_step in due]))

    return step


def _batch(setting: Setting) -> tuple:
    import tensorflow as tf

    return tuple(map(tf.constant, setting.images_and_labels()))


def _compiled(model: object) -> Callable[[tuple], dict]:
    """The training step of a Keras model, as the trainer compiles it."""
    import keras
    import tensorflow as tf

    from scarlet_tf.train.graph import compiled
    from scarlet_tf.train.optimizers import L2SGD

    model.compile(
        L2SGD(LEARNING_RATE, MOMENTUM, l2=WEIGHT_DECAY),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    model.compute_metrics(None, tf.zeros([1], tf.int32), tf.zeros([1, NUM_CLASSES]))
    model.reset_metrics()
    return compiled(model.train_step)


def _import_tensorflow(setting: Setting) -> None:
    command.start_tensorflow()

    import scarlet_tf.nets.supernet  # noqa: F401
    from scarlet_tf.train.graph import STREAMS_OF_A_PATH, share_cores_among_streams, skip_graph_rewrites_on_cpu

    skip_graph_rewrites_on_cpu()
    streams = setting.streams_at_once or setting.num_paths
    share_cores_among_streams(streams if setting.method == "fair" else STREAMS_OF_A_PATH, setting.threads)


def _import_standalone(setting: Setting) -> None:
    command.start_tensorflow()

    import scarlet_tf.nets.supernet  # noqa: F401
    from scarlet_tf.train.graph import share_cores_among_streams, skip_graph_rewrites_on_cpu

    skip_graph_rewrites_on_cpu()
    share_cores_among_streams(1, setting.threads)


def _torch_step(setting: Setting) -> Callable[[], float]:
    import torch

    from benchmarks.torch_supernet import TorchSupernet, fair_paths, sampled_path, sgd, train_step

    net = TorchSupernet(get_space(setting.space), NUM_CLASSES).to(memory_format=torch.channels_last).train()
    optimizer = sgd(net, LEARNING_RATE, MOMENTUM, WEIGHT_DECAY)
    images, labels = map(torch.from_numpy, setting.images_and_labels())
    images = images.permute(0, 3, 1, 2)  # (batch, 3, h, w), which is channels_last in memory
    rng = np.random.default_rng(0)
    draw = {"fair": fair_paths, "spos": sampled_path}[setting.method]
    return lambda: train_step(net, optimizer, images, labels, draw(net.space, rng))


def _import_torch(setting: Setting) -> None:
    import torch

    import benchmarks.torch_supernet  # noqa: F401

    torch.set_num_threads(setting.threads)


OURS = "scarlet_tf"
CONTESTANTS = {
    OURS: (_import_tensorflow, _tensorflow_step),
    "PyTorch": (_import_torch, _torch_step),
    "standalone": (_import_standalone, _standalone_step),
}


def _timed(action: Callable[[], object]) -> tuple[object, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = action()
    return result, {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def _work(contestant: str, setting: Setting, pipe: Connection) -> None:
    """Says how long it took to start, then times as many steps as it is told to, until it is told 0."""
    load, make_step = CONTESTANTS[contestant]
    _, loading = _timed(lambda: load(setting))

    def start() -> Callable[[], float]:
        step = make_step(setting)
        step()
        return step

    step, first_step = _timed(start)

    def step_of_all_paths() -> None:
        for _ in range(1 if setting.method == "fair" else setting.num_paths):
            step()

    for _ in range(WARM_UP[setting.method]):
        step_of_all_paths()
    pipe.send({"import": loading, "first_step": first_step})
    while steps := pipe.recv():
        pipe.send([_timed(step_of_all_paths)[1] for _ in range(steps)])
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # MiB on Linux


class _Worker(PeerProcess):
    def __init__(self, contestant: str, setting: Setting) -> None:
        super().__init__(contestant, _work, contestant, setting)
        self.started = self.receive()
        self.steps = []

    def take_turn(self, steps: int) -> None:
        self.steps += self.ask(steps)

    def finish(self, num_paths: int) -> dict[str, float]:
        peak_memory = self.ask(0)
        return {
            "import_s": self.started["import"]["wall_s"],
            "first_step_s": self.started["first_step"]["wall_s"],
            "first_step_cpu_s": self.started["first_step"]["cpu_s"],
            "path_ms": 1e3 * float(np.median([step["wall_s"] for step in self.steps])) / num_paths,
            "path_cpu_ms": 1e3 * float(np.median([step["cpu_s"] for step in self.steps])) / num_paths,
            "peak_memory_mib": peak_memory,
        }


def measure(setting: Setting, steps: int, peer: str) -> dict[str, dict[str, float]]:
    """Figures of our supernet and of `peer`: medians over `steps` timed steps, divided by the paths of a step."""
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker(contestant, setting)) for contestant in (OURS, peer)]
        for done in range(0, steps, STEPS_A_TURN):
            for worker in workers:
                worker.take_turn(min(STEPS_A_TURN, steps - done))
        return {worker.name: worker.finish(setting.num_paths) for worker in workers}


def _table(figures: dict[str, dict[str, float]]) -> str:
    rows = (
        ("import", "import_s", "s"),
        ("build, trace, first step", "first_step_s", "s"),
        ("the same, CPU time", "first_step_cpu_s", "s"),
        ("step, per path", "path_ms", "ms"),
        ("the same, CPU time", "path_cpu_ms", "ms"),
        ("peak memory", "peak_memory_mib", "MiB"),
    )
    ours, theirs = figures.values()
    lines = [f"{'':26}{OURS:>12}{list(figures)[1]:>12}{'':6}{'ratio':>6}"]
    for title, key, unit in rows:
        lines.append(f"{title:26}{ours[key]:12.1f}{theirs[key]:12.1f} {unit:5}{ours[key] / theirs[key]:6.2f}")
    return "\n".join(lines)


def main() -> None:
    if _PEER.value == "PyTorch" and importlib.util.find_spec("torch") is None:
        raise InputError("This benchmark needs PyTorch, which is not installed: pip install 'scarlet-tf[torch]'.")
    setting = Setting(
        _SPACE.value,
        _METHOD.value,
        _IMAGE_SIZE.value,
        _BATCH_SIZE.value,
        _THREADS.value,
        _REMATERIALIZE.value,
        _STREAMS_AT_ONCE.value,
    )
    TrainConfig(
        "synthetic",
        setting.image_size,
        get_space(setting.space),
        method=setting.method,
        rematerialize=setting.rematerialize,
        streams_at_once=setting.streams_at_once,
    )  # which checks how they go together
    hardware = machine("tensorflow", "keras", "torch")
    print(", ".join(f"{key} {value}" for key, value in (hardware | asdict(setting)).items()))
    figures = measure(setting, _STEPS.value, _PEER.value)
    print(_table(figures))
    if _OUTPUT.value:
        report = {"machine": hardware, "setting": asdict(setting), "steps": _STEPS.value, "figures": figures}
        Path(_OUTPUT.value).write_text(json.dumps(report, indent=2) + "\n")
        print(f"written: {_OUTPUT.value}")


if __name__ == "__main__":
    command.run(main, globals())
