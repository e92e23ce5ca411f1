"""The contest of searches in a known space."""

import numpy as np
import pytest

from benchmarks.search_quality import CONTENDERS, OBJECTIVES, ours, pymoo_nsga2, quality_figure, random_search


@pytest.mark.parametrize("contender", [ours, pymoo_nsga2])
def test_a_contender_evaluates_as_many_different_networks_as_it_may(known, contender):
    run = contender(known, 40, seed=1, population=10)
    assert len(run) == len(set(run)) == 40
    assert set(run) <= set(known.genotypes)
    assert run == contender(known, 40, seed=1, population=10)
    assert run != contender(known, 40, seed=2, population=10)


def test_random_search_of_all_networks_finds_all_there_is(known):
    run = random_search(known, 81, seed=0)
    assert sorted(run) == known.genotypes
    assert known.hypervolume_shares(run, OBJECTIVES, [81]) == pytest.approx([1.0])
    assert run[:5] != random_search(known, 5, seed=1)


def test_the_figure_has_a_curve_of_each_contender_and_the_true_front(known):
    runs = {name: [random_search(known, 20, seed) for seed in range(3)] for name in CONTENDERS}
    shares = {
        name: np.array([known.hypervolume_shares(run, OBJECTIVES, (10, 20)) for run in of_seeds])
        for name, of_seeds in runs.items()
    }
    missing, fronts = quality_figure(known, runs, shares, (10, 20)).axes
    assert [line.get_label() for line in missing.lines] == list(CONTENDERS)
    expected = np.median(1 - shares["random"], axis=0)
    np.testing.assert_allclose(missing.lines[-1].get_ydata(), expected)
    assert list(fronts.lines[0].get_xdata()) == [one.madds / 1e6 for one in known.front(OBJECTIVES)]
