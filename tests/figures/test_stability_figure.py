"""The picture of the study of stability: what is drawn where."""

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from scarlet_tf.analysis.course import Course, CurvePoint, ProbePoint
from scarlet_tf.analysis.ranking import RankingHealth
from scarlet_tf.figures.canvas import write_figure
from scarlet_tf.figures.stability_study import COLOURS, METHOD_NAMES, stability_figure


def course(method: str, stabilizer: str, mean: float, seed: int = 0) -> Course:
    accuracies = tuple(np.random.default_rng(seed).normal(mean, 0.05, 50).clip(0, 1).round(3).tolist())
    health = RankingHealth.of(accuracies, 1000, 10)
    curve = tuple(CurvePoint(updates, 2.3 - mean * updates / 100, mean) for updates in (10.0, 50.0, 90.0))
    probes = tuple(ProbePoint(updates, updates / 50, 1000, health) for updates in (50.0, 100.0))
    return Course(method, stabilizer, seed, 100, curve, probes, accuracies, health)


@pytest.fixture(scope="module")
def courses():
    return [course(*names) for names in (("fair", "skip", 0.4), ("spos", "els", 0.8), ("fair", "els", 0.5))]


@pytest.fixture(scope="module")
def panels(courses):
    figure = stability_figure(courses, 10, "a title")
    return np.array(figure.axes).reshape(3, 2)


def test_a_method_has_a_column(panels):
    assert [axes.get_title() for axes in panels[0]] == [METHOD_NAMES["fair"], METHOD_NAMES["spos"]]
    assert len(panels[0, 0].lines) == 2
    assert len(panels[0, 1].lines) == 1


def test_losses_are_the_curves(panels, courses):
    by_colour = {line.get_color(): line for line in panels[0, 0].lines}
    for one in (courses[0], courses[2]):
        line = by_colour[COLOURS[one.stabilizer]]
        np.testing.assert_allclose(line.get_xdata(), [10, 50, 90])
        np.testing.assert_allclose(line.get_ydata(), [point.loss for point in one.curve])


def test_probes_are_mean_std_and_lowest(panels, courses):
    els = courses[2].health
    bars = [one for one in panels[1, 0].containers if isinstance(one, ErrorbarContainer)]
    (line, _, (bar,)) = next(one for one in bars if one[0].get_color() == COLOURS["els"])
    np.testing.assert_allclose(line.get_ydata(), [els.mean] * 2)
    np.testing.assert_allclose(line.get_xdata(), [50, 100], atol=2)
    for segment in bar.get_segments():
        np.testing.assert_allclose(segment[:, 1], [els.mean - els.std, els.mean + els.std])
    lowest = [line for line in panels[1, 0].lines if line.get_linestyle() == ":" and line.get_color() == COLOURS["els"]]
    np.testing.assert_allclose(lowest[0].get_ydata(), [els.min] * 2)


def test_histograms_hold_all_paths_of_all_seeds(courses):
    figure = stability_figure([courses[2], course("fair", "els", 0.6, seed=1)], 10, "a title")
    filled, outline = figure.axes[2].containers[0], figure.axes[2].patches[-1]
    heights = [patch.get_height() for patch in filled]
    assert sum(heights) == pytest.approx(1)
    below = sum(patch.get_height() for patch in filled if patch.get_x() + patch.get_width() <= 0.55)
    accuracies = np.array(courses[2].accuracies + course("fair", "els", 0.6, seed=1).accuracies)
    assert below == pytest.approx(np.mean(accuracies < 0.55), abs=0.05)
    assert outline.get_xy()[:, 1].max() == pytest.approx(max(heights))


def test_rows_share_their_axes_and_all_of_it_is_in_sight(panels, courses):
    for row in panels:
        assert row[0].get_ylim() == row[1].get_ylim()
    assert panels[2, 0].get_xlim() == panels[2, 1].get_xlim()
    low, high = panels[1, 1].get_ylim()
    assert low == 0
    assert high >= max(one.health.mean + one.health.std for one in courses)
    low, high = panels[2, 0].get_xlim()
    assert low <= min(min(one.accuracies) for one in courses)
    assert high >= max(max(one.accuracies) for one in courses)


def test_stabilizers_differ_in_more_than_colour(panels):
    assert len({line.get_linestyle() for line in panels[0, 0].lines}) == 2
    assert len({line.get_marker() for line in panels[1, 0].lines if line.get_linestyle() == ":"} - {"None"}) >= 2


def test_one_method_is_one_column(courses, tmp_path):
    figure = stability_figure(courses[1:2], 10, "a title")
    assert len(figure.axes) == 3
    write_figure(tmp_path / "stability.png", figure)
    assert (tmp_path / "stability.png").stat().st_size > 10_000


def test_no_course_is_refused():
    with pytest.raises(ValueError, match="at least one supernet"):
        stability_figure([], 10, "")
