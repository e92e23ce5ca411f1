"""Means with intervals, against the normal approximation, a bootstrap by hand, and Student's table."""

import numpy as np
import pytest

from scarlet_tf.analysis.intervals import Estimate, bootstrap_interval, student_interval


def test_bootstrap_is_near_the_normal_interval_of_many_values():
    values = np.random.default_rng(0).normal([0.0, 5.0], [1.0, 0.1], (400, 2))
    low, high = bootstrap_interval(values)
    mean, half = values.mean(axis=0), 1.96 * values.std(axis=0, ddof=1) / np.sqrt(400)
    np.testing.assert_allclose((low + high) / 2, mean, atol=0.1 * half.max())
    np.testing.assert_allclose((high - low) / 2, half, rtol=0.05)


def test_bootstrap_is_between_percentiles_of_resampled_means():
    values = np.random.default_rng(1).exponential(size=30)  # skewed, as a normal interval is not
    rng = np.random.default_rng(2)
    means = [rng.choice(values, 30).mean() for _ in range(20_000)]
    np.testing.assert_allclose(bootstrap_interval(values), np.percentile(means, [2.5, 97.5]), rtol=0.02)


def test_bootstrap_is_the_same_again_and_of_no_width_where_nothing_varies():
    values = np.random.default_rng(3).normal(size=(25, 3))
    values[:, 1] = 0.25
    first, again = bootstrap_interval(values), bootstrap_interval(values)
    np.testing.assert_array_equal(first, again)
    assert first[:, 1].tolist() == [0.25, 0.25]
    assert (first[1, [0, 2]] > first[0, [0, 2]]).all()


def test_student_is_that_of_the_table():
    interval = student_interval(np.array([[1.0, 0.5], [2.0, 0.5], [3.0, 0.5]]))
    half = 4.302653 / np.sqrt(3)  # of 2 degrees of freedom
    np.testing.assert_allclose(interval[:, 0], [2 - half, 2 + half], atol=1e-5)
    np.testing.assert_allclose(interval[:, 1], [0.5, 0.5])


def test_estimate_of_several_seeds_is_as_sure_as_the_seeds_agree():
    images = np.random.default_rng(4).normal(0, 0.01, 50)
    values = np.array([[1.0], [2.0], [3.0]]) + images  # (seeds, images): images hardly differ, seeds do
    estimate = Estimate.of(values)
    assert estimate.mean == pytest.approx(2, abs=0.01)
    np.testing.assert_allclose(estimate.over_images, bootstrap_interval(2 + images))
    np.testing.assert_allclose(estimate.over_seeds, student_interval(values.mean(axis=1)))
    assert estimate.interval is estimate.over_seeds
    assert estimate.sign() == 0  # -0.48 to 4.48
    alone = Estimate.of(values[:1])
    assert alone.over_seeds is None
    assert alone.interval is alone.over_images
    assert alone.sign() == 1
    assert Estimate.of(-values[:1]).sign() == -1


def test_a_part_of_an_estimate_is_the_estimate_of_that_part():
    values = np.random.default_rng(5).normal(size=(2, 30, 4))
    whole = Estimate.of(values)
    part, expected = whole.at(2), Estimate.of(values[..., 2])
    assert part.mean == pytest.approx(expected.mean)
    np.testing.assert_allclose(part.over_images, expected.over_images)
    np.testing.assert_allclose(part.over_seeds, expected.over_seeds)
    assert set(part.to_dict()) == {"mean", "over_images", "over_seeds"}
