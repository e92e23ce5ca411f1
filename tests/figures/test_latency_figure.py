"""The picture of predicted against measured latency."""

import numpy as np
import pytest
from matplotlib.image import imread

from scarlet_tf.figures.latency import latency_figure, plot_latency
from scarlet_tf.latency.fitting import Prediction


def predictions(num_networks, low, high):
    rng = np.random.default_rng(0)
    return [Prediction((0,), ms, ms * rng.uniform(0.9, 1.1)) for ms in rng.uniform(low, high, num_networks)]


def test_networks_are_at_what_was_measured_and_predicted():
    fitted, held_out = predictions(5, 8, 20), predictions(3, 10, 12)
    (axes,) = latency_figure(fitted, held_out).axes
    _, *scatters = axes.collections
    for scatter, networks in zip(scatters, (fitted, held_out), strict=True):
        expected = [(one.measured_ms, one.predicted_ms) for one in networks]
        np.testing.assert_allclose(scatter.get_offsets(), expected)
        assert axes.get_xlim()[0] < min(map(min, expected))
        assert axes.get_ylim()[1] > max(map(max, expected))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["±10%", "5 fitted", "3 held out"]


@pytest.mark.parametrize(("low", "high"), [(0.01, 0.02), (8, 20), (900, 5000)])
def test_no_text_is_cut_or_overlaps_another(low, high, check_legible):
    title = "s2, 224 px, Intel(R) Xeon(R) Processor"
    check_legible(latency_figure(predictions(20, low, high), predictions(20, low, high), title))


def test_file_is_a_picture(tmp_path):
    plot_latency(tmp_path / "latency.png", [], predictions(4, 1, 2))
    assert imread(tmp_path / "latency.png")[..., :3].std() > 0.05
    assert [path.name for path in tmp_path.iterdir()] == ["latency.png"]


def test_no_network_is_refused():
    with pytest.raises(ValueError, match="at least one network"):
        latency_figure([], [])
