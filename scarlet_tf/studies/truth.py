"""How good networks truly are: each trained alone, by others or here. TensorFlow is imported to train."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.arch.space import Genotype
from scarlet_tf.data import Dataset
from scarlet_tf.studies.workdir import StudyWorkdir
from scarlet_tf.train.config import TrainConfig


@dataclass(frozen=True)
class Truth:
    """Networks and the accuracy, in [0, 1], that each truly reaches; `source` says from where that is known."""

    genotypes: tuple[Genotype, ...]
    accuracies: tuple[float, ...]
    source: str


def drawn_truth(accuracies: Mapping[Genotype, float], networks: int, source: str, seed: int = 0) -> Truth:
    """So many of the networks in a table of `accuracies`, drawn uniformly, in order; all where it has no more."""
    known = sorted(accuracies)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(known))[:networks])
    genotypes = tuple(known[index] for index in drawn)
    return Truth(genotypes, tuple(accuracies[genotype] for genotype in genotypes), source)


def trained_truth(genotypes: Sequence[Genotype], config: TrainConfig, workdir: StudyWorkdir, dataset: Dataset) -> Truth:
    """The test accuracy of each network of `config.space`, trained alone as `config` says otherwise."""
    from scarlet_tf.evaluate import accuracy
    from scarlet_tf.export.runtimes import keras_predictor
    from scarlet_tf.train.training import train

    def trained_accuracy(name: str, genotype: Genotype) -> float:
        alone = replace(config, space=None, model=NamedArch(config.space, genotype, name))
        model = train(alone, workdir.path / "alone" / name, dataset)
        correct, seen = accuracy(keras_predictor(model).predict, dataset, "test", config.image_size)
        return correct / seen

    accuracies = []
    for number, genotype in enumerate(genotypes, 1):
        name = "-".join(map(str, genotype))
        print(f"network {number} of {len(genotypes)}, trained alone: {name}", flush=True)
        accuracies.append(workdir.kept(f"truth_{name}", partial(trained_accuracy, name, genotype)))
    length = f"{config.steps:,} steps" if config.steps else f"{config.epochs} epochs"
    return Truth(tuple(genotypes), tuple(accuracies), f"each trained alone for {length}, on the test images")
