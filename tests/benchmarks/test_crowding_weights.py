"""How evenly survivors are spaced along an objective."""

import numpy as np
import pytest

from benchmarks.crowding_weights import DIRECTIONS, mean_gap, measure, objectives, weights_figure


def test_the_mean_gap_is_the_expected_length_of_the_one_that_a_random_point_hits():
    positions = np.array([[0.25, 0.0], [0.5, 1.0], [0.75, 0.1]])
    assert mean_gap(positions) == pytest.approx([4 * 0.25**2, 0.1**2 + 0.9**2])
    rng = np.random.default_rng(0)
    places = np.sort(rng.uniform(size=20))
    edges = np.concatenate([[0], places, [1]])
    hit = np.searchsorted(edges, rng.uniform(size=200_000))
    assert mean_gap(places[:, None])[0] == pytest.approx((edges[hit] - edges[hit - 1]).mean(), rel=0.01)


def test_each_objective_weighs_most_once():
    for heavy in DIRECTIONS:
        weights = {one.measure: one.weight for one in objectives(heavy)}
        assert weights == {name: 0.8 if name == heavy else 0.1 for name in DIRECTIONS}


def test_survivors_are_scaled_to_the_true_front(known):
    survivors = measure(known, acc_min=0.4, population=10, generations=3, seeds=2)
    assert list(survivors) == list(DIRECTIONS)
    for runs in survivors.values():
        assert [run.shape for run in runs] == [(10, 3)] * 2
        assert min(run.min() for run in runs) >= 0
        assert max(run.max() for run in runs) <= 1
        # above 0.4 are accuracies of 0.5, 0.7 and 0.9 only
        assert set(np.unique(np.concatenate(runs)[:, 0]).round(9)) <= {0, 0.5, 1}
    assert len(weights_figure(survivors).axes) == 3
