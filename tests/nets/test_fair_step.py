"""The strictly fair step: its sampling, its forward pass, its gradients and its update."""

import functools
import subprocess
import sys
from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.nets.blocks import InvertedBottleneck
from scarlet_tf.nets.stabilizer import STABILIZERS, Stabilizer
from scarlet_tf.nets.supernet import build_supernet, fair_paths, fair_permutations
from scarlet_tf.train.optimizers import L2SGD

SEEDED_STEPS = [(seed, step) for seed in (0, 1, 123_456_789) for step in (0, 1, 2, 50, 10**9)]


@pytest.fixture
def batch():
    rng = np.random.default_rng(4)
    return tf.constant(rng.normal(size=(6, 8, 8, 3))), tf.constant(rng.integers(0, 5, 6))


@pytest.fixture
def supernet(float64, tiny_space, randomise):
    return randomise(build_supernet(tiny_space, 8, 5, seed=11))


def values(weights):
    return [np.array(keras.ops.convert_to_numpy(weight)) for weight in weights]


def restore(weights, saved):
    for weight, value in zip(weights, saved, strict=True):
        weight.assign(value)


def mean_single_path_gradients(supernet, images, labels, paths):
    """Mean over the paths of the gradients of each one's loss, and the loss; a path that misses a weight gives 0."""
    weights = supernet.trainable_variables
    total, losses = [np.zeros(weight.shape) for weight in weights], []
    for path in paths:
        with tf.GradientTape() as tape:
            logits = supernet(images, path=path, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        losses.append(float(loss))
        for index, gradient in enumerate(tape.gradient(loss, [weight.value for weight in weights])):
            if gradient is not None:
                total[index] += gradient.numpy() / len(paths)
    return total, float(np.mean(losses))


@pytest.mark.parametrize(("num_slots", "num_choices"), [(5, 4), (19, 13), (1, 2)])
def test_each_step_uses_every_choice_of_every_slot_once(num_slots, num_choices):
    for seed, step in SEEDED_STEPS:
        permutations = fair_permutations(seed, step, num_slots, num_choices).numpy()
        paths = np.array(fair_paths(permutations))
        assert paths.shape == (num_choices, num_slots)
        for slot in range(num_slots):
            assert sorted(permutations[slot]) == sorted(paths[:, slot]) == list(range(num_choices))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_permutations_are_a_pure_function_of_seed_and_step(jit_compile):
    drawn = [fair_permutations(seed, step, 19, 13).numpy() for seed, step in SEEDED_STEPS]
    keras.utils.set_random_seed(99)
    traced = tf.function(lambda seed, step: fair_permutations(seed, step, 19, 13), jit_compile=jit_compile)
    for (seed, step), permutations in zip(reversed(SEEDED_STEPS), reversed(drawn), strict=True):
        again = traced(tf.constant(seed, tf.int64), tf.constant(step, tf.int64))
        np.testing.assert_array_equal(again, permutations)
    assert len({permutations.tobytes() for permutations in drawn}) == len(drawn)


def test_paths_by_hand():
    reads = [[0, 1, 2], [2, 0, 1], [0, 2, 1]]
    assert fair_paths(np.array(reads)) == [(2, 0, 0), (1, 2, 1), (0, 1, 2)]


def test_each_pair_of_neighbouring_choices_is_equally_frequent():
    num_slots, num_choices, steps = 4, 4, 4000
    draw = tf.function(
        lambda: tf.map_fn(
            lambda step: fair_permutations(5, step, num_slots, num_choices),
            tf.range(steps, dtype=tf.int64),
            fn_output_signature=tf.int32,
        )
    )
    pairs = np.zeros((num_slots - 1, num_choices, num_choices), int)
    ends = np.zeros((num_choices, num_choices), int)
    for permutations in draw().numpy():
        for path in fair_paths(permutations):
            for slot in range(1, num_slots):
                pairs[slot - 1, path[slot - 1], path[slot]] += 1
            ends[path[0], path[-1]] += 1
    probability = 1 / num_choices
    tolerance = 4.5 * np.sqrt(steps * probability * (1 - probability))
    assert np.abs(pairs - steps * probability).max() < tolerance
    assert np.abs(ends - steps * probability).max() < tolerance


@pytest.mark.parametrize("stabilizer", STABILIZERS)
@pytest.mark.parametrize("training", [False, True])
def test_streams_equal_separate_passes(float64, tiny_space, randomise, batch, stabilizer, training):
    supernet = randomise(build_supernet(tiny_space, 8, 5, stabilizer))
    images, _ = batch
    with_skip = 0
    for step in range(4):
        permutations = fair_permutations(3, step, 5, 4)
        paths = fair_paths(permutations.numpy())
        with_skip += sum(path[0] == 2 or path[3] == 2 for path in paths)
        for logits, path in zip(supernet.fair_forward(images, permutations, training), paths, strict=True):
            expected = supernet(images, path=path, training=training)
            np.testing.assert_allclose(logits, expected, rtol=1e-10, atol=1e-10)
    assert with_skip > 4  # the shortcut depends on the path there


@pytest.mark.parametrize("space", ["without_skip", "with_projections", "chain_space"])
def test_streams_of_other_spaces_equal_separate_passes(float64, randomise, request, batch, space):
    space = request.getfixturevalue(space)
    supernet = randomise(build_supernet(space, 8, 5))
    permutations = fair_permutations(0, 0, space.num_slots, space.num_choices)
    logits = supernet.fair_forward(batch[0], permutations)
    for stream, path in zip(logits, fair_paths(permutations.numpy()), strict=True):
        np.testing.assert_allclose(stream, supernet(batch[0], path=path, training=True), rtol=1e-10, atol=1e-10)


def test_gradients_are_the_mean_of_those_of_the_paths(supernet, batch):
    images, labels = batch
    for step in range(3):
        permutations = fair_permutations(3, step, 5, 4)
        paths = fair_paths(permutations.numpy())
        expected, _ = mean_single_path_gradients(supernet, images, labels, paths)
        with tf.GradientTape() as tape:
            losses = [
                tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
                for logits in supernet.fair_forward(images, permutations)
            ]
            loss = tf.add_n(losses) / len(losses)
        weights = supernet.trainable_variables
        for weight, gradient, mean in zip(
            weights, tape.gradient(loss, [weight.value for weight in weights]), expected, strict=True
        ):
            np.testing.assert_allclose(gradient, mean, rtol=1e-9, atol=1e-12, err_msg=weight.path)
            assert np.abs(mean).max() > 0, weight.path


@pytest.mark.parametrize(("space", "eagerly"), [("tiny_space", True), ("without_skip", False), ("chain_space", False)])
def test_train_step_moves_each_weight_by_that_mean(float64, randomise, request, batch, space, eagerly):
    images, labels = batch
    space = request.getfixturevalue(space)
    supernet = randomise(build_supernet(space, 8, 5, seed=11))
    supernet.compile(
        keras.optimizers.SGD(1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    train_step = supernet.train_step if eagerly else tf.function(supernet.train_step)
    for step in range(2):
        paths = fair_paths(fair_permutations(11, step, space.num_slots, space.num_choices).numpy())
        before, statistics = values(supernet.trainable_variables), values(supernet.non_trainable_variables)
        expected, loss = mean_single_path_gradients(supernet, images, labels, paths)
        restore(supernet.non_trainable_variables, statistics)
        logs = train_step((images, labels))
        assert float(logs["loss"]) == pytest.approx(loss, rel=1e-6)
        for weight, old, gradient in zip(supernet.trainable_variables, before, expected, strict=True):
            np.testing.assert_allclose(weight, old - gradient, rtol=1e-9, atol=1e-9, err_msg=weight.path)
        supernet.reset_metrics()


def test_statistics_move_as_if_the_paths_had_run_one_by_one(supernet, batch):
    images, _ = batch
    weights = supernet.non_trainable_variables
    before = values(weights)
    permutations = fair_permutations(2, 0, 5, 4)
    supernet.fair_forward(images, permutations)
    after = values(weights)
    restore(weights, before)
    for path in fair_paths(permutations.numpy()):
        supernet(images, path=path, training=True)
    of_stem = {weight.path for weight in supernet.stem.non_trainable_variables}
    for weight, old, fair, one_by_one in zip(weights, before, after, values(weights), strict=True):
        if weight.path not in of_stem:  # which runs once for all paths
            np.testing.assert_allclose(fair, one_by_one, rtol=1e-10, atol=1e-10, err_msg=weight.path)
        assert np.abs(fair - old).max() > 0, weight.path


def test_statistics_of_an_entry_move_path_by_path_in_the_order_of_its_choices(float64, randomise, chain_space, batch):
    images, _ = batch
    supernet = randomise(build_supernet(chain_space, 8, 5))
    weights = supernet.non_trainable_variables
    before = values(weights)
    permutations = fair_permutations(2, 0, 6, 3)
    supernet.fair_forward(images, permutations)
    after = values(weights)
    for slot in (0, 2, 4):
        restore(weights, before)
        for path in sorted(fair_paths(permutations.numpy()), key=lambda path: path[slot]):
            supernet(images, path=path, training=True)
        of_entry = {weight.path for weight in supernet.slots[slot].entry.non_trainable_variables}
        assert len(of_entry) == 2
        for weight, old, fair in zip(weights, before, after, strict=True):
            if weight.path in of_entry:
                np.testing.assert_allclose(fair, weight, rtol=1e-10, atol=1e-10, err_msg=weight.path)
                assert np.abs(fair - old).max() > 0, weight.path


@pytest.mark.parametrize("stabilizer", STABILIZERS)
def test_each_candidate_runs_exactly_once_a_step(tiny_space, batch, monkeypatch, stabilizer):
    supernet = build_supernet(tiny_space, 8, 5, stabilizer)
    supernet.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    calls = Counter()

    def counted(call):
        @functools.wraps(call)
        def counting(self, *args, **kwargs):
            calls[id(self)] += 1
            return call(self, *args, **kwargs)

        return counting

    for layer_type in (InvertedBottleneck, Stabilizer, type(supernet.stem)):
        monkeypatch.setattr(layer_type, "call", counted(layer_type.call))
    candidates = {id(candidate) for block in supernet.slots for candidate in block.candidates}
    for step in (1, 2):
        supernet.train_step(batch)
        assert calls == dict.fromkeys(candidates | {id(supernet.stem)}, step)


def test_fit_trains_a_supernet(without_skip):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 48)
    images = (0.3 * rng.normal(size=(48, 8, 8, 3)) + np.eye(3)[labels][:, np.newaxis, np.newaxis]).astype(np.float32)
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(16)
    keras.utils.set_random_seed(0)
    supernet = build_supernet(without_skip, 8, 3)
    supernet.compile(
        L2SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    history = supernet.fit(dataset, epochs=12, verbose=0).history
    assert int(supernet.optimizer.iterations) == 36
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["accuracy"][-1] > 0.7


MIRRORED = """
import keras, numpy as np, tensorflow as tf
from scarlet_tf.arch import SearchSpace
from scarlet_tf.nets.supernet import build_supernet, fair_paths, fair_permutations
from scarlet_tf.train.graph import skip_graph_rewrites_on_cpu
from scarlet_tf.train.optimizers import L2SGD

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
skip_graph_rewrites_on_cpu()
space = SearchSpace.from_dict(SPACE)
rng = np.random.default_rng(0)
images, labels = rng.normal(size=(8, 8, 8, 3)).astype("float32"), rng.integers(0, 5, 8)
halves = (slice(0, 4), slice(4, 8))
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
batches = strategy.experimental_distribute_dataset(
    tf.data.Dataset.from_tensor_slices((images, labels)).batch(8).repeat()
)

@tf.function(autograph=False)
def permutations_of(step):
    return strategy.run(lambda: fair_permutations(1, step, space.num_slots, space.num_choices))

first, second = strategy.experimental_local_results(permutations_of(tf.constant(5)))
np.testing.assert_array_equal(first, second)

alone = build_supernet(space, 8, 5)
with strategy.scope():
    supernet = build_supernet(space, 8, 5)
    supernet.compile(
        L2SGD(1.0, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    supernet.optimizer.build(supernet.trainable_variables)
supernet.set_weights(alone.get_weights())

@tf.function(autograph=False)
def train_step(batch):
    strategy.run(supernet.train_step, args=(batch,))

# The first update is that of the mean over paths and replicas, each with batch statistics of its own.
paths = fair_paths(fair_permutations(0, 0, space.num_slots, space.num_choices).numpy())
expected = [np.zeros(weight.shape) for weight in alone.trainable_variables]
losses = []
for half in halves:
    for path in paths:
        with tf.GradientTape() as tape:
            logits = alone(images[half], path=path, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels[half], logits))
        losses.append(float(loss))
        weights = [weight.value for weight in alone.trainable_variables]
        for total, gradient in zip(expected, tape.gradient(loss, weights, unconnected_gradients="zero")):
            total += gradient.numpy() / (2 * len(paths))
iterator = iter(batches)
train_step(next(iterator))
np.testing.assert_allclose(float(supernet.get_metrics_result()["loss"]), np.mean(losses), rtol=1e-4)
for weight, old, gradient in zip(supernet.trainable_variables, alone.trainable_variables, expected):
    np.testing.assert_allclose(
        weight.numpy(), old.numpy() - gradient, rtol=1e-3, atol=1e-4, err_msg=weight.path
    )

supernet.optimizer.learning_rate = 0.1
for _ in range(3):
    train_step(next(iterator))
assert supernet.optimizer.iterations.numpy() == 4
assert np.isfinite(supernet.get_metrics_result()["loss"])
for weight in supernet.trainable_variables:
    copies = [copy.numpy() for copy in strategy.experimental_local_results(weight.value)]
    assert len(copies) == 2, weight.path
    np.testing.assert_array_equal(copies[0], copies[1], err_msg=weight.path)
print("done")
"""


def test_replicas_take_the_same_step(without_skip):
    """In a process of its own: logical devices must be set before TensorFlow starts."""
    script = MIRRORED.replace("SPACE", repr(without_skip.to_dict()))
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout == "done\n"
