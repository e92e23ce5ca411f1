"""How well scores of networks order them as the truth does, with bootstrap intervals. Never imports TensorFlow."""

from collections.abc import Callable, Sequence

import numpy as np
import scipy

from scarlet_tf.analysis.estimate import CONFIDENCE, Estimate

RESAMPLES = 1000
MIN_NETWORKS = 20
"""Networks below which an interval over networks would say nothing."""

Statistic = Callable[..., float]
"""Of some arrays (networks,), in the same order of networks."""


def _defined(correlation: float) -> float:
    return 0.0 if np.isnan(correlation) else float(correlation)


def kendall_tau(scores: Sequence[float], truth: Sequence[float]) -> float:
    """Kendall's tau-b of `scores` and `truth` (networks,): 1 for the same order, 0 for none at all.

    A tie is a pair that is not ordered. Where all scores are the same, which leaves tau-b undefined, 0.
    """
    return _defined(scipy.stats.kendalltau(scores, truth).statistic)


def spearman_rho(scores: Sequence[float], truth: Sequence[float]) -> float:
    """Spearman's rank correlation of `scores` and `truth` (networks,); 0 where all scores are the same."""
    if np.ptp(scores) == 0 or np.ptp(truth) == 0:
        return 0.0
    return _defined(scipy.stats.spearmanr(scores, truth).statistic)


def top_k_regret(scores: Sequence[float], truth: Sequence[float], k: int) -> float:
    """By how much the best of all networks is truly better than the best of the `k` of highest score.

    Of equal scores the truly worse networks come first, so that ties flatter nobody. Raises ValueError where there are
    fewer than `k` networks.
    """
    scores, truth = np.asarray(scores, float), np.asarray(truth, float)
    if not 1 <= k <= len(scores):
        raise ValueError(f"k must be from 1 to the number of networks, {len(scores)}. Received: {k}.")
    best_first = np.lexsort((truth, -scores))
    return float(truth.max() - truth[best_first[:k]].max())


def bootstrapped_over_networks(statistic: Statistic, *samples: Sequence[float], seed: int = 0) -> Estimate:
    """`statistic` of `samples` (networks,), with the percentile interval over draws of the networks.

    All samples are drawn together, so that a difference of two of them is a paired one. Draws of which the statistic is
    NaN, as it is not defined, are passed over. Raises ValueError for fewer than MIN_NETWORKS networks.
    """
    if len(samples[0]) < MIN_NETWORKS:
        raise ValueError(f"An interval needs at least {MIN_NETWORKS} networks. Received: {len(samples[0])}.")
    arrays = [np.asarray(sample, float) for sample in samples]
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(arrays[0]), size=(RESAMPLES, len(arrays[0])))
    values = [statistic(*(array[draw] for array in arrays)) for draw in draws]
    low, high = np.nanquantile(values, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return Estimate(statistic(*arrays), float(low), float(high))
