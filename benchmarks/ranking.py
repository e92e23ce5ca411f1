"""What a stabilizer does to a supernet: its training, and how it tells its networks apart.

Trains one supernet for each of --stabilizers on a folder of small images, strictly fairly, with the same seed, and so
the same images in the same order and the same paths at every step. After each epoch the same random paths are probed on
images held out of the training set, by default with the BN statistics of their own batches: moving ones fit no path
quite, which would hide what the stabilizer does. Run the same command again to go on after a stop, or to draw anew.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from absl import flags
from matplotlib.figure import Figure
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.analysis.probe_record import ProbeRecord, mean_similarity
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.data.folder import load_folder
from scarlet_tf.errors import InputError
from scarlet_tf.figures.canvas import new_figure, write_figure
from scarlet_tf.figures.probes import CHANCE_COLOUR, accuracy_bins, finish_axes, label_axis
from scarlet_tf.files import check_output_dir
from scarlet_tf.train.config import PROBE_BN, STABILIZERS, TrainConfig
from scarlet_tf.train.workdir import Workdir

COLOURS = dict(zip(STABILIZERS, ("#0072B2", "#D55E00", "#009E73"), strict=True))

_DATA_DIR = flags.DEFINE_string("data_dir", None, "Small images: train/CLASS/*.jpg beside test/ of the same shape.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Directory of the runs, a workdir for each stabilizer.")
_FIGURE = flags.DEFINE_string("figure", None, "PNG file to draw in; ranking.png in --workdir by default.")
_STABILIZERS = flags.DEFINE_list("stabilizers", ["els", "skip"], "What stands for a skipped slot, separated by commas.")
_SPACE = flags.DEFINE_string("space", "small", "Search space of the supernets, as in train.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 32, "Side of the images, in pixels.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 96, "Images a step.")
_EPOCHS = flags.DEFINE_integer("epochs", 3, "Passes over the training images.")
_STEPS = flags.DEFINE_integer("steps", None, "Steps to train, instead of --epochs.")
_LEARNING_RATE = flags.DEFINE_float("learning_rate", 0.2, "Highest learning rate; a cosine takes it to zero.")
_PROBE_PATHS = flags.DEFINE_integer("probe_paths", 200, "Paths to probe.")
_PROBE_IMAGES = flags.DEFINE_integer("probe_images", 1000, "Held-out images to probe them on.")
_PROBE_BN = flags.DEFINE_enum("probe_bn", "batch", PROBE_BN, "BN statistics of the probes, as in train.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of weights, data order and paths.")


def read_lines(path: Path) -> list[dict]:
    """The objects of a file with a JSON object a line."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def print_runs(probes: Mapping[str, Sequence[ProbeRecord]]) -> None:
    """A row a probe of each run; accuracies in %."""
    table = Table("stabilizer", "epoch", "mean", "std", "min", "noise", "at chance", "similarity", box=SIMPLE)
    for name, records in probes.items():
        for record in records:
            health = record.health
            accuracies = (f"{100 * value:.1f}" for value in (health.mean, health.std, health.min, health.noise))
            similarity = f"{mean_similarity(record.similarity):.2f}"
            table.add_row(name, f"{record.epoch:g}", *accuracies, f"{health.at_chance:.0%}", similarity)
    Console().print("one-shot accuracies of the probed paths in %, and similarity of the choices", table)


def ranking_figure(
    metrics: Mapping[str, Sequence[dict]], probes: Mapping[str, Sequence[ProbeRecord]], num_classes: int, title: str
) -> Figure:
    """By stabilizer: the loss of the training; mean, standard deviation and minimum of the probed accuracies; their
    distribution at the last probe (paper Fig. 3)."""
    figure = new_figure(11.0, 3.9)
    figure.set_layout_engine("constrained", wspace=0.04)
    loss, curve, distribution = figure.subplots(1, 3)
    bins = accuracy_bins(*(records[-1].accuracies for records in probes.values()))
    for name, colour in COLOURS.items():
        if name not in probes:
            continue
        lines, records = metrics[name], probes[name]
        loss.plot([line["epoch"] for line in lines], [line["loss"] for line in lines], color=colour, label=name)
        epochs = [record.epoch for record in records]
        mean, std, lowest = np.array([(r.health.mean, r.health.std, r.health.min) for r in records]).T
        curve.fill_between(epochs, mean - std, mean + std, color=colour, alpha=0.18, linewidth=0)
        curve.errorbar(epochs, mean, std, color=colour, marker="o", markersize=4, elinewidth=0.8, capsize=2)
        curve.plot(epochs, lowest, color=colour, marker="v", markersize=4, linestyle=":")
        look = {"color": colour, "histtype": "stepfilled", "alpha": 0.35}
        distribution.hist(records[-1].accuracies, bins, label=name, **look)
        distribution.hist(records[-1].accuracies, bins, color=colour, histtype="step", linewidth=1.3)
    for label, style in (("mean ± std", {"marker": "o"}), ("lowest", {"marker": "v", "linestyle": ":"})):
        curve.plot([], [], color=CHANCE_COLOUR, markersize=4, label=label, **style)  # for the legend alone
    curve.axhline(1 / num_classes, color=CHANCE_COLOUR, linestyle=(0, (4, 3)), linewidth=1, label="chance")
    last_epoch = max(records[-1].epoch for records in probes.values())
    for axes, quantity in ((loss, "training loss"), (curve, "one-shot accuracy")):
        axes.set(xlabel="epoch", ylabel=quantity, xlim=(0, 1.03 * last_epoch))
    curve.set_ylim(bottom=0)
    distribution.set(xlabel="one-shot accuracy", ylabel="paths")
    for axes in (loss, curve, distribution):
        label_axis(axes.xaxis, percent=axes is distribution)
        label_axis(axes.yaxis, percent=axes is curve)
    finish_axes(loss, "Training", 3)
    finish_axes(curve, "Every probe", 3)
    finish_axes(distribution, "The last probe", 3)
    figure.suptitle(title, fontsize=10)
    return figure


def main() -> None:
    command.require(_DATA_DIR, _WORKDIR)
    workdir = check_output_dir(_WORKDIR.value, "workdir")
    picture = Path(_FIGURE.value) if _FIGURE.value else workdir / "ranking.png"
    check_output_dir(picture.parent, "figure")
    if not _STABILIZERS.value or set(_STABILIZERS.value) - set(STABILIZERS):
        raise InputError(f"--stabilizers must be of {', '.join(STABILIZERS)}. Received: {_STABILIZERS.value}.")
    dataset = load_folder(_DATA_DIR.value)
    configs = {
        name: TrainConfig(
            "folder",
            _IMAGE_SIZE.value,
            space=get_space(_SPACE.value),
            data_dir=_DATA_DIR.value,
            batch_size=_BATCH_SIZE.value,
            epochs=_EPOCHS.value,
            steps=_STEPS.value,
            learning_rate=_LEARNING_RATE.value,
            stabilizer=name,
            seed=_SEED.value,
            probe_epochs=1,
            probe_paths=_PROBE_PATHS.value,
            probe_images=_PROBE_IMAGES.value,
            probe_bn=_PROBE_BN.value,
        )
        for name in _STABILIZERS.value
    }
    for name, config in configs.items():
        Workdir(workdir / name).check(config, dataset)
    command.start_tensorflow()
    from scarlet_tf.train.training import train

    for name, config in configs.items():
        train(config, workdir / name, dataset)
    metrics = {name: read_lines(workdir / name / "metrics.jsonl") for name in configs}
    probes = {
        name: [ProbeRecord.from_dict(line) for line in read_lines(workdir / name / "probes.jsonl")] for name in configs
    }
    print_runs(probes)
    images = f"{dataset.num_examples('train'):,} training images of {dataset.num_classes} classes"
    last = next(iter(probes.values()))[-1]
    title = f"{_SPACE.value}, strictly fair, {images}; {len(last.paths)} paths on {last.images:,} held-out images, "
    title += f"{last.bn} BN statistics"
    write_figure(picture, ranking_figure(metrics, probes, dataset.num_classes, title))
    print(f"drawn in {picture}")


if __name__ == "__main__":
    command.run(main, globals())
