"""What a training step costs: our supernet's and its peers', measured in turns, each in a process of its own.

Their thread pools would disturb each other in one process. Only one of them runs at a time, and they take turns, so
what else the machine does meets all alike.
"""

import itertools
import resource
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection

import numpy as np

from scarlet_tf import command
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.timing.peer_process import PeerProcess

NUM_CLASSES = 10
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.045, 0.9, 4e-5
STEPS_A_TURN = 2
WARM_UP = {"fair": 1, "spos": 8}
"""Steps of all paths before the timed ones. A sampled step compiles what it meets for the first time."""
SEED = 0


@dataclass(frozen=True)
class Setting:
    """What is measured; `rematerialize`, `streams_at_once` and `repeat_paths` are of our supernet alone."""

    space: str
    method: str
    image_size: int
    batch_size: int
    threads: int
    rematerialize: bool = False
    streams_at_once: int = 0
    repeat_paths: bool = False
    """Whether a sampled step comes back to its first path after `num_paths` ones, or goes on to new ones."""

    @property
    def num_paths(self) -> int:
        """Paths that are timed together."""
        return get_space(self.space).num_choices

    def images_and_labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Noise: images (batch, h, w, 3) float32, labels (batch,) int64."""
        rng = np.random.default_rng(0)
        shape = (self.batch_size, self.image_size, self.image_size, 3)
        return rng.standard_normal(shape, np.float32), rng.integers(NUM_CLASSES, size=self.batch_size)


def _supernet_step(setting: Setting) -> Callable[[], float]:
    """Built and compiled as the trainer does."""
    from scarlet_tf.nets.blocks import lay_lanes
    from scarlet_tf.nets.supernet import build_supernet
    from scarlet_tf.train.graph import lanes_of_a_path

    supernet = build_supernet(
        setting.space,
        setting.image_size,
        NUM_CLASSES,
        method=setting.method,
        rematerialize=setting.rematerialize,
        streams_at_once=setting.streams_at_once,
        seed=SEED,
    )
    if setting.method == "spos":
        lay_lanes(supernet, lanes_of_a_path())
    train_step, batch = _compiled(supernet), _batch(setting)
    iterations = supernet.optimizer.iterations

    def step() -> float:
        if setting.repeat_paths and int(iterations) == setting.num_paths:
            iterations.assign(0)
        return float(train_step(batch)["loss"])

    return step


def _standalone_step(setting: Setting) -> Callable[[], float]:
    """Trains networks of their own, without stabilizers: those on the paths of the first fair step, all of them in a
    call; or those on the first sampled paths, of which a call trains the next one."""
    from scarlet_tf.nets.blocks import lay_lanes
    from scarlet_tf.nets.single_path import single_paths
    from scarlet_tf.nets.standalone import build_model
    from scarlet_tf.nets.supernet import fair_paths, fair_permutations
    from scarlet_tf.train.graph import lanes_of_a_path

    space, batch = get_space(setting.space), _batch(setting)
    if setting.method == "fair":
        paths = fair_paths(fair_permutations(SEED, 0, space.num_slots, space.num_choices).numpy())
    else:
        paths = single_paths(SEED, setting.num_paths, space.num_slots, space.num_choices).numpy()
    networks = [build_model(space.decode(path), setting.image_size, NUM_CLASSES, dropout=0.0) for path in paths]
    for network in networks:
        lay_lanes(network, lanes_of_a_path())
    steps = [_compiled(network) for network in networks]
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


def _import_tensorflow(setting: Setting, is_supernet: bool) -> None:
    command.start_tensorflow()

    import scarlet_tf.nets.supernet  # noqa: F401
    from scarlet_tf.train.graph import lanes_of_a_path, share_cores_among_streams, skip_graph_rewrites_on_cpu

    streams = lanes_of_a_path()
    if is_supernet and setting.method == "fair":
        streams = setting.streams_at_once or setting.num_paths
    skip_graph_rewrites_on_cpu()
    share_cores_among_streams(streams, setting.threads)


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
    OURS: (partial(_import_tensorflow, is_supernet=True), _supernet_step),
    "PyTorch": (_import_torch, _torch_step),
    "standalone": (partial(_import_tensorflow, is_supernet=False), _standalone_step),
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
