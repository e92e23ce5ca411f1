"""What a stabilizer does to the training of a supernet (paper Fig. 3): trained, measured, compared, and put in words.

TensorFlow is imported when something is trained or evaluated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scarlet_tf.analysis.course import Course, probe_points, training_curve, updates_per_step
from scarlet_tf.analysis.estimate import Estimate, bootstrapped
from scarlet_tf.analysis.ranking import RankingHealth, probe_paths
from scarlet_tf.arch.space import Genotype
from scarlet_tf.data import Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.figures.stability_study import METHOD_NAMES, stability_figure
from scarlet_tf.studies.finding import Finding
from scarlet_tf.studies.one_shot import one_shot_accuracies
from scarlet_tf.studies.stabilizer_difference import (
    StabilizerDifference,
    differences_over_seeds,
    stabilizer_differences,
)
from scarlet_tf.studies.supernets import StudySupernet, train_supernets
from scarlet_tf.studies.workdir import StudyWorkdir
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.workdir import Workdir

PATHS_SEED = 0
MIN_PATHS = 10
QUESTION = (
    "The paper's Fig. 3 says that a supernet whose skips are learnable stabilizers (ELS) trains better than one with "
    "plain skips: its one-shot accuracies are higher, and differ less from path to path. Here supernets that differ in "
    "the stabilizer alone are trained on the same images in the same order, with the same paths at each step, and "
    "measured on the same held-out images and the same random paths."
)


@dataclass(frozen=True)
class Measurement:
    """How trained supernets are measured: on so many `paths`, drawn uniformly, the same of each, by the first `images`
    validation images (None: all).

    Raises InputError, naming the flag, where a value is off.
    """

    paths: int = 1000
    images: int | None = None

    def __post_init__(self) -> None:
        if self.paths < MIN_PATHS:
            raise InputError(
                f"--paths must be at least {MIN_PATHS}: fewer say nothing of how paths differ. Received: {self.paths}."
            )
        if self.images is not None and self.images < 1:
            raise InputError(f"--images must be at least 1. Received: {self.images}.")


def study_stability(
    supernets: Sequence[StudySupernet], workdir: StudyWorkdir, dataset: Dataset, measurement: Measurement
) -> Finding:
    """Trains `supernets` where they are not trained yet, measures each, and compares their stabilizers.

    Their trainings have probes, with the BN statistics that the final accuracies go by too, and differ in method,
    stabilizer and seed alone.
    """
    workdir.begin()
    train_supernets(supernets, dataset)
    config = supernets[0].config
    paths = probe_paths(config.space, measurement.paths, PATHS_SEED)
    available = dataset.num_examples("validation")
    images = min(measurement.images or available, available)
    courses = []
    for supernet in supernets:
        accuracies = workdir.kept(
            f"{supernet.name}_accuracies",
            lambda path=supernet.path: one_shot_accuracies(path, paths, dataset, images, config.probe_bn),
        )
        courses.append(_course(supernet, accuracies, images, dataset.num_classes))
    return stability_finding(courses, config, paths, images, dataset)


def _course(supernet: StudySupernet, accuracies: Sequence[float], images: int, num_classes: int) -> Course:
    config, trained = supernet.config, Workdir(supernet.path)
    per_step = updates_per_step(config.method, config.space.num_choices)
    metrics = trained.read_metrics()
    return Course(
        config.method,
        config.stabilizer,
        config.seed,
        steps=metrics[-1]["step"],
        curve=training_curve(metrics, per_step),
        probes=probe_points(trained.read_probes(), per_step),
        accuracies=tuple(accuracies),
        health=RankingHealth.of(accuracies, images, num_classes),
    )


def _mean(accuracies: np.ndarray, axis: int) -> np.ndarray:
    return accuracies.mean(axis)


def _std(accuracies: np.ndarray, axis: int) -> np.ndarray:
    return accuracies.std(axis, ddof=1)


def _row(course: Course, mean: Estimate, std: Estimate) -> tuple[str, ...]:
    health = course.health
    return (
        course.name,
        f"{course.steps:,}",
        f"{course.curve[-1].loss:.3f}",
        mean.percent(1),
        std.percent(2),
        f"{100 * health.noise:.2f}",
        f"{100 * health.min:.1f}",
        f"{health.at_chance:.0%}",
    )


def stability_finding(
    courses: Sequence[Course], config: TrainConfig, paths: Sequence[Genotype], images: int, dataset: Dataset
) -> Finding:
    """What `courses`, measured on `paths` by `images`, say; `config` is what their trainings have in common."""
    spreads = [tuple(bootstrapped(statistic, one.accuracies) for statistic in (_mean, _std)) for one in courses]
    by_seed = stabilizer_differences(courses)
    found = differences_over_seeds(by_seed)
    probes = courses[0].probes[-1]
    setting = (
        f"{config.space.name} on {dataset.name}: {dataset.num_examples('train'):,} training images of "
        f"{dataset.num_classes} classes at {config.image_size} px"
    )
    numbers = {
        "space": config.space.name,
        "dataset": dataset.name,
        "training_images": dataset.num_examples("train"),
        "classes": dataset.num_classes,
        "bn": config.probe_bn,
        "images": images,
        "paths": ["-".join(map(str, path)) for path in paths],
        "supernets": [
            course.to_dict() | {"mean": mean.to_dict(), "std": std.to_dict()}
            for course, (mean, std) in zip(courses, spreads, strict=True)
        ],
        "differences": [one.to_dict() for one in by_seed],
        "conclusive_differences": [one.to_dict() for one in found],
    }
    return Finding(
        title="Stability of supernet training with and without stabilizers",
        question=QUESTION,
        numbers=numbers,
        header=("supernet", "steps", "last loss", "mean %", "std %", "noise %", "lowest %", "at chance"),
        rows=[_row(course, *spread) for course, spread in zip(courses, spreads, strict=True)],
        figures={"stability": stability_figure(courses, dataset.num_classes, setting)},
        captions={
            "stability": "Training loss, one-shot accuracies of "
            f"{config.probe_paths} paths on {probes.images:,} held-out images at every probe, and of {len(paths):,} "
            f"paths on {images:,} in the end."
        },
        conclusions=_conclusions(courses, found),
        notes=(
            f"Setting: {setting}. {len(paths):,} random paths on {images:,} held-out images, with BN statistics "
            f"{'of each batch of images' if config.probe_bn == 'batch' else 'gathered in training'}.",
            "Brackets are 95% bootstrap intervals over paths. `noise` is the standard deviation that so few images "
            "alone leave to one accuracy; a standard deviation over paths holds it as well.",
            "One sampled path a step trains a block in one step out of as many as there are choices, and is given so "
            "many times the steps.",
        ),
    )


def _conclusions(courses: Sequence[Course], found: Sequence[StabilizerDifference]) -> str:
    sentences = []
    for one in found:
        sentences.append(
            f"{METHOD_NAMES[one.method].capitalize()}: {one.first} minus {one.second} is "
            f"{one.mean.percent(2, signed=True)} points in the mean one-shot accuracy and "
            f"{one.std.percent(2, signed=True)} points in its standard deviation over paths. {one.verdict}"
        )
    if not found:
        sentences.append("One stabilizer was trained: there is nothing to compare it with.")
    elif any(len(one.seeds) == 1 for one in found):
        sentences.append(
            "Intervals over paths are of one training each and of the same images: another seed, or other images, may "
            "change more."
        )
    else:
        sentences.append(f"These intervals are over {len(found[0].seeds)} seeds.")
    warnings = [f"{course.name}: {course.health.warning}" for course in courses if course.health.warning]
    return " ".join(sentences + warnings)
