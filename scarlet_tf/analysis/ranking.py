"""Whether a supernet can tell its networks apart: the one-shot accuracies of a fixed set of paths. Never imports
TensorFlow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from scarlet_tf.arch.space import Genotype, SearchSpace

CHANCE_SIGMAS = 2.0
MANY_AT_CHANCE = 0.1
"""Share of the paths from which on those at chance level are too many."""


def probe_paths(space: SearchSpace, num_paths: int, seed: int) -> list[Genotype]:
    """`num_paths` different genotypes, drawn uniformly: a pure function of its arguments.

    All genotypes of the space, in order, where it has no more than that.
    """
    if space.num_choices**space.num_slots <= num_paths:
        return list(product(range(space.num_choices), repeat=space.num_slots))
    rng = np.random.default_rng(seed)
    drawn: dict[Genotype, None] = {}
    while len(drawn) < num_paths:
        drawn[space.sample(rng)] = None
    return list(drawn)


def update_counts(paths: Sequence[Genotype] | np.ndarray, num_choices: int) -> np.ndarray:
    """How often each choice of each slot was trained, (slots, choices) int64, by steps that trained `paths` (n, slots).

    Raises ValueError where a path holds anything but choices from 0 to num_choices - 1.
    """
    paths = np.asarray(paths)
    if paths.ndim != 2 or paths.dtype.kind not in "iu":
        raise ValueError(f"paths must be whole numbers (n, slots). Received: {paths.dtype} {paths.shape}.")
    if paths.size and not 0 <= paths.min() <= paths.max() < num_choices:
        raise ValueError(
            f"paths must hold choices from 0 to {num_choices - 1}. Received: {paths.min()} to {paths.max()}."
        )
    num_slots = paths.shape[1]
    cells = paths.astype(np.int64) + np.arange(num_slots) * num_choices
    return np.bincount(cells.ravel(), minlength=num_slots * num_choices).reshape(num_slots, num_choices)


@dataclass(frozen=True)
class RankingHealth:
    """The distribution of the one-shot accuracies of some paths (paper Fig. 3), all in [0, 1].

    `mean`, `std` (the sample's standard deviation), `min` and `max` over the paths. `noise`: standard deviation of one
    accuracy for the finite number of images, sqrt(p (1 - p) / images) with the mean of p (1 - p) over the paths.
    `at_chance`: share of the paths that are at most two standard deviations above guessing.

    Accuracies rank networks only where the networks differ by more than the measurement does. `std` within `noise` is
    what networks of one and the same quality would show; in truth the bound is a little strict, because all paths are
    measured on the same images and share some of the luck. And the accuracy of a path at chance level says nothing of
    the network: the supernet underestimates it, as the paper sees with skip without a stabilizer, or its moving BN
    statistics do not fit the path. A tenth of such paths is too many.
    """

    mean: float
    std: float
    min: float
    max: float
    noise: float
    at_chance: float

    @classmethod
    def of(cls, accuracies: Sequence[float], num_images: int, num_classes: int) -> "RankingHealth":
        """That of `accuracies` of at least 2 paths, each measured on `num_images` images of `num_classes` classes."""
        accuracies = np.asarray(accuracies, np.float64)
        if accuracies.ndim != 1 or len(accuracies) < 2:
            raise ValueError(f"accuracies must be those of at least 2 paths. Received: shape {accuracies.shape}.")
        chance = 1 / num_classes
        bound = chance + CHANCE_SIGMAS * math.sqrt(chance * (1 - chance) / num_images)
        return cls(
            mean=float(accuracies.mean()),
            std=float(accuracies.std(ddof=1)),
            min=float(accuracies.min()),
            max=float(accuracies.max()),
            noise=math.sqrt(np.mean(accuracies * (1 - accuracies)) / num_images),
            at_chance=float(np.mean(accuracies <= bound)),
        )

    @property
    def warning(self) -> str | None:
        """What is wrong, in a line; None where the accuracies can rank."""
        if self.at_chance >= MANY_AT_CHANCE:
            return (
                f"{self.at_chance:.0%} of the paths are no better than chance, at a mean of {self.mean:.1%}: their "
                "accuracies say nothing about them."
            )
        if self.std <= self.noise:
            return (
                f"the accuracies of the paths differ by {self.std:.2%} (standard deviation), no more than the "
                f"{self.noise:.2%} that so few images leave open: they rank nothing yet."
            )
        return None
