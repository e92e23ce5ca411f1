"""What pretrained weights gain on a small data set, with a recipe shortened for a CPU.

The network of --pretrained is trained on --images of a folder of small images, from random weights and from the
pretrained ones with a new classifier, in turns, seed by seed, with one and the same recipe; after every epoch its
accuracy on test images is measured. The seed fixes the weights that are drawn, the order of the images and how they are
distorted. A few minutes on two cores at the defaults.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from absl import flags
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.arch.named import resolve
from scarlet_tf.data.folder import load_folder
from scarlet_tf.errors import InputError
from scarlet_tf.figures.canvas import new_figure, write_figure
from scarlet_tf.files import check_output_dir, write_json
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.workdir import Workdir
from scarlet_tf.weights import WeightsSource

if TYPE_CHECKING:
    import keras

    from scarlet_tf.data import Dataset

STARTS = ("random", "pretrained")
LOOKS = {"random": ("#D55E00", "o"), "pretrained": ("#0072B2", "s")}

_PRETRAINED = flags.DEFINE_string(
    "pretrained", None, "Workdir of a finished training, or a .keras or .weights.h5 file."
)
_MODEL = flags.DEFINE_string("model", None, "Network of a file: a published one's name or an arch.json.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Small images: train/CLASS/*.jpg beside test/ of the same shape.")
_CLASSES = flags.DEFINE_list("classes", None, "Classes to use, separated by commas; all by default.")
_IMAGES = flags.DEFINE_integer("images", 2000, "Training images.", lower_bound=1)
_TEST_IMAGES = flags.DEFINE_integer("test_images", 2000, "Test images.", lower_bound=1)
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 32, "Side of the images, in pixels.", lower_bound=1)
_EPOCHS = flags.DEFINE_integer("epochs", 15, "Passes over the training images.", lower_bound=1)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Images a step.", lower_bound=1)
_LEARNING_RATE = flags.DEFINE_float("learning_rate", 0.05, "Highest learning rate; a cosine takes it to zero.")
_AUTO_AUGMENT = flags.DEFINE_string("auto_augment", "none", "As in train.")
_SEEDS = flags.DEFINE_integer("seeds", 3, "Runs from each start.", lower_bound=1)
_FIGURE = flags.DEFINE_string("figure", None, "PNG file to draw the curves in.")
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write the figures to.")


@dataclass(frozen=True)
class Run:
    """A training from one of STARTS: accuracy on the test images, in [0, 1], before it and after each epoch, and how
    long it took with that, in seconds."""

    start: str
    seed: int
    accuracies: list[float]
    seconds: float


class MeasuredWorkdir(Workdir):
    """A workdir that measures, at the end of each epoch, how `model` does on the test images of `dataset`."""

    def __init__(self, path: str | Path, model: "keras.Model", dataset: "Dataset", image_size: int) -> None:
        super().__init__(path)
        self.accuracies: list[float] = []
        self._measure = accuracy_of(model, dataset, image_size)

    def measure(self) -> None:
        self.accuracies.append(self._measure())

    def append_metrics(self, record: dict) -> None:
        super().append_metrics(record)
        if record["epoch"] == len(self.accuracies):
            self.measure()


def accuracy_of(model: "keras.Model", dataset: "Dataset", image_size: int) -> Callable[[], float]:
    """A function that gives the accuracy of `model`, as it is then, on the test images."""
    import tensorflow as tf

    batches = dataset.evaluation_batches("test", 250, image_size)
    predict = tf.function(lambda images: tf.argmax(model(images, training=False), axis=-1, output_type=tf.int32))

    def measure() -> float:
        return float(np.mean(np.concatenate([predict(images) == labels for images, labels in batches])))

    return measure


def link_subset(data_dir: str, classes: Sequence[str] | None, sizes: dict[str, int], target: Path) -> None:
    """Makes a folder of links to the first images of train/ and test/, as many of each class.

    The test images go to val/, which are then the only ones to evaluate on: nothing of train/ is held out.
    """
    for split, size in sizes.items():
        split_dir = target / {"train": "train", "test": "val"}[split]
        found = sorted(path.name for path in (Path(data_dir) / split).iterdir() if path.is_dir())
        missing = sorted(set(classes or ()) - set(found))
        if missing:
            raise InputError(f"--classes must be of {', '.join(found)}. Received: {missing[0]}.")
        for name in classes or found:
            (split_dir / name).mkdir(parents=True)
            files = sorted((Path(data_dir) / split / name).iterdir())
            for file in files[: size // len(classes or found)]:
                (split_dir / name / file.name).symlink_to(file.resolve())


def train_once(config: TrainConfig, dataset: "Dataset", path: Path) -> list[float]:
    """Trains as scarlet_tf.train.training.train does, and measures accuracy on the way."""
    import keras

    from scarlet_tf.models import load_model
    from scarlet_tf.train.loop import fit
    from scarlet_tf.train.strategy import make_strategy

    config = Workdir(path).check(config, dataset)
    strategy = make_strategy("cpu")
    keras.utils.set_random_seed(config.seed)
    source = WeightsSource.find(config.model, config.weights, config.new_classifier)
    with strategy.scope():
        model = load_model(config.model, source, config.image_size, config.num_classes, config.dropout).model
    workdir = MeasuredWorkdir(path, model, dataset, config.image_size)
    workdir.start(config)
    workdir.measure()
    fit(model, dataset, config, workdir, strategy, path.name)
    return workdir.accuracies


def measure(config: TrainConfig, pretrained: str, dataset: "Dataset", seeds: int, workdir: Path) -> list[Run]:
    """Trains from both starts, in turns."""
    runs = []
    for seed in range(seeds):
        for start in STARTS:
            ours = replace(config, seed=seed)
            if start == "pretrained":
                ours = replace(ours, weights=pretrained, new_classifier=True)
            began = time.monotonic()
            accuracies = train_once(ours, dataset, workdir / f"{start}_{seed}")
            runs.append(Run(start, seed, accuracies, round(time.monotonic() - began, 1)))
            print(f"{start} weights, seed {seed}: {accuracies[-1]:.2%}", flush=True)
    return runs


def curves(runs: Sequence[Run], start: str) -> np.ndarray:
    """Accuracies in % (seeds, epochs + 1)."""
    return np.array([run.accuracies for run in runs if run.start == start]) * 100


def print_runs(runs: Sequence[Run]) -> None:
    """A table with a column for each start: the median over the seeds, and the range."""
    table = Table("after epoch", *STARTS, "median gain", box=SIMPLE)
    by_start = {start: curves(runs, start) for start in STARTS}
    for epoch in range(len(runs[0].accuracies)):
        cells, medians = [], []
        for accuracies in by_start.values():
            at = accuracies[:, epoch]
            medians.append(np.median(at))
            cells.append(f"{medians[-1]:.2f} ({at.min():.2f} to {at.max():.2f})")
        table.add_row(str(epoch), *cells, f"{medians[1] - medians[0]:+.2f}")
    Console().print("accuracy on the test images in %, median over the seeds and range", table)


def transfer_figure(runs: Sequence[Run], title: str) -> Figure:
    """Accuracy by epoch from each start: the median over the seeds, and their range."""
    figure = new_figure(6.4, 4.2)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    for start in STARTS:
        accuracies = curves(runs, start)
        colour, marker = LOOKS[start]
        epochs = np.arange(accuracies.shape[1])
        axes.fill_between(epochs, accuracies.min(axis=0), accuracies.max(axis=0), color=colour, alpha=0.2, linewidth=0)
        label = f"{start} weights, {np.median(accuracies[:, -1]):.1f}% at the end"
        axes.plot(epochs, np.median(accuracies, axis=0), color=colour, marker=marker, markersize=4, label=label)
    axes.set(xlabel="epoch", ylabel="accuracy on the test images (%)")
    axes.set_title(title, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.legend(loc="lower right", fontsize=9)
    return figure


def main() -> None:
    command.require(_PRETRAINED, _DATA_DIR)
    for flag in (_FIGURE, _OUTPUT):
        if flag.value:
            check_output_dir(Path(flag.value).parent, flag.name)
    named = resolve(_MODEL.value or _PRETRAINED.value)
    WeightsSource.find(named, _PRETRAINED.value, new_classifier=True)
    load_folder(_DATA_DIR.value)  # refuses what is not laid out as it should be
    if not (Path(_DATA_DIR.value) / "test").is_dir():
        raise InputError(f"--data_dir must hold test/ beside train/. Received: {_DATA_DIR.value}, without it.")
    with tempfile.TemporaryDirectory() as temporary:
        workdir = Path(temporary)
        sizes = {"train": _IMAGES.value, "test": _TEST_IMAGES.value}
        link_subset(_DATA_DIR.value, _CLASSES.value, sizes, workdir / "data")
        config = TrainConfig(
            "folder",
            _IMAGE_SIZE.value,
            model=named,
            data_dir=str(workdir / "data"),
            batch_size=_BATCH_SIZE.value,
            epochs=_EPOCHS.value,
            learning_rate=_LEARNING_RATE.value,
            auto_augment=_AUTO_AUGMENT.value,
            warmup_epochs=1.0,
            weight_decay=5e-4,
            dropout=0.3,
            strategy="cpu",
        )
        dataset = load_folder(config.data_dir)
        command.start_tensorflow()
        from scarlet_tf.train.graph import skip_graph_rewrites_on_cpu

        skip_graph_rewrites_on_cpu()
        runs = measure(config, _PRETRAINED.value, dataset, _SEEDS.value, workdir)
    print_runs(runs)
    print("seconds a run:", ", ".join(f"{run.start} {run.seed}: {run.seconds}" for run in runs))
    if _OUTPUT.value:
        write_json(_OUTPUT.value, {"recipe": config.to_dict(), "runs": [asdict(run) for run in runs]})
    if _FIGURE.value:
        images = f"{dataset.num_examples('train')} training images of {dataset.num_classes} classes"
        write_figure(_FIGURE.value, transfer_figure(runs, f"{images}; median and range over seeds: {_SEEDS.value}"))
        print(f"drawn in {_FIGURE.value}")


if __name__ == "__main__":
    command.run(main, globals())
