"""The picture of a search with and without a bound on accuracy."""

from dataclasses import dataclass

import numpy as np

from scarlet_tf.figures.constraint_study import constraint_figure, reached


@dataclass(frozen=True)
class Network:
    accuracy: float
    madds: int
    params: int = 1


FRONT = [Network(0.5, 10), Network(0.45, 15), Network(0.7, 20)]  # the second is on it for its params


def test_what_is_reached_with_so_many_madds():
    np.testing.assert_array_equal(
        reached([FRONT, [Network(0.6, 12)]], np.array([5, 10, 15, 20, 30])),
        [[np.nan, 0.5, 0.5, 0.7, 0.7], [np.nan, np.nan, 0.6, 0.6, 0.6]],
    )


def test_the_figure_draws_means_and_medians():
    skips = {"without": np.array([[0.1, 0.2], [0.3, 0.6]]), "with": np.zeros((2, 2))}
    other = [Network(0.7, 10), Network(0.9, 20)]
    fronts = {"without": [FRONT, other], "with": [other, other]}
    left, middle, right = constraint_figure(skips, 1 / 3, fronts, 0.55).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [0.2, 0.4])
    np.testing.assert_allclose(left.lines[1].get_ydata(), [0, 0])
    for axes in (middle, right):
        x, y = axes.lines[0].get_data()
        np.testing.assert_allclose((x[0] * 1e6, x[-1] * 1e6), (10, 20))
        np.testing.assert_allclose((y[0], y[-1]), (0.6, 0.8))
    assert right.get_ylim()[0] > 0.5 > middle.get_ylim()[0]
