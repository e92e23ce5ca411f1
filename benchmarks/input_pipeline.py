"""Images per second of the input pipeline for photos, side by side with Keras' and PyTorch's.

For training and for evaluation, on the images in the train/ of a directory as `--dataset=folder` reads it. Keras' is
`image_dataset_from_directory`, whose images all get one size, with random crops and flips by its layers; PyTorch's is a
DataLoader of Pillow images with as many workers as there are cores, cropped, resized and flipped as ours are. All
normalise. Reading and decoding whole images alone shows where our time goes. Each has a process of its own; they take
turns, of which each begins anew and is timed once it runs.
"""

import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from absl import flags

from scarlet_tf import command
from scarlet_tf.data.dataset import CACHE_BYTES
from scarlet_tf.data.folder import SUFFIXES, load_folder
from scarlet_tf.data.preprocessing import IMAGENET
from scarlet_tf.errors import InputError
from scarlet_tf.files import write_json
from scarlet_tf.timing.machine import machine
from scarlet_tf.timing.peer_process import PeerProcess

TASKS = ("training", "evaluation")

_DATA_DIR = flags.DEFINE_string("data_dir", None, "Directory with train/CLASS/*.jpg beside val/ or test/.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 224, "Side of the images that come out, in pixels.", lower_bound=32)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 100, "Images a batch.", lower_bound=1)
_BATCHES = flags.DEFINE_integer("batches", 20, "Timed batches a turn.", lower_bound=1)
_TURNS = flags.DEFINE_integer("turns", 7, "Turns of each pipeline.", lower_bound=1)
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write the figures to.")


@dataclass(frozen=True)
class Setting:
    """What all pipelines are measured on. image_size in pixels."""

    data_dir: str
    task: str
    image_size: int
    batch_size: int
    cores: int

    @property
    def short_side(self) -> int:
        """What the short side is resized to where the centre of it is what comes out: 256 for 224."""
        return round(self.image_size * 8 / 7)

    @property
    def train_dir(self) -> Path:
        return Path(self.data_dir) / "train"

    @property
    def files(self) -> list[Path]:
        """The images, CLASS/NAME."""
        return sorted(path for path in self.train_dir.glob("*/*") if path.suffix.lower() in SUFFIXES)


def _ours(setting: Setting) -> Iterable[tuple]:
    command.start_tensorflow()
    dataset = load_folder(setting.data_dir)
    if setting.task == "training":
        return dataset.training_batches(setting.batch_size, setting.image_size, seed=0)
    return dataset.evaluation_batches("train", setting.batch_size, setting.image_size).repeat()


def _decoding_alone(setting: Setting) -> Iterable[tuple]:
    command.start_tensorflow()
    import tensorflow as tf

    from scarlet_tf.data import photos

    def example(path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shape = tf.shape(photos.decode(tf.io.read_file(path)))
        return shape, shape[0]

    paths = tf.data.Dataset.from_tensor_slices([str(path) for path in setting.files])
    examples = paths.shuffle(len(paths), seed=0).repeat().map(example, num_parallel_calls=tf.data.AUTOTUNE)
    return examples.batch(setting.batch_size).prefetch(tf.data.AUTOTUNE)


def _keras(setting: Setting) -> Iterable[tuple]:
    command.start_tensorflow()
    import keras
    import tensorflow as tf

    size, layers = setting.image_size, keras.layers
    distort = {
        "training": [layers.RandomCrop(size, size), layers.RandomFlip("horizontal")],
        "evaluation": [layers.CenterCrop(size, size)],
    }[setting.task]
    normalise = layers.Normalization(
        mean=[255 * m for m in IMAGENET.mean], variance=[(255 * s) ** 2 for s in IMAGENET.std]
    )
    prepare = keras.Sequential([*distort, normalise])
    batches = keras.utils.image_dataset_from_directory(
        setting.train_dir,
        image_size=(setting.short_side, setting.short_side),
        batch_size=setting.batch_size,
        shuffle=setting.task == "training",
        crop_to_aspect_ratio=True,
        verbose=False,
    )
    training = setting.task == "training"
    batches = batches.map(
        lambda images, labels: (prepare(images, training=training), labels), num_parallel_calls=tf.data.AUTOTUNE
    )
    return batches.repeat().prefetch(tf.data.AUTOTUNE)


def _torch(setting: Setting) -> Iterable[tuple]:
    from benchmarks.torch_photos import Photos, endless_batches

    files = setting.files
    classes = sorted({path.parent.name for path in files})
    labels = [classes.index(path.parent.name) for path in files]
    short_side = None if setting.task == "training" else setting.short_side
    return endless_batches(Photos(files, labels, setting.image_size, short_side), setting.batch_size, setting.cores)


PIPELINES: dict[str, Callable[[Setting], Iterable[tuple]]] = {
    "scarlet_tf": _ours,
    "Keras": _keras,
    "PyTorch": _torch,
    "decoding alone": _decoding_alone,
}
"""Makers of endless `(images, labels)`; the last one's hold no images."""


def installed_pipelines() -> tuple[str, ...]:
    """Those whose packages are there."""
    has_torch = all(importlib.util.find_spec(name) for name in ("torch", "PIL"))
    return tuple(name for name in PIPELINES if has_torch or name != "PyTorch")


def images_per_second(batches: Iterable[tuple], num_batches: int, warm_up: int) -> float:
    """Speed of `num_batches` from an iterator of its own, after `warm_up` others: queues are as full at the end."""
    stream = iter(batches)
    for _ in range(warm_up):
        next(stream)
    start = time.perf_counter()
    images = sum(len(next(stream)[1]) for _ in range(num_batches))
    return images / (time.perf_counter() - start)


def _work(pipeline: str, setting: Setting, pipe: Connection) -> None:
    batches = PIPELINES[pipeline](setting)
    pipe.send("ready")
    while True:
        num_batches = pipe.recv()
        pipe.send(images_per_second(batches, num_batches, warm_up=2 * setting.cores))


def measure(setting: Setting, pipelines: Iterable[str], turns: int, num_batches: int) -> dict[str, list[float]]:
    """Images per second of each of `pipelines` in each of the turns."""
    figures = {pipeline: [] for pipeline in pipelines}
    with ExitStack() as stack:
        workers = [stack.enter_context(PeerProcess(name, _work, name, setting)) for name in figures]
        for worker in workers:
            worker.receive()
        for _ in range(turns):
            for worker in workers:
                figures[worker.name].append(worker.ask(num_batches))
    return figures


def _table(figures: dict[str, dict[str, list[float]]], cores: int) -> str:
    lines = [f"{'images per second per core':28}{'median':>9}{'lowest':>9}{'highest':>9}{'ratio':>8}"]
    for task, speeds in figures.items():
        ours = statistics.median(speeds["scarlet_tf"])
        for name, values in speeds.items():
            per_core = (statistics.median(values), min(values), max(values))
            columns = "".join(f"{value / cores:9.0f}" for value in per_core)
            lines.append(f"{task + ', ' + name:28}{columns}{ours / per_core[0]:8.2f}")
    return "\n".join(lines)


def _check_size(data_dir: str, image_size: int) -> None:
    """Raises InputError where the images are laid out otherwise, or so few that evaluation keeps them in memory."""
    fewest = CACHE_BYTES // (image_size**2 * 3 * 4) + 1
    received = load_folder(data_dir).num_examples("train")
    if received < fewest:
        raise InputError(
            f"--data_dir must hold at least {fewest} training images: evaluation keeps fewer of {image_size} px in "
            f"memory. Received: {received}."
        )


def main() -> None:
    command.require(_DATA_DIR)
    _check_size(_DATA_DIR.value, _IMAGE_SIZE.value)
    cores = len(os.sched_getaffinity(0))
    pipelines = installed_pipelines()
    hardware = machine("tensorflow", "keras", "torch", "pillow") | {"cores": cores}
    size = {"image_size": _IMAGE_SIZE.value, "batch_size": _BATCH_SIZE.value}
    print(", ".join(f"{key} {value}" for key, value in (hardware | size).items()))
    figures = {
        task: measure(Setting(_DATA_DIR.value, task, cores=cores, **size), pipelines, _TURNS.value, _BATCHES.value)
        for task in TASKS
    }
    print(_table(figures, cores))
    if "PyTorch" not in pipelines:
        print("PyTorch and Pillow are not both installed: pip install 'scarlet-tf[torch]' pillow adds their pipeline.")
    if _OUTPUT.value:
        write_json(_OUTPUT.value, {"machine": hardware, "setting": size, "images_per_second": figures})
        print(f"written: {_OUTPUT.value}")


if __name__ == "__main__":
    command.run(main, globals())
