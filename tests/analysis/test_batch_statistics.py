"""Accuracies of paths by the statistics of each batch, against a training call of each path."""

import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.analysis.batch_statistics import BatchStatisticsEvaluator
from scarlet_tf.nets.supernet import build_supernet
from scarlet_tf.search.evaluator import SupernetEvaluator, fingerprint


@pytest.fixture(scope="module")
def supernet(mini_space):
    """Its moving statistics fit nothing."""
    supernet = build_supernet(mini_space, image_size=8, num_classes=3)
    rng = np.random.default_rng(0)
    for weight in supernet.weights:
        if weight.name.endswith(("mean", "variance", "beta")):
            weight.assign(rng.uniform(0.5, 2.5, weight.shape))
        elif len(weight.shape) > 1:
            weight.assign(rng.normal(0, np.sqrt(2 / np.prod(weight.shape[:-1])), weight.shape))
    return supernet


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(1)
    images, labels = rng.normal(size=(50, 8, 8, 3)).astype(np.float32), rng.integers(3, size=50, dtype=np.int32)
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(20)


def test_accuracies_are_those_of_a_training_call_and_no_weight_changes(supernet, batches):
    genotypes = [(2, 0, 2), (0, 1, 2), (1, 1, 1), (2, 2, 2)]
    before, kept = fingerprint(supernet), supernet.get_weights()
    received = BatchStatisticsEvaluator(supernet, batches)(genotypes)
    assert fingerprint(supernet) == before
    expected = []
    for genotype in genotypes:
        hits = [
            np.argmax(supernet(images, path=genotype, training=True), axis=-1) == labels for images, labels in batches
        ]
        expected.append(np.concatenate(hits).mean())
    supernet.set_weights(kept)
    assert received == pytest.approx(expected, abs=1e-12)
    assert received != SupernetEvaluator(supernet, batches)(genotypes)


def test_statistics_are_restored_where_an_image_cannot_be_read(supernet, batches):
    def broken():
        yield next(iter(batches))
        raise OSError("unreadable")

    before = fingerprint(supernet)
    with pytest.raises(OSError, match="unreadable"):
        BatchStatisticsEvaluator(supernet, broken())([(0, 0, 0)])
    assert fingerprint(supernet) == before
