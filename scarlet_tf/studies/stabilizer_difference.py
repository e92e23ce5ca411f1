"""How the one-shot accuracies of supernets differ by their stabilizers, and what that says of the paper's claims. Never
imports TensorFlow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from scarlet_tf.analysis.course import Course
from scarlet_tf.analysis.estimate import Estimate, bootstrapped, over_seeds
from scarlet_tf.train.config import STABILIZERS


@dataclass(frozen=True)
class StabilizerDifference:
    """By how much the mean and the standard deviation of the one-shot accuracies with `first` exceed those with
    `second`, by `method`. The intervals are over paths where there is one of `seeds`, else over these."""

    method: str
    first: str
    second: str
    seeds: tuple[int, ...]
    mean: Estimate
    std: Estimate

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        return vars(self) | {"mean": self.mean.to_dict(), "std": self.std.to_dict()}

    @property
    def verdict(self) -> str:
        """What it says, in a sentence, of the paper's claim that accuracies are higher and less spread with ELS than
        with a plain skip; of other stabilizers, just how they differ."""
        signs = {"higher": self.mean.sign, "less spread": -self.std.sign}
        as_claimed = ", as the paper has it" if (self.first, self.second) == ("els", "skip") else ""
        if set(signs.values()) == {1}:
            return f"Higher and less spread with {self.first}{as_claimed}."
        if set(signs.values()) == {-1}:
            return f"Neither higher nor less spread with {self.first}, but the contrary of both."
        if set(signs.values()) == {0}:
            return "Both intervals hold zero: undecided."
        words = {
            1: f"{{}} with {self.first}{as_claimed}",
            -1: f"not {{}} with {self.first}, but the contrary",
            0: "{} or not: undecided",
        }
        return "; ".join(words[sign].format(claim) for claim, sign in signs.items()).capitalize() + "."


def _mean_difference(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    return x.mean(axis) - y.mean(axis)


def _std_difference(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    return x.std(axis, ddof=1) - y.std(axis, ddof=1)


def stabilizer_differences(courses: Sequence[Course]) -> list[StabilizerDifference]:
    """Of each two stabilizers with the same method and seed, whose accuracies are of the same paths, path by path.

    els is always `first`, els_relu `second`.
    """
    found = []
    for first, second in combinations(sorted(courses, key=lambda one: STABILIZERS.index(one.stabilizer)), 2):
        if (first.method, first.seed) == (second.method, second.seed):
            mean, std = (
                bootstrapped(statistic, first.accuracies, second.accuracies)
                for statistic in (_mean_difference, _std_difference)
            )
            names = first.method, first.stabilizer, second.stabilizer
            found.append(StabilizerDifference(*names, (first.seed,), mean, std))
    return found


def differences_over_seeds(found: Iterable[StabilizerDifference]) -> list[StabilizerDifference]:
    """The mean over seeds where a difference was `found` for several; the others as they are."""
    by_names: dict[tuple[str, str, str], list[StabilizerDifference]] = {}
    for one in found:
        by_names.setdefault((one.method, one.first, one.second), []).append(one)
    merged = []
    for names, ones in by_names.items():
        if len(ones) == 1:
            merged += ones
            continue
        mean, std = (over_seeds([getattr(one, name).value for one in ones]) for name in ("mean", "std"))
        merged.append(StabilizerDifference(*names, tuple(seed for one in ones for seed in one.seeds), mean, std))
    return merged
