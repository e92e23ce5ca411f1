import numpy as np
from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from scarlet_tf.search import Individual, Objective, SearchResult
from scarlet_tf.search.objectives import EQUATION_4
from scarlet_tf.search.selection import survive


def one(madds, accuracy, params=0, genotype=(0,), **measures):
    measures = {"acc": accuracy, "madds": madds, "params": params, **measures}
    return Individual(genotype, measures, 0, "sample", ())


def weighted(acc, madds, params):
    return (Objective("acc", "max", acc), Objective("madds", "min", madds), Objective("params", "max", params))


def test_survivors_are_those_of_pymoo_where_weights_are_equal():
    rng = np.random.default_rng(0)
    pymoo = get_crowding_function("cd")
    for _ in range(50):
        rows = rng.integers(0, 8, size=(30, 3))
        survivors = survive([one(m, a / 10, p) for a, m, p in rows], 15, weighted(1 / 3, 1 / 3, 1 / 3))
        objectives = rows * [-1.0, 1, -1]
        fronts, ranks = NonDominatedSorting().do(objectives, return_rank=True)
        assert survivors.ranks.tolist() == sorted(ranks)[:15]
        last = fronts[survivors.ranks[-1]]
        taken = int((survivors.ranks == survivors.ranks[-1]).sum())
        best = np.sort(pymoo.do(objectives[last]))[::-1][:taken]
        np.testing.assert_allclose(survivors.crowding[-taken:], best / 3)


def test_weights_decide_who_survives():
    # a front of equal params; of the two inner points, one is lonely in accuracy and one in MAdds
    rows = [(0, 0.0), (10, 0.50), (60, 0.55), (100, 1.0)]
    individuals = [one(madds, accuracy) for madds, accuracy in rows]
    # accuracy gaps: .55 and .5; MAdds gaps: .6 and .9
    by_accuracy = survive(individuals, 3, weighted(1, 0, 0)).individuals
    by_madds = survive(individuals, 3, weighted(0, 1, 0)).individuals
    assert {individual.madds for individual in by_accuracy} == {0, 10, 100}
    assert {individual.madds for individual in by_madds} == {0, 60, 100}


def test_parameters_are_maximised():
    few, many = one(5, 0.5, params=1), one(5, 0.5, params=2)
    assert survive([few, many], 1, EQUATION_4).individuals == (many,)


def test_any_measure_is_minimised_or_maximised_as_told():
    slow, fast = one(5, 0.5, latency=3.0), one(5, 0.5, latency=2.0)
    assert survive([slow, fast], 1, (Objective("latency", "min", 1.0),)).individuals == (fast,)
    assert survive([fast, slow], 1, (Objective("latency", "max", 1.0),)).individuals == (slow,)


def picks_along(objectives, individuals, k):
    return SearchResult(objectives, tuple(individuals), (), (), {}, ()).picks(k)


def test_picks_go_along_the_cost_that_weighs_most():
    # by latency a line of three; by MAdds the first two are beaten by the third
    front = [one(30, 0.1, latency=1.0), one(20, 0.2, latency=2.0), one(10, 0.3, latency=3.0)]
    latency = (Objective("acc", "max", 0.5), Objective("madds", "min", 0.1), Objective("latency", "min", 0.4))
    assert picks_along(latency, front, 3) == tuple(front)
    assert picks_along(latency, front, 1) == (front[1],)
    assert picks_along(EQUATION_4, front, 1) == (front[2],)
