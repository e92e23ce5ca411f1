import numpy as np
import pytest
from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from scarlet_tf.search.pareto import crowding_distance, non_dominated, non_dominated_sort, pick_equidistant

INF = np.inf


def random_objectives(seed):
    """Sets of 1 to 40 rows and 1 to 4 objectives: continuous, of few values (ties), with repeated rows, and
    with an objective that is the same everywhere."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 41), rng.integers(1, 5)
    values = rng.normal(size=(n, m)) * 10.0 ** rng.integers(-6, 9, size=m)
    if seed % 2:
        values = rng.integers(0, rng.integers(2, 12), size=(n, m)).astype(float)
    if seed % 3 == 0:
        values = values[rng.integers(0, n, size=n)]
    if seed % 7 == 0:
        values[:, rng.integers(m)] = 0.3
    return values


@pytest.mark.parametrize("chunk", range(4))
def test_fronts_equal_those_of_pymoo(chunk):
    for seed in range(chunk * 100, chunk * 100 + 100):
        objectives = random_objectives(seed)
        ours, theirs = non_dominated_sort(objectives), NonDominatedSorting().do(objectives)
        assert [list(front) for front in ours] == [list(front) for front in theirs], seed
        assert non_dominated(objectives).tolist() == list(theirs[0]), seed


@pytest.mark.parametrize("chunk", range(4))
def test_crowding_distance_equals_that_of_pymoo(chunk):
    pymoo = get_crowding_function("cd")
    for seed in range(chunk * 100, chunk * 100 + 100):
        objectives = random_objectives(seed)
        np.testing.assert_allclose(crowding_distance(objectives), pymoo.do(objectives), rtol=1e-12, err_msg=str(seed))


def test_fronts_by_hand():
    objectives = [[1, 4], [2, 2], [4, 1], [2, 3], [4, 4], [2, 2]]
    assert [front.tolist() for front in non_dominated_sort(objectives)] == [[0, 1, 2, 5], [3], [4]]


def test_nobody_has_no_front():
    assert non_dominated_sort(np.empty((0, 3))) == []
    assert non_dominated(np.empty((0, 3))).tolist() == []


FRONT = [[0, 10], [1, 6], [3, 5], [4, 0]]  # ranges 4 and 10


def test_weighted_crowding_distance_by_hand():
    # row 1: gaps 3/4 and 5/10; row 2: gaps 3/4 and 6/10; the mean over two objectives
    expected = [INF, (0.4 * 0.75 + 0.2 * 0.5) / 2, (0.4 * 0.75 + 0.2 * 0.6) / 2, INF]
    np.testing.assert_allclose(crowding_distance(FRONT, [0.4, 0.2]), expected, rtol=1e-12)


def test_no_weights_are_weights_of_one():
    np.testing.assert_array_equal(crowding_distance(FRONT, [1, 1]), crowding_distance(FRONT))
    np.testing.assert_allclose(crowding_distance(FRONT), [INF, 0.625, 0.675, INF], rtol=1e-12)


def test_boundaries_of_an_objective_without_weight_stay_infinite():
    rows = [[0, 5], [1, 9], [2, 1], [3, 4]]
    np.testing.assert_array_equal(np.isinf(crowding_distance(rows, [1, 0])), [True, True, True, True])
    np.testing.assert_allclose(crowding_distance(FRONT, [0, 0]), [INF, 0, 0, INF])


def test_weights_decide_between_points_crowded_in_different_objectives():
    rows = [[0, 100], [5, 52], [6, 50], [11, 2], [100, 0]]
    by_first, by_second = crowding_distance(rows, [1, 0]), crowding_distance(rows, [0, 1])
    assert by_first[3] > by_first[1]
    assert by_second[3] == by_second[1]


@pytest.mark.parametrize("weights", [[1], [1, 1, 1], [[1, 1]], [-1, 2], [np.nan, 1], [INF, 1]])
def test_bad_weights_are_refused(weights):
    with pytest.raises(ValueError, match="weights must be 2 finite numbers"):
        crowding_distance(FRONT, weights)


@pytest.mark.parametrize("objectives", [[1, 2, 3], [[1, np.nan]], [[[1]]]])
def test_bad_objectives_are_refused(objectives):
    for function in (non_dominated_sort, crowding_distance):
        with pytest.raises(ValueError, match="objectives must be finite numbers of shape"):
            function(objectives)


def test_arguments_are_not_changed():
    objectives = np.array(FRONT, float)
    weights = np.array([0.4, 0.6])
    non_dominated_sort(objectives)
    crowding_distance(objectives, weights)
    np.testing.assert_array_equal(objectives, FRONT)
    np.testing.assert_array_equal(weights, [0.4, 0.6])


def test_picks_on_a_straight_front_are_equally_spaced():
    madds = np.arange(11)
    shuffled = np.random.default_rng(0).permutation(11)
    front = np.stack([madds, -madds], axis=1)[shuffled]
    assert front[pick_equidistant(front, 3), 0].tolist() == [0, 5, 10]
    assert front[pick_equidistant(front, 6), 0].tolist() == [0, 2, 4, 6, 8, 10]
    assert front[pick_equidistant(front, 1), 0].tolist() == [5]
    assert front[pick_equidistant(front, 2), 0].tolist() == [0, 10]


def test_picks_go_by_distance_along_the_front_not_by_count():
    # nine points crowd at the start; halfway by length lies the tenth
    front = [[0.01 * i, 1 - 0.01 * i] for i in range(9)] + [[0.5, 0.5], [1, 0]]
    assert pick_equidistant(front, 3).tolist() == [0, 9, 10]


def test_picks_do_not_depend_on_units():
    front = np.array([[0, 1], [0.2, 0.5], [0.5, 0.4], [1, 0]])
    np.testing.assert_array_equal(pick_equidistant(front * [3e8, -0.01] * [1, -1], 3), pick_equidistant(front, 3))


def test_picks_are_distinct_where_points_coincide():
    assert pick_equidistant([[1, 1]] * 5, 3).tolist() == [0, 1, 4]
    assert sorted(pick_equidistant([[0, 1]] * 5 + [[1, 0]], 4)) == [0, 1, 2, 5]


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_front_no_longer_than_k_is_taken_whole(n):
    front = np.stack([-np.arange(n), np.arange(n)], axis=1)
    assert pick_equidistant(front, 3).tolist() == list(range(n))[::-1]


def test_k_below_one_is_refused():
    with pytest.raises(ValueError, match="k must be at least 1"):
        pick_equidistant(FRONT, 0)
