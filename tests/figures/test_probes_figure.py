"""The picture of a supernet's probes: what is drawn where, and text that can be read."""

import numpy as np
import pytest
from matplotlib.image import imread
from matplotlib.patches import Rectangle

from scarlet_tf.analysis.probe_record import ProbeRecord, mean_similarity
from scarlet_tf.analysis.ranking import RankingHealth, probe_paths
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.figures import plot_probes, probes_figure
from scarlet_tf.figures.probes import accuracy_bins

NUM_CLASSES = 10


def record(space, epoch: float, mean: float, num_paths: int = 40, spread: float = 0.05) -> ProbeRecord:
    rng = np.random.default_rng(int(epoch * 2))
    accuracies = np.clip(rng.normal(mean, spread, num_paths), 0, 1).round(3)
    directions = rng.normal(0.6, 1, (space.num_slots, space.num_choices, 5))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    return ProbeRecord(
        step=int(epoch * 100),
        epoch=epoch,
        images=1000,
        bn="moving",
        paths=tuple(probe_paths(space, num_paths, 0)),
        accuracies=tuple(accuracies),
        health=RankingHealth.of(accuracies, 1000, NUM_CLASSES),
        similarity=directions @ directions.transpose(0, 2, 1),
        least_updates=1,
        most_updates=2,
    )


@pytest.fixture(scope="module")
def records():
    return [record(get_space("s2"), epoch, mean) for epoch, mean in ((1, 0.15), (2, 0.35), (3, 0.45), (3.5, 0.5))]


@pytest.fixture(scope="module")
def figure(records):
    return probes_figure(records, get_space("s2"), NUM_CLASSES)


def test_curves_are_mean_and_minimum_over_the_epochs_and_chance(figure, records):
    mean, lowest, chance = figure.axes[0].lines
    for line, name in ((mean, "mean"), (lowest, "min")):
        np.testing.assert_allclose(line.get_xdata(), [1, 2, 3, 3.5])
        np.testing.assert_allclose(line.get_ydata(), [getattr(one.health, name) for one in records])
    assert list(chance.get_ydata()) == [0.1, 0.1]


def test_band_is_a_standard_deviation_wide(figure, records):
    (band,) = figure.axes[0].collections
    corners = band.get_paths()[0].vertices
    for one in records:
        at = corners[np.isclose(corners[:, 0], one.epoch), 1]
        assert at.min() == pytest.approx(np.mean(one.accuracies) - np.std(one.accuracies, ddof=1))
        assert at.max() == pytest.approx(np.mean(one.accuracies) + np.std(one.accuracies, ddof=1))


def test_histograms_count_the_paths_of_the_first_and_the_last_probe(figure, records):
    bars = [patch for patch in figure.axes[1].patches if isinstance(patch, Rectangle)]
    assert len(bars) == 40
    edges = [bar.get_x() for bar in bars[:20]] + [bars[19].get_x() + bars[19].get_width()]
    assert [bar.get_x() for bar in bars[20:]] == edges[:-1]
    for drawn, one in ((bars[:20], records[0]), (bars[20:], records[-1])):
        heights = [bar.get_height() for bar in drawn]
        assert sum(heights) == 40
        below = [sum(accuracy < edge + 1e-9 for accuracy in one.accuracies) for edge in edges]
        assert np.abs(np.cumsum(heights) - below[1:]).max() <= 2  # of accuracies on an edge


def test_matrices_are_those_of_four_slots_at_the_last_probe(figure, records):
    drawn = [axes for axes in figure.axes if axes.images]
    assert len(drawn) == 4
    for axes, slot in zip(drawn, (0, 6, 12, 18), strict=True):
        matrix = records[-1].similarity[slot]
        np.testing.assert_array_equal(axes.images[0].get_array(), matrix)
        assert axes.get_title() == f"slot {slot}: mean {mean_similarity(matrix):z.2f}"
        assert [text.get_text() for text in axes.get_xticklabels()][::6] == ["E3 K3", "E3 K3 SE", "skip"]


def test_bins_hold_all_and_are_never_too_fine():
    bins = accuracy_bins([0.2, 0.7], [0.9])
    assert (bins[0], bins[-1]) == (pytest.approx(0.2), pytest.approx(0.9))
    alike = accuracy_bins([0.5, 0.5])
    np.testing.assert_allclose(np.diff(alike), 0.005)
    assert alike[0] < 0.5 < alike[-1]
    assert accuracy_bins([0.0])[0] == 0
    assert accuracy_bins([1.0])[-1] == 1


@pytest.mark.parametrize(
    ("space", "means"),
    [("s1", [0.1]), ("s2", [0.0, 0.002]), ("small", [0.3, 0.995]), ("s2", list(np.linspace(0.1, 0.7, 60)))],
)
def test_no_text_is_cut_or_overlaps_another(space, means, check_legible):
    space = get_space(space)
    records = [record(space, epoch, mean, spread=0.001) for epoch, mean in enumerate(means, 1)]
    check_legible(probes_figure(records, space, 1000))


def test_file_is_a_picture_and_nothing_else_is_left(tmp_path, records, mini_space):
    plot_probes(tmp_path / "probes.png", [record(mini_space, 1, 0.4)], mini_space, NUM_CLASSES)
    assert imread(tmp_path / "probes.png")[..., :3].std() > 0.05
    assert [path.name for path in tmp_path.iterdir()] == ["probes.png"]


def test_no_probe_is_refused(mini_space):
    with pytest.raises(ValueError, match="at least one probe"):
        probes_figure([], mini_space, NUM_CLASSES)
