"""Accuracies of paths, against counting with one static graph a path."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.nets.supernet import build_supernet
from scarlet_tf.search.evaluator import SupernetEvaluator, fingerprint


@pytest.fixture(scope="module")
def supernet(mini_space):
    """With random weights and batch norm statistics, so that its paths differ."""
    supernet = build_supernet(mini_space, image_size=12, num_classes=3)
    rng = np.random.default_rng(0)
    for weight in supernet.weights:
        if weight.name.endswith(("gamma", "variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif len(weight.shape) > 1:
            weight.assign(rng.normal(0, np.sqrt(2 / np.prod(weight.shape[:-1])), weight.shape))
    return supernet


@pytest.fixture(scope="module")
def examples():
    """41 images, which batches of 16 do not divide."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(41, 12, 12, 3)).astype(np.float32), rng.integers(3, size=41, dtype=np.int32)


def test_accuracy_is_that_of_each_path_alone(supernet, examples, mini_space):
    images, labels = examples
    rng = np.random.default_rng(2)
    genotypes = [(2, 2, 2), (0, 1, 2), *(mini_space.sample(rng) for _ in range(6))]
    expected = [
        np.mean(keras.ops.convert_to_numpy(supernet(images, path=genotype)).argmax(axis=1) == labels)
        for genotype in genotypes
    ]
    evaluate = SupernetEvaluator(supernet, tf.data.Dataset.from_tensor_slices(examples).batch(16))
    received = evaluate(genotypes)
    np.testing.assert_allclose(received, expected, atol=1e-12)
    assert len(set(received)) > 3
    assert evaluate(genotypes[:3]) == received[:3]
    assert evaluate._count_correct.experimental_get_tracing_count() == 1


def test_evaluation_changes_no_weight(supernet, examples):
    before = fingerprint(supernet)
    SupernetEvaluator(supernet, tf.data.Dataset.from_tensor_slices(examples).batch(41))([(0, 1, 0)])
    assert fingerprint(supernet) == before


def test_fingerprint_changes_with_any_weight(supernet):
    before = fingerprint(supernet)
    seen = {before}
    for weight in supernet.weights:
        value = np.array(weight)
        changed = value.copy()
        changed.flat[-1] = np.nextafter(changed.flat[-1], np.float32(9))
        weight.assign(changed)
        seen.add(fingerprint(supernet))
        weight.assign(value)
    assert len(seen) == len(supernet.weights) + 1
    assert fingerprint(supernet) == before
