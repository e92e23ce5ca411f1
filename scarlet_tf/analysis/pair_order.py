"""Pairs of networks whose order, by the truth, one-shot accuracies get wrong. Never imports TensorFlow."""

from collections.abc import Sequence

import numpy as np
import scipy

_ROUNDING = 1e-9


def apart(truth: Sequence[float] | np.ndarray, margin: float) -> np.ndarray:
    """(n, n) bool: whether the network of the row is truly better than that of the column, by at least `margin`."""
    truth = np.asarray(truth, float)
    difference = truth[:, None] - truth
    return (difference > 0) & (difference >= margin - _ROUNDING)


def wrongness(accuracies: Sequence[float] | np.ndarray) -> np.ndarray:
    """(n, n): how wrong `accuracies` are where the network of the row is the better one: 1 where its accuracy is the
    lower one, 0 where it is the higher, and 1/2 where they are equal, as of an order drawn by lot."""
    accuracies = np.asarray(accuracies, float)
    return (1 - np.sign(accuracies[:, None] - accuracies)) / 2


def two_by_two(wrong: np.ndarray, other_wrong: np.ndarray, pairs: np.ndarray) -> dict[str, float]:
    """How many of the `pairs` (n, n) are ordered wrongly by both, by the first or by the other alone, or by none.

    wrong, other_wrong: (n, n), as `wrongness` has them. Of a tie, which is half wrong, half a pair counts on each side.
    """
    wrong, other = wrong[pairs], other_wrong[pairs]
    return {
        "both": float(np.sum(wrong * other)),
        "first": float(np.sum(wrong * (1 - other))),
        "other": float(np.sum((1 - wrong) * other)),
        "none": float(np.sum((1 - wrong) * (1 - other))),
    }


def resampled_mean(values: np.ndarray, pairs: np.ndarray, networks: np.ndarray) -> np.ndarray:
    """The mean of `values` (n, n) over `pairs` (n, n) among `networks`, indices (..., m) that may repeat: a pair counts
    as often as it occurs. NaN where there is none. Returns (...)."""
    flat = networks.reshape(-1, networks.shape[-1])
    rows, size = np.arange(len(flat))[:, None] * len(pairs), len(flat) * len(pairs)
    counts = np.bincount((rows + flat).ravel(), minlength=size).reshape(len(flat), len(pairs)).astype(float)
    totals = np.einsum("bi,bi->b", counts @ np.where(pairs, values, 0.0), counts)
    numbers = np.einsum("bi,bi->b", counts @ pairs.astype(float), counts)
    with np.errstate(invalid="ignore"):
        return (totals / numbers).reshape(networks.shape[:-1])


def rank_residuals(truth: Sequence[float] | np.ndarray, accuracies: Sequence[float] | np.ndarray) -> np.ndarray:
    """(n,): how much higher each network ranks by `accuracies` than is usual for its truth, in percent of the networks.

    Both are replaced by their ranks, so that their scales do not matter; a residual is that of the line which fits the
    ranks best. Without the line, as a plain difference of ranks, bad networks would look overestimated and good ones
    underestimated wherever accuracies are noisy. Raises ValueError where all truths are equal.
    """
    true_ranks, ranks = (100 * scipy.stats.rankdata(values) / len(values) for values in (truth, accuracies))
    line = scipy.stats.linregress(true_ranks, ranks)
    return (ranks - (line.intercept + line.slope * true_ranks)).round(9)  # who is on the line is on no side of it


def slope(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """That of the least-squares line of `y` over `x`, both (..., n), along the last axis. NaN where x is constant."""
    x = x - x.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (x * y).sum(axis=-1) / (x * x).sum(axis=-1)


def worst_pairs(
    truth: Sequence[float] | np.ndarray,
    mistaken: Sequence[float] | np.ndarray,
    right: Sequence[float] | np.ndarray,
    margin: float,
    most: int,
) -> list[tuple[int, int]]:
    """Up to `most` pairs (better, worse) that accuracies `mistaken` order wrongly and accuracies `right` rightly.

    Those whose truths are furthest apart come first, at least `margin`; each network is in one pair at most, or one
    that is badly misjudged would be in all of them.
    """
    truth = np.asarray(truth, float)
    found = apart(truth, margin) & (wrongness(mistaken) == 1) & (wrongness(right) == 0)
    better, worse = np.nonzero(found)
    chosen: list[tuple[int, int]] = []
    taken: set[int] = set()
    for place in np.argsort(truth[worse] - truth[better], kind="stable"):
        pair = int(better[place]), int(worse[place])
        if len(chosen) < most and not taken & set(pair):
            chosen.append(pair)
            taken |= set(pair)
    return chosen
