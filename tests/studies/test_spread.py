"""Intervals over seeds and over networks, beside SciPy's and answers computed by hand."""

import warnings

import numpy as np
import pytest
from scipy import stats

from scarlet_tf.studies.spread import Spread, over_networks, over_seeds


def test_from_five_seeds_on_the_interval_is_students():
    values = [1.0, 2.0, 4.0, 4.5, 7.0]
    spread = over_seeds(values)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    np.testing.assert_allclose((spread.low, spread.high), expected)
    assert spread.value == pytest.approx(3.7)
    assert spread.kind == "95% interval over 5 seeds"


def test_fewer_seeds_have_a_range_and_say_so():
    spread = over_seeds([3.0, 1.0, 2.0])
    assert spread == Spread(2.0, 1.0, 3.0, "range over 3 seeds")
    assert spread.phrase("{:.1f}", "%") == "2.0% (range over 3 seeds 1.0 to 3.0)"
    assert spread.cell("{:.1f}") == "2.0 [1.0, 3.0]"


def test_one_seed_has_no_spread():
    spread = over_seeds([2.0])
    assert (spread.phrase("{:.1f}"), spread.cell("{:.1f}")) == ("2.0 (one seed)", "2.0")


def test_seeds_that_agree_have_an_interval_of_no_width():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spread = over_seeds([2.0] * 6)
    assert (spread.value, spread.low, spread.high) == (2.0, 2.0, 2.0)


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [[1.0], [2.0]]])
def test_values_that_are_none(values):
    with pytest.raises(ValueError, match="one a seed"):
        over_seeds(values)


@pytest.mark.parametrize(
    ("low", "high", "direction"), [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.1, 0), (-0.1, 0.0, 0)]
)
def test_an_interval_that_holds_zero_decides_nothing(low, high, direction):
    assert Spread((low + high) / 2, low, high, "").direction == direction


def test_the_interval_of_a_mean_over_networks_is_about_the_normal_one():
    values = np.random.default_rng(3).normal(5.0, 2.0, 400)
    spread = over_networks(lambda networks: values[networks].mean(axis=-1), len(values))
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert spread.value == pytest.approx(values.mean())
    assert spread.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert spread.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert spread == over_networks(lambda networks: values[networks].mean(axis=-1), len(values))


def test_resamples_without_a_value_are_passed_over():
    def share_of_the_first(networks):
        count = (networks == 0).sum(axis=-1).astype(float)
        return np.where(count > 0, count, np.nan)

    spread = over_networks(share_of_the_first, 12)
    assert (spread.value, spread.low) == (1.0, 1.0)
    assert spread.high >= 3.0


def test_nine_networks_are_too_few():
    with pytest.raises(ValueError, match="at least 10"):
        over_networks(lambda networks: networks.mean(axis=-1), 9)
