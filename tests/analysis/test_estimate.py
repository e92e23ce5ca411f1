"""Intervals, against formulas and by hand."""

import math

import numpy as np
import pytest

from scarlet_tf.analysis.estimate import Estimate, bootstrapped, over_seeds, proportion


def mean(x, axis):
    return x.mean(axis)


def std(x, axis):
    return x.std(axis, ddof=1)


def mean_difference(x, y, axis):
    return x.mean(axis) - y.mean(axis)


@pytest.fixture(scope="module")
def sample():
    return np.random.default_rng(0).normal(0.5, 0.1, 1000)


def test_interval_of_a_mean_is_the_normal_one_for_many_items(sample):
    found = bootstrapped(mean, sample)
    error = sample.std(ddof=1) / math.sqrt(1000)
    assert found.value == pytest.approx(sample.mean())
    assert (found.low, found.high) == pytest.approx(
        (sample.mean() - 1.96 * error, sample.mean() + 1.96 * error), abs=0.1 * error
    )


def test_interval_of_a_standard_deviation_is_the_normal_one_for_many_normal_items(sample):
    found = bootstrapped(std, sample)
    error = sample.std(ddof=1) / math.sqrt(2 * 999)
    assert found.value == pytest.approx(np.std(sample, ddof=1))
    assert (found.low, found.high) == pytest.approx((found.value - 1.96 * error, found.value + 1.96 * error), rel=0.01)


def test_items_are_compared_one_by_one(sample):
    other = sample + np.random.default_rng(1).normal(0.02, 0.01, 1000)
    found = bootstrapped(mean_difference, other, sample)
    paired = bootstrapped(mean, other - sample)
    assert (found.value, found.low, found.high) == pytest.approx((paired.value, paired.low, paired.high))
    assert found.high - found.low < 0.2 * (bootstrapped(mean, sample).high - bootstrapped(mean, sample).low)


@pytest.mark.filterwarnings("error")
def test_items_that_are_all_alike_leave_nothing_open():
    found = bootstrapped(mean, [0.25] * 20)
    assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)
    found = bootstrapped(mean_difference, [0.5, 0.75, 0.25] * 5, [0.25, 0.5, 0.0] * 5)
    assert (found.value, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))


def test_same_seed_gives_the_same_interval(sample):
    assert bootstrapped(mean, sample, seed=3) == bootstrapped(mean, sample, seed=3)
    assert bootstrapped(mean, sample, seed=3) != bootstrapped(mean, sample, seed=4)


def test_interval_over_seeds_by_hand():
    found = over_seeds([1.0, 2.0, 3.0])  # 4.3027 is Student's 97.5% quantile for 2 degrees of freedom
    half = 4.302653 / math.sqrt(3)
    assert (found.value, found.low, found.high) == pytest.approx((2.0, 2 - half, 2 + half))
    assert over_seeds([0.3, 0.3]) == Estimate(0.3, 0.3, 0.3)
    with pytest.raises(ValueError, match=r"at least 2 seeds. Received: shape \(1,\)"):
        over_seeds([1.0])


def test_interval_of_a_share_by_hand():
    z, share, total = 1.959964, 0.8, 10
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    found = proportion(8, 10)
    assert (found.value, found.low, found.high) == pytest.approx((0.8, centre - half, centre + half))
    assert proportion(0, 10).low == 0
    assert proportion(10, 10).high == 1


@pytest.mark.parametrize(("low", "high", "sign"), [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.1, 0)])
def test_sign_is_there_where_the_interval_leaves_zero_out(low, high, sign):
    assert Estimate((low + high) / 2, low, high).sign == sign


def test_estimate_in_percent():
    assert Estimate(0.1234, 0.1, 0.15).percent() == "12.3 [10.0, 15.0]"
    assert Estimate(0.0012, -0.00001, 0.02).percent(2, signed=True) == "+0.12 [+0.00, +2.00]"
