"""Orders of networks compared: against SciPy, against counting, and by hand."""

import itertools

import numpy as np
import pytest
from scipy import stats

from scarlet_tf.analysis.correlation import (
    MIN_NETWORKS,
    bootstrapped_over_networks,
    kendall_tau,
    spearman_rho,
    top_k_regret,
)


def counted_tau(scores, truth):
    """Tau-b by going over all pairs."""
    pairs = list(itertools.combinations(range(len(scores)), 2))
    signs = np.array([(np.sign(scores[i] - scores[j]), np.sign(truth[i] - truth[j])) for i, j in pairs])
    return signs.prod(axis=1).sum() / np.sqrt(np.abs(signs).sum(axis=0).prod())


@pytest.mark.parametrize("levels", [5, 1000])  # with many ties and with next to none
def test_correlations_are_those_of_their_definitions(levels):
    rng = np.random.default_rng(levels)
    truth = rng.integers(levels, size=40)
    scores = truth + rng.integers(levels, size=40)
    assert kendall_tau(scores, truth) == pytest.approx(counted_tau(scores, truth), abs=1e-12)
    ranks = stats.rankdata(scores), stats.rankdata(truth)
    assert spearman_rho(scores, truth) == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-12)


def test_scores_that_are_all_the_same_order_nothing():
    assert kendall_tau([0.1] * 5, range(5)) == 0.0
    assert spearman_rho([0.1] * 5, range(5)) == 0.0


def test_top_k_regret_by_hand():
    truth = [0.90, 0.93, 0.91, 0.95]
    assert top_k_regret([0.4, 0.3, 0.2, 0.1], truth, 1) == pytest.approx(0.05)
    assert top_k_regret([0.4, 0.3, 0.2, 0.1], truth, 2) == pytest.approx(0.02)
    assert top_k_regret([0.4, 0.3, 0.2, 0.1], truth, 4) == 0.0


def test_ties_flatter_nobody():
    truth = [0.90, 0.93, 0.91, 0.95]
    assert top_k_regret([0.3, 0.3, 0.3, 0.3], truth, 2) == pytest.approx(0.95 - 0.91)


@pytest.mark.parametrize("k", [0, 5])
def test_k_is_one_of_the_networks(k):
    with pytest.raises(ValueError, match=rf"k must be from 1 to the number of networks, 4\. Received: {k}"):
        top_k_regret([1, 2, 3, 4], [1, 2, 3, 4], k)


def test_interval_is_near_scipys():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=150)
    scores = truth + rng.normal(size=150)
    ours = bootstrapped_over_networks(kendall_tau, scores, truth)
    theirs = stats.bootstrap(
        (scores, truth), kendall_tau, paired=True, vectorized=False, n_resamples=1000, method="percentile", rng=rng
    ).confidence_interval
    assert ours.value == kendall_tau(scores, truth)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.015)


def test_samples_are_drawn_together():
    rng = np.random.default_rng(0)
    scores, truth = rng.normal(size=(2, 50))
    difference = bootstrapped_over_networks(
        lambda a, b, t: kendall_tau(a, t) - kendall_tau(b, t), scores, scores, truth
    )
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)


def test_too_few_networks_give_no_interval():
    few = np.arange(MIN_NETWORKS - 1)
    with pytest.raises(ValueError, match=rf"at least {MIN_NETWORKS} networks\. Received: {MIN_NETWORKS - 1}"):
        bootstrapped_over_networks(kendall_tau, few, few)


def test_draws_of_which_the_statistic_is_not_defined_are_passed_over():
    def first_alone(drawn):
        return 1.0 if (drawn == 0).any() else np.nan

    estimate = bootstrapped_over_networks(first_alone, np.arange(30))
    assert (estimate.value, estimate.low, estimate.high) == (1.0, 1.0, 1.0)
