"""Accuracies and logits of paths, against calls of the supernet path by path, in float64 where rounding matters."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.evaluator_exactness import randomise
from scarlet_tf.arch import get_space
from scarlet_tf.nets.conv_bn import BN_MOMENTUM
from scarlet_tf.nets.supernet import build_supernet
from scarlet_tf.search.evaluator import SupernetEvaluator, fingerprint

STRATEGIES = {
    1: lambda: tf.distribute.OneDeviceStrategy("/cpu:0"),
    2: lambda: tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"]),
}


def _randomise(supernet, seed):
    randomise(supernet.weights, np.random.default_rng(seed))
    return supernet


@pytest.fixture(scope="module")
def supernet(mini_space):
    return _randomise(build_supernet(mini_space, image_size=12, num_classes=3), 0)


@pytest.fixture(scope="module")
def examples():
    """41 images, which batches of 16 do not divide."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(41, 12, 12, 3)).astype(np.float32), rng.integers(3, size=41, dtype=np.int32)


@pytest.fixture(scope="module")
def calibration():
    rng = np.random.default_rng(5)
    images, labels = rng.normal(0.5, 2, size=(60, 12, 12, 3)).astype(np.float32), np.zeros(60, np.int32)
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(20)


def _batches(examples, size=16):
    return tf.data.Dataset.from_tensor_slices(examples).batch(size)


def test_accuracy_is_that_of_each_path_alone(supernet, examples, mini_space):
    images, labels = examples
    rng = np.random.default_rng(2)
    genotypes = [(2, 2, 2), (0, 1, 2), *(mini_space.sample(rng) for _ in range(6))]
    expected = [
        np.mean(keras.ops.convert_to_numpy(supernet(images, path=genotype)).argmax(axis=1) == labels)
        for genotype in genotypes
    ]
    evaluate = SupernetEvaluator(supernet, _batches(examples))
    received = evaluate(genotypes)
    np.testing.assert_allclose(received, expected, atol=1e-12)
    assert len(set(received)) > 3
    assert evaluate(genotypes[:3]) == received[:3]
    assert evaluate.count_correct(genotypes)[1] == 41


@pytest.mark.parametrize("stabilizer", ["skip", "els_relu"])
def test_logits_are_those_of_the_path_with_any_stabilizer(mini_space, examples, stabilizer):
    supernet = _randomise(build_supernet(mini_space, 12, 3, stabilizer), 3)
    genotypes = [(2, 2, 2), (0, 2, 1), (2, 1, 2), (1, 2, 0)]
    received = SupernetEvaluator(supernet, []).logits(genotypes, examples[0])
    for genotype, logits in zip(genotypes, received, strict=True):
        np.testing.assert_allclose(logits, supernet(examples[0], path=genotype), rtol=1e-4, atol=1e-5)


def test_logits_of_a_space_with_projections_and_relu(examples):
    supernet = _randomise(build_supernet(get_space("nas_bench_macro"), 32, 10), 4)
    images = np.random.default_rng(0).normal(size=(4, 32, 32, 3)).astype(np.float32)
    genotypes = [(0, 0, 0, 0, 0, 0, 0, 0), (0, 1, 2, 0, 1, 1, 2, 0), (2, 0, 0, 1, 0, 2, 0, 2)]
    received = SupernetEvaluator(supernet, []).logits(genotypes, images)
    for genotype, logits in zip(genotypes, received, strict=True):
        np.testing.assert_allclose(logits, supernet(images, path=genotype), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("stabilizer", ["els", "skip"])
def test_logits_of_chains_of_convolutions(chain_space, examples, stabilizer):
    supernet = _randomise(build_supernet(chain_space, 12, 3, stabilizer), 5)
    genotypes = [(2,) * 6, (0, 1, 1, 0, 2, 2), (0, 1, 1, 0, 2, 1), (1, 2, 2, 0, 0, 1)]
    received = SupernetEvaluator(supernet, []).logits(genotypes, examples[0])
    for genotype, logits in zip(genotypes, received, strict=True):
        np.testing.assert_allclose(logits, supernet(examples[0], path=genotype), rtol=1e-4, atol=1e-5)


def test_large_activations_are_computed_a_part_of_the_batch_at_a_time(supernet, examples, monkeypatch):
    images = np.tile(examples[0], [4, 1, 1, 1])[:160]
    genotypes = [(0, 1, 2), (1, 0, 1)]
    whole = SupernetEvaluator(supernet, []).logits(genotypes, images)
    monkeypatch.setattr("scarlet_tf.nets.frozen_pass.CACHED_BYTES", 2e4)
    parts = SupernetEvaluator(supernet, []).logits(genotypes, images)
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-6)


def test_by_batch_statistics_as_in_a_training_call(supernet, examples):
    genotypes = [(2, 0, 2), (0, 1, 2), (1, 1, 1), (2, 2, 2)]
    kept = supernet.get_weights()
    received = SupernetEvaluator(supernet, _batches(examples, 20), "batch")(genotypes)
    assert all(np.array_equal(now, then) for now, then in zip(supernet.get_weights(), kept, strict=True))
    expected = []
    for genotype in genotypes:
        hits = [
            np.argmax(supernet(images, path=genotype, training=True), axis=-1) == labels
            for images, labels in _batches(examples, 20)
        ]
        expected.append(np.concatenate(hits).mean())
    supernet.set_weights(kept)
    assert received == pytest.approx(expected, abs=1e-12)
    assert received != SupernetEvaluator(supernet, _batches(examples, 20))(genotypes)


@pytest.mark.parametrize("of_chains", [False, True])
def test_recalibrated_statistics_are_means_over_the_batches_of_the_path(
    supernet, chain_space, examples, calibration, of_chains
):
    """Against moving statistics that are set to what training calls of the path leave there."""
    genotypes = [(2, 0, 2), (0, 1, 2), (0, 1, 1), (2, 2, 2)]
    if of_chains:
        supernet = _randomise(build_supernet(chain_space, 12, 3), 6)
        genotypes = [(1, 0, 2, 1, 2, 0), (1, 0, 2, 1, 2, 2), (2, 2, 2, 2, 2, 2)]
    evaluate = SupernetEvaluator(supernet, _batches(examples), "recalibrate", calibration)
    received = evaluate.logits(genotypes, examples[0])
    kept = supernet.get_weights()
    statistics = [variable for variable in supernet.non_trainable_variables if "moving" in variable.path]
    for genotype, logits in zip(genotypes, received, strict=True):
        sums = [np.zeros(variable.shape) for variable in statistics]
        for images, _ in calibration:
            for variable in statistics:
                variable.assign(tf.zeros(variable.shape))
            supernet(images, path=genotype, training=True)
            sums = [sum_ + one.numpy() / (1 - BN_MOMENTUM) for sum_, one in zip(sums, statistics, strict=True)]
        for variable, sum_ in zip(statistics, sums, strict=True):
            variable.assign(sum_ / 3)
        np.testing.assert_allclose(logits, supernet(examples[0], path=genotype), rtol=1e-4, atol=1e-4)
        supernet.set_weights(kept)
    moving = SupernetEvaluator(supernet, []).logits(genotypes, examples[0])
    assert not np.allclose(moving, received, atol=0.1)


@pytest.mark.parametrize("bn", ["moving", "recalibrate"])
@pytest.mark.parametrize("replicas", STRATEGIES)
def test_all_genotypes_together_are_evaluated_as_each_alone_on_any_replicas(mini_space, examples, bn, replicas):
    strategy = STRATEGIES[replicas]()
    with strategy.scope():
        supernet = _randomise(build_supernet(mini_space, 12, 3), 1)
    batches, calibration = _batches(examples, 8), list(_batches(examples, 10).take(3))
    genotypes = list(itertools.product(range(3), repeat=3))
    together = SupernetEvaluator(supernet, batches, bn, calibration, strategy)
    alone = SupernetEvaluator(supernet, batches, bn, calibration, threads=1)
    assert together(genotypes) == [alone([genotype])[0] for genotype in genotypes]
    logits = [alone.logits([genotype], examples[0])[0] for genotype in genotypes]
    np.testing.assert_array_equal(together.logits(genotypes, examples[0]), logits)


def test_an_image_that_cannot_be_read_ends_the_call(supernet, examples):
    def broken():
        yield from _batches(examples)
        raise OSError("unreadable")

    with pytest.raises(OSError, match="unreadable"):
        SupernetEvaluator(supernet, broken())([(0, 0, 0), (1, 1, 1)])


def test_weights_are_those_of_the_last_freeze(mini_space, examples):
    supernet = _randomise(build_supernet(mini_space, 12, 3), 6)
    evaluate = SupernetEvaluator(supernet, [])
    before = evaluate.logits([(0, 1, 2)], examples[0])
    _randomise(supernet, 7)
    np.testing.assert_array_equal(evaluate.logits([(0, 1, 2)], examples[0]), before)
    evaluate.freeze()
    after = evaluate.logits([(0, 1, 2)], examples[0])
    np.testing.assert_allclose(after[0], supernet(examples[0], path=(0, 1, 2)), rtol=1e-4, atol=1e-5)


def test_weights_that_are_not_to_be_trained_are_each_layers_own(mini_space, examples):
    supernet = _randomise(build_supernet(mini_space, 12, 3), 8)
    supernet.trainable = False
    received = SupernetEvaluator(supernet, []).logits([(0, 0, 0), (1, 1, 1)], examples[0])
    for genotype, logits in zip([(0, 0, 0), (1, 1, 1)], received, strict=True):
        np.testing.assert_allclose(logits, supernet(examples[0], path=genotype), rtol=1e-4, atol=1e-5)


def test_nothing_to_evaluate_on_is_refused(supernet, examples):
    with pytest.raises(ValueError, match="at least one image"):
        SupernetEvaluator(supernet, [])([(0, 1, 2)])
    with pytest.raises(ValueError, match="calibration"):
        SupernetEvaluator(supernet, _batches(examples), "recalibrate")([(0, 1, 2)])


def test_unknown_statistics_are_refused(supernet):
    with pytest.raises(ValueError, match="bn must be one of"):
        SupernetEvaluator(supernet, [], "batches")


def test_evaluation_changes_no_weight(supernet, examples, calibration):
    before = fingerprint(supernet)
    SupernetEvaluator(supernet, _batches(examples, 41), "recalibrate", calibration)([(0, 1, 0)])
    assert fingerprint(supernet) == before


def test_fingerprint_changes_with_any_weight(supernet):
    before = fingerprint(supernet)
    seen = {before}
    for weight in supernet.weights:
        value = weight.numpy()
        changed = value.copy()
        changed.flat[-1] = np.nextafter(changed.flat[-1], np.float32(9))
        weight.assign(changed)
        seen.add(fingerprint(supernet))
        weight.assign(value)
    assert len(seen) == len(supernet.weights) + 1
    assert fingerprint(supernet) == before
