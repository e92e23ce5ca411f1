"""How like the blocks of its slot a skip is: answers by hand from made-up similarities."""

import json

import numpy as np
import pytest

from scarlet_tf.analysis.skip_similarity import SkipComparison, SkipSimilarity, block_indices, stabilized_slots
from scarlet_tf.arch.spaces import get_space

NUM_IMAGES = 30


def similarities(mini_space, to_blocks: list[float], among: float, jitter: float = 0.0) -> list[np.ndarray]:
    """Two batches. In every slot the skip, choice 2, is like each block as `to_blocks` (slots,) says, and the two
    blocks are like each other as `among`; image by image all are moved by up to `jitter`."""
    matrices = np.ones((mini_space.num_slots, 3, 3))
    matrices[:, 0, 1] = matrices[:, 1, 0] = among
    for slot, similarity in enumerate(to_blocks):
        matrices[slot, 2, :2] = matrices[slot, :2, 2] = [similarity + 0.1, similarity - 0.1]
    moved = np.linspace(-jitter, jitter, NUM_IMAGES)[:, None, None, None] * (1 - np.eye(3))
    return np.split(matrices + moved, [20])


@pytest.fixture
def measured(mini_space):
    """One seed: with ELS the skip is more alike in slot 0, less in slot 1, and the same but for noise in slot 2."""
    plain = SkipSimilarity.of(similarities(mini_space, [0.2, 0.6, 0.5], among=0.8, jitter=0.05), mini_space)
    els = SkipSimilarity.of(similarities(mini_space, [0.5, 0.4, 0.5], among=0.7), mini_space)
    return {0: {"skip": plain, "els": els}}


def test_means_of_each_image_are_over_the_blocks_and_over_their_pairs(mini_space):
    got = SkipSimilarity.of(similarities(mini_space, [0.2, 0.6, 0.5], among=0.8, jitter=0.05), mini_space)
    assert got.to_blocks.shape == got.among_blocks.shape == (NUM_IMAGES, 3)
    np.testing.assert_allclose(got.to_blocks[0], [0.15, 0.55, 0.45])
    np.testing.assert_allclose(got.among_blocks[-1], 0.85)
    np.testing.assert_allclose(got.matrices[1], [[1, 0.8, 0.7], [0.8, 1, 0.5], [0.7, 0.5, 1]])


def test_back_from_json_it_is_the_same(mini_space, measured):
    one = measured[0]["skip"]
    back = SkipSimilarity.from_dict(json.loads(json.dumps(one.to_dict())))
    for name in ("matrices", "to_blocks", "among_blocks"):
        np.testing.assert_allclose(getattr(back, name), getattr(one, name), atol=1e-6)


def test_difference_is_taken_image_by_image(mini_space, measured):
    compared = SkipComparison.of(measured, mini_space)
    np.testing.assert_allclose(compared.difference.mean, [0.3, -0.2, 0.0], atol=1e-9)
    assert compared.slots_where(1) == [0]
    assert compared.slots_where(-1) == [1]
    assert compared.slots_where(0) == [2]
    overall = compared.overall
    assert overall.difference.mean == pytest.approx(0.1 / 3)
    assert overall.to_blocks["els"].mean == pytest.approx(1.4 / 3)
    assert overall.gap["skip"].mean == pytest.approx(0.8 - 1.3 / 3)
    assert overall.gap["els"].mean == pytest.approx(0.7 - 1.4 / 3)
    assert overall.gap_difference.mean == pytest.approx(-0.1 - 0.1 / 3)
    low, high = overall.difference.over_images
    assert 0.01 < low < 0.1 / 3 < high < 0.06


def test_first_slots_of_stages_are_also_apart_from_those_with_a_shortcut(mini_space, measured):
    compared = SkipComparison.of(measured, mini_space)
    assert (compared.first.slots, compared.later.slots) == ((0, 2), (1,))
    assert compared.first.difference.mean == pytest.approx(0.15)
    assert compared.later.difference.mean == pytest.approx(-0.2)


def test_what_varies_alike_with_either_stabilizer_cancels_in_the_difference(mini_space):
    pair = {
        name: SkipSimilarity.of(similarities(mini_space, [base] * 3, among=0.8, jitter=0.1), mini_space)
        for name, base in (("skip", 0.3), ("els", 0.31))
    }
    compared = SkipComparison.of({0: pair}, mini_space)
    np.testing.assert_allclose(compared.difference.over_images, 0.01, atol=1e-9)
    assert np.ptp(compared.to_blocks["els"].over_images, axis=0).min() > 0.02
    assert compared.slots_where(1) == [0, 1, 2]


def test_several_seeds_are_judged_by_how_they_agree(mini_space, measured):
    other = {"skip": measured[0]["els"], "els": measured[0]["skip"]}
    compared = SkipComparison.of({0: measured[0], 1: other}, mini_space)
    assert compared.slots_where(0) == [0, 1, 2]
    np.testing.assert_allclose(compared.by_seed[0].mean, -compared.by_seed[1].mean)
    assert compared.by_seed[1].over_seeds is None
    np.testing.assert_allclose(compared.matrices["els"], compared.matrices["skip"])


def test_slots_whose_skip_is_a_projection_are_left_out(measured):
    space = get_space("nas_bench_macro")
    assert block_indices(space) == [1, 2]
    assert np.flatnonzero(stabilized_slots(space)).tolist() == [1, 3, 4, 6, 7]
    rng = np.random.default_rng(0)
    batches = {name: rng.uniform(0, 1, (NUM_IMAGES, 8, 3, 3)) for name in ("skip", "els")}
    batches["els"][:, [0, 2, 5]] += 100.0
    pair = {name: SkipSimilarity.of([batch], space) for name, batch in batches.items()}
    compared = SkipComparison.of({0: pair}, space)
    assert abs(compared.overall.difference.mean) < 1
    assert compared.overall.slots == compared.later.slots == (1, 3, 4, 6, 7)
    assert compared.first is None
    assert sorted(compared.slots_where(1) + compared.slots_where(0) + compared.slots_where(-1)) == [1, 3, 4, 6, 7]


def test_angles_and_planes_are_of_the_mean_similarities(mini_space, measured):
    compared = SkipComparison.of(measured, mini_space)
    np.testing.assert_allclose(compared.angles_degrees(0)["els"], np.degrees(np.arccos([0.6, 0.4, 1])), atol=1e-5)
    points = compared.planes(0)["els"].points
    assert points.shape == (3, 2)
    assert points[2, 1] > 0  # the skip points up
    json.dumps(compared.to_dict(), allow_nan=False)
