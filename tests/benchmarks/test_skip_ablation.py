"""Skips of the survivors with and without an accuracy constraint."""

import numpy as np

from benchmarks.skip_ablation import measure, skip_figure


def test_where_only_networks_without_skips_are_accurate_nobody_skips(known):
    skips = measure(known, {"without": 0.0, "with": 0.8}, population=8, generations=4, seeds=2)
    assert skips["without"].shape == skips["with"].shape == (2, 4)
    assert (skips["with"] == 0).all()
    assert (skips["without"] > 0).all()


def test_at_most_one_skip_of_four_slots_is_a_quarter(known):
    skips = measure(known, {"with": 0.6}, population=8, generations=3, seeds=1)["with"]
    assert 0 < skips.max() <= 0.25


def test_the_figure_draws_the_medians(known):
    skips = {"one": np.array([[0.1, 0.2], [0.3, 0.6], [0.2, 0.9]]), "other": np.zeros((3, 2))}
    (axes,) = skip_figure(skips, 1 / 3).axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [0.2, 0.6])
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [0, 0])
