"""Cosine similarities of a slot's outputs against NumPy, one block at a time."""

import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.analysis.choice_outputs import reference_path
from scarlet_tf.analysis.probe_record import mean_similarity
from scarlet_tf.analysis.similarity import ChoiceSimilarity
from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem
from scarlet_tf.nets.supernet import build_supernet
from scarlet_tf.search.evaluator import fingerprint


@pytest.fixture(scope="module")
def space():
    """Skip comes first; the last two slots are a stage."""
    return SearchSpace(
        "space",
        Stem(4, stride=2),
        (Slot(6, stride=2), Slot(8), Slot(8)),
        (SKIP, Choice(2, 3), Choice(3, 5, se=True), Choice(2, 5)),
        Head(12),
    )


@pytest.fixture
def supernet(space):
    """With random weights and batch norm statistics."""
    supernet = build_supernet(space, image_size=8, num_classes=3)
    rng = np.random.default_rng(0)
    for weight in supernet.weights:
        low = 0.5 if weight.name.endswith(("gamma", "variance")) else -0.8
        weight.assign(rng.uniform(low, low + 1.6, weight.shape))
    return supernet


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).normal(size=(7, 8, 8, 3)).astype(np.float32)


def batches(images, size):
    return tf.data.Dataset.from_tensor_slices((images, np.zeros(len(images), np.int32))).batch(size)


def cosines(outputs: list[np.ndarray]) -> np.ndarray:
    """Mean over the images of the cosine of each two outputs, in float64."""
    result = np.empty((len(outputs), len(outputs)))
    for row, one in enumerate(outputs):
        for column, other in enumerate(outputs):
            per_image = []
            for a, b in zip(one.astype(np.float64), other.astype(np.float64), strict=True):
                per_image.append((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
            result[row, column] = np.mean(per_image)
    return result


def test_similarities_are_those_of_the_outputs_on_the_reference_path(space, supernet, images):
    assert reference_path(space) == (1, 1, 1)
    expected, x = [], supernet.stem(images)
    for block, shortcut in zip(supernet.slots, (False, False, True), strict=True):
        outputs = [block(x, choice=choice, shortcut=shortcut) for choice in range(4)]
        expected.append(cosines([np.asarray(output) for output in outputs]))
        x = outputs[1]
    before = fingerprint(supernet)
    received = ChoiceSimilarity(supernet)(batches(images, 3))  # a last batch of one
    np.testing.assert_allclose(received, expected, atol=1e-5)
    assert np.ptp(received) > 0.5
    assert fingerprint(supernet) == before


def test_similarities_of_each_image_are_there_and_mean_the_same(space, supernet, images):
    similarity = ChoiceSimilarity(supernet)
    by_image = list(similarity.by_image(batches(images, 3)))
    assert [len(batch) for batch in by_image] == [3, 3, 1]
    by_image = np.concatenate(by_image)
    assert by_image.shape == (7, 3, 4, 4)
    for index in (0, 6):
        alone = similarity(batches(images[index : index + 1], 1))
        np.testing.assert_allclose(by_image[index], alone, atol=1e-6)
    np.testing.assert_allclose(by_image.mean(axis=0), similarity(batches(images, 7)), atol=1e-6)
    assert np.ptp(by_image, axis=0).max() > 0.01


def test_equal_outputs_are_alike_and_an_output_of_zeros_is_like_none(supernet, images):
    skip, first, _, second = supernet.slots[1].candidates
    skip.kernel.assign(tf.zeros((1, 1, 6, 8)))
    for block in (first, second):  # their output is what the last batch norm makes of zeros
        block.project.kernel.assign(tf.zeros_like(block.project.kernel))
    for name in ("gamma", "beta", "mean", "variance"):
        getattr(second.project, name).assign(getattr(first.project, name))
    matrix = ChoiceSimilarity(supernet)(batches(images, 7))[1]
    assert matrix[0].tolist() == [0, 0, 0, 0]
    assert matrix[1, 3] == pytest.approx(1, abs=1e-6)
    assert abs(matrix[1, 2]) < 0.99


def test_mean_leaves_out_the_choices_themselves():
    matrix = np.array([[[1, 0.2, 0.4], [0.2, 1, 0.6], [0.4, 0.6, 1]]])
    assert mean_similarity(matrix) == pytest.approx(0.4)
    assert mean_similarity(np.concatenate([matrix, np.ones((1, 3, 3))])) == pytest.approx(0.7)
    assert mean_similarity(np.ones((2, 1, 1))) == 1.0
