"""Orders of pairs, by answers computed by hand and by counting pair after pair."""

from itertools import permutations

import numpy as np
import pytest

from scarlet_tf.analysis.pair_order import (
    apart,
    rank_residuals,
    resampled_mean,
    slope,
    two_by_two,
    worst_pairs,
    wrongness,
)

TRUTH = [0.5, 0.6, 0.7, 0.7]


def test_pairs_count_from_the_margin_on():
    assert np.argwhere(apart(TRUTH, 0.1)).tolist() == [[1, 0], [2, 0], [2, 1], [3, 0], [3, 1]]
    assert np.argwhere(apart(TRUTH, 0.15)).tolist() == [[2, 0], [3, 0]]


def test_networks_of_equal_truth_are_no_pair_whatever_the_margin():
    assert not apart(TRUTH, 0.0)[2, 3]
    assert not apart(TRUTH, 0.0)[3, 2]


def test_a_tie_is_half_wrong():
    wrong = wrongness([0.3, 0.2, 0.2])
    assert wrong[1, 0] == 1.0  # the better one has the lower accuracy
    assert wrong[0, 1] == 0.0
    assert wrong[1, 2] == wrong[2, 1] == 0.5


def test_a_supernet_that_tells_nothing_apart_is_half_wrong():
    assert wrongness([0.1] * 4)[apart(TRUTH, 0.1)].mean() == 0.5


def test_two_by_two_adds_up_to_all_pairs():
    pairs = apart(TRUTH, 0.1)
    first, other = wrongness([0.1, 0.2, 0.1, 0.3]), wrongness([0.4, 0.3, 0.5, 0.2])
    # pairs          10 20 21 30 31
    # first wrong     0 .5  1  0  0
    # other wrong     1  0  0  1  1
    assert two_by_two(first, other, pairs) == {"both": 0.0, "first": 1.5, "other": 3.0, "none": 0.5}


def test_resampled_mean_counts_a_pair_as_often_as_it_occurs():
    rng = np.random.default_rng(0)
    truth, accuracies = rng.random(6), rng.random(6)
    pairs, wrong = apart(truth, 0.1), wrongness(accuracies)
    drawn = rng.integers(6, size=(2, 3, 6))
    expected = [
        [np.mean([wrong[i, j] for i, j in permutations(networks, 2) if pairs[i, j]]) for networks in row]
        for row in drawn
    ]
    np.testing.assert_allclose(resampled_mean(wrong, pairs, drawn), expected)
    assert resampled_mean(wrong, pairs, np.arange(6)) == pytest.approx(wrong[pairs].mean())


def test_a_resample_without_a_pair_has_no_mean():
    assert np.isnan(resampled_mean(wrongness(TRUTH), apart(TRUTH, 0.1), np.array([2, 3, 3, 2])))


def test_rank_residuals_are_those_of_a_line_through_the_ranks():
    accuracies = [0.10, 0.30, 0.20, 0.90]
    true_ranks, ranks = np.array([25, 50, 87.5, 87.5]), np.array([25, 75, 50, 100])
    b, a = np.polyfit(true_ranks, ranks, 1)
    np.testing.assert_allclose(rank_residuals(TRUTH, accuracies), ranks - (a + b * true_ranks), atol=1e-9)


def test_rank_residuals_favour_neither_good_nor_bad_networks():
    rng = np.random.default_rng(1)
    truth = rng.random(300)
    residuals = rank_residuals(truth, truth + rng.normal(0, 0.5, 300))
    assert np.polyfit(truth.argsort().argsort(), residuals, 1)[0] == pytest.approx(0, abs=1e-8)


def test_slope_is_that_of_polyfit_along_the_last_axis():
    rng = np.random.default_rng(2)
    x, y = rng.random((3, 8)), rng.random((3, 8))
    np.testing.assert_allclose(slope(x, y), [np.polyfit(a, b, 1)[0] for a, b in zip(x, y, strict=True)])
    assert np.isnan(slope(np.ones(4), np.arange(4.0)))


def test_worst_pairs_are_the_furthest_apart_and_share_no_network():
    truth = [0.1, 0.2, 0.3, 0.4, 0.5]
    mistaken = [0.5, 0.4, 0.3, 0.2, 0.1]  # all wrong
    assert worst_pairs(truth, mistaken, truth, 0.1, 5) == [(4, 0), (3, 1)]
    assert worst_pairs(truth, mistaken, truth, 0.1, 1) == [(4, 0)]
    assert worst_pairs(truth, mistaken, truth, 0.25, 5) == [(4, 0)]
    assert worst_pairs(truth, mistaken, mistaken, 0.1, 5) == []
    assert worst_pairs(truth, [0.2] * 5, truth, 0.1, 5) == []  # ties are no mistakes
