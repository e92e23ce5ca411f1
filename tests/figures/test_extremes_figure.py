"""The picture of the smallest and the largest network: what is drawn where."""

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from scarlet_tf.analysis.estimate import Estimate
from scarlet_tf.arch.cost import Cost
from scarlet_tf.figures.canvas import write_figure
from scarlet_tf.figures.extremes_study import MeasuredNetwork, extremes_figure

SMALL = MeasuredNetwork("small", Cost(2_000_000, 100_000), (0,), (Estimate(0.8, 0.78, 0.82),))
LARGE = MeasuredNetwork(
    "large", Cost(40_000_000, 900_000), (0, 1), (Estimate(0.9, 0.89, 0.915), Estimate(0.99, 0.985, 1.0))
)


@pytest.fixture(scope="module")
def figure():
    return extremes_figure((SMALL, LARGE), "a title")


def test_marks_are_accuracies_with_their_intervals_at_their_costs(figure):
    for axes, (small_cost, large_cost) in zip(figure.axes, ((2, 40), (0.1, 0.9)), strict=True):
        small, large = (one for one in axes.containers if isinstance(one, ErrorbarContainer))
        np.testing.assert_allclose(small[0].get_xdata(), [small_cost])
        np.testing.assert_allclose(small[2][0].get_segments()[0][:, 1], [0.78, 0.82])
        np.testing.assert_allclose(large[0].get_ydata(), [0.9, 0.99])
        np.testing.assert_allclose(large[0].get_xdata(), [large_cost] * 2, rtol=0.05)
        assert len(set(large[0].get_xdata())) == 2  # beside each other
        np.testing.assert_allclose(large[2][0].get_segments()[0][:, 1], [0.89, 0.915])
        assert axes.get_xscale() == "log"


def test_all_of_it_is_in_sight_and_named(figure):
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert low < 0.78
        assert high >= 1.0
        assert [text.get_text().split("\n")[0] for text in axes.texts] == ["small", "large"]
    assert [text.get_text().split("\n")[1] for text in figure.axes[0].texts] == ["2 M", "40 M"]


def test_networks_that_cost_the_same_are_drawn(tmp_path):
    write_figure(tmp_path / "same.png", extremes_figure((SMALL, SMALL), "a title"))
    assert (tmp_path / "same.png").stat().st_size > 10_000


def test_no_network_is_refused():
    with pytest.raises(ValueError, match="1 to 3"):
        extremes_figure((), "")
