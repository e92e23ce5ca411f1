"""The pictures of the study of similarities: what is drawn where, and text that can be read."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

from scarlet_tf.analysis.skip_similarity import SkipComparison, SkipSimilarity
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.figures.probes import choice_name
from scarlet_tf.figures.similarity_study import MAX_NUMBERED, arrows_figure, matrices_figure, slots_figure

SPACES = ("small", "s1", "s2", "nas_bench_macro")


def compare(space, opposed: bool = False) -> SkipComparison:
    """Made-up similarities of two seeds; `opposed`: the skip points away from the others."""
    rng = np.random.default_rng(0)

    def measured(towards: float) -> SkipSimilarity:
        vectors = rng.normal(1.0, 1, (30, space.num_slots, space.num_choices, 12))
        vectors[:, :, space.skip_index] += towards
        vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
        return SkipSimilarity.of([vectors @ vectors.swapaxes(-1, -2)], space)

    plain = -3.0 if opposed else -0.5
    return SkipComparison.of({seed: {"skip": measured(plain), "els": measured(0.0)} for seed in range(2)}, space)


@pytest.fixture(scope="module")
def compared():
    return {name: compare(get_space(name)) for name in SPACES}


def names(space) -> list[str]:
    return list(map(choice_name, space.choices))


def test_every_slot_has_its_mean_and_interval_and_those_without_a_stabilizer_are_hollow(compared):
    one = compared["nas_bench_macro"]
    above, below = slots_figure(one.to_blocks, one.difference, one.stabilized, (True, False) * 4).axes
    held, hollow = below.containers
    assert hollow.lines[0].get_markerfacecolor() == "white"
    assert hollow.lines[0].get_xdata().tolist() == [0, 2, 5]
    assert held.lines[0].get_xdata().tolist() == [1, 3, 4, 6, 7]
    np.testing.assert_allclose(held.lines[0].get_ydata(), one.difference.mean[one.stabilized])
    bars = np.array([[segment[0, 1], segment[1, 1]] for segment in held.lines[2][0].get_segments()])
    np.testing.assert_allclose(bars.T, one.difference.interval[:, one.stabilized])
    plain, els = above.containers[0], above.containers[2]
    np.testing.assert_allclose(plain.lines[0].get_ydata(), one.to_blocks["skip"].mean[one.stabilized])
    np.testing.assert_allclose(els.lines[0].get_ydata(), one.to_blocks["els"].mean[one.stabilized])
    assert plain.lines[0].get_marker() != els.lines[0].get_marker()
    assert above.get_legend_handles_labels()[1][-2:] == ["plain skip", "ELS"]
    shaded = [patch for patch in below.patches if isinstance(patch, Rectangle)]
    assert [patch.get_x() + patch.get_width() / 2 for patch in shaded] == [0, 2, 4, 6]


def test_matrices_are_a_row_a_stabilizer_in_slots_that_have_one(compared):
    space, one = get_space("nas_bench_macro"), compared["nas_bench_macro"]
    figure = matrices_figure(one.matrices, names(space), space.skip_index, one.stabilized)
    drawn = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in drawn[:4]] == ["slot 1", "slot 3", "slot 6", "slot 7"]
    assert drawn[0].get_ylabel() == "plain skip"
    assert drawn[4].get_ylabel() == "ELS"
    for place, axes in enumerate(drawn):
        matrix = one.matrices["skip" if place < 4 else "els"][(1, 3, 6, 7)[place % 4]]
        np.testing.assert_array_equal(axes.images[0].get_array(), matrix)
        assert [text.get_text() for text in axes.texts] == [f"{value:z.2f}" for value in matrix.ravel()]


def test_cells_of_large_matrices_have_no_numbers(compared):
    space, one = get_space("s2"), compared["s2"]
    assert space.num_choices > MAX_NUMBERED
    figure = matrices_figure(one.matrices, names(space), space.skip_index, one.stabilized)
    assert not any(axes.texts for axes in figure.axes)


def test_colours_reach_down_to_negative_similarities():
    space = get_space("small")
    one = compare(space, opposed=True)
    figure = matrices_figure(one.matrices, names(space), space.skip_index, one.stabilized)
    lowest = min(axes.images[0].get_array().min() for axes in figure.axes if axes.images)
    assert lowest < 0
    assert all(axes.images[0].get_clim()[0] <= lowest for axes in figure.axes if axes.images)


def test_arrows_end_at_the_points_and_are_labelled_with_true_angles(compared):
    space, one = get_space("s1"), compared["s1"]
    planes, angles = one.planes(5), one.angles_degrees(5)
    figure = arrows_figure(planes, angles, names(space), space.skip_index, 5)
    for axes, stabilizer in zip(figure.axes, ("skip", "els"), strict=True):
        arrows = [text for text in axes.texts if isinstance(text, Annotation)]
        np.testing.assert_allclose([arrow.xy for arrow in arrows], planes[stabilizer].points)
        assert {arrow.get_position() for arrow in arrows} == {(0, 0)}
        labels = [text.get_text() for text in axes.texts if not isinstance(text, Annotation)]
        expected = [f"{name}: {angle:.0f}°" for name, angle in zip(names(space), angles[stabilizer], strict=True)]
        assert labels == [*expected[:-1], "skip"]
        assert f"{planes[stabilizer].share:.0%}" in axes.get_title()


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("opposed", [False, True])
def test_no_text_is_cut_or_overlaps_another(name, opposed, compared, check_legible):
    space = get_space(name)
    one = compare(space, opposed=True) if opposed else compared[name]
    slot = int(np.flatnonzero(one.stabilized)[-1])
    check_legible(slots_figure(one.to_blocks, one.difference, one.stabilized, space.stage_starts))
    check_legible(matrices_figure(one.matrices, names(space), space.skip_index, one.stabilized))
    check_legible(arrows_figure(one.planes(slot), one.angles_degrees(slot), names(space), space.skip_index, slot))
