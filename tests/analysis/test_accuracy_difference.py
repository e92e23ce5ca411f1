"""Paired differences of accuracies against scipy, by hand, and by simulation."""

import numpy as np
import pytest
from scipy import stats

from scarlet_tf.analysis.accuracy_difference import accuracy_difference


def test_interval_is_that_of_paired_student():
    rng = np.random.default_rng(0)
    second = rng.random(500) < 0.6
    first = second ^ (rng.random(500) < 0.1)
    difference = accuracy_difference(first, second)
    expected = stats.ttest_rel(first.astype(float), second.astype(float)).confidence_interval(0.95)
    assert difference.value == pytest.approx(first.mean() - second.mean())
    assert (difference.low, difference.high) == pytest.approx((expected.low, expected.high))


def test_by_hand():
    """Differences 1, -1, 0, 1, 0: mean 0.2, variance 0.7; Student's 97.5% quantile of 4 degrees is 2.776."""
    difference = accuracy_difference(np.array([1, 0, 0, 1, 1]), np.array([0, 1, 0, 0, 1]))
    reach = 2.7764451 * (0.7 / 5) ** 0.5
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.2, 0.2 - reach, 0.2 + reach))


def test_networks_that_agree_on_all_images_may_differ_on_others():
    """Of n images none differs: with 2.5% chance so where a share 1 - 0.025^(1 / n) does (Clopper and Pearson)."""
    same = np.ones(200, bool)
    difference = accuracy_difference(same, same)
    reach = 1 - 0.025 ** (1 / 200)
    assert (difference.value, difference.low, difference.high) == pytest.approx((0, -reach, reach))


def test_interval_covers_the_truth_in_95_percent():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        outcome = rng.choice(3, size=400, p=(0.06, 0.1, 0.84))  # first alone right, second alone right, alike
        difference = accuracy_difference(outcome != 1, outcome != 0)
        covered += difference.low <= -0.04 <= difference.high
    assert 0.935 < covered / 2000 < 0.965


def test_one_image_is_refused():
    with pytest.raises(ValueError, match="at least 2 images"):
        accuracy_difference(np.array([True]), np.array([False]))
