"""The step of one sampled path: its sampling, its gradients, and that nothing else changes."""

import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.arch import SKIP, Choice, Conv, Head, SearchSpace, Slot, Stem
from scarlet_tf.nets.blocks import lay_lanes
from scarlet_tf.nets.single_path import single_path, single_paths
from scarlet_tf.nets.supernet import build_supernet
from scarlet_tf.train.optimizers import L2SGD, AdamW, L2RMSProp

OPTIMIZERS = {
    "sgd": (lambda: L2SGD(0.1, momentum=0.9, l2=0.01), ("momentums",)),
    "rmsprop": (lambda: L2RMSProp(0.1, momentum=0.9, l2=0.01), ("mean_squares", "momentums")),
    "adamw": (lambda: AdamW(0.1, weight_decay=0.1), ("_momentums", "_velocities")),
}
"""Each with the names of what it keeps of a weight."""


SPACE = SearchSpace(
    "sampled",
    Stem(4, stride=1),
    (Slot(6, stride=2), Slot(6), Slot(6), Slot(8, stride=2)),  # the second and the third are alike
    (Choice(2, 3), Choice(3, 5, se=True), SKIP),
    Head(12),
)

CHAINS = SearchSpace(
    "sampled_chains",
    Stem(4, stride=1),
    # the first and the fifth are alike, and the second and the sixth
    (*(Slot(4, entry=True), Slot(4)), *(Slot(6, stride=2, entry=True), Slot(6)), *(Slot(6, entry=True), Slot(6))),
    (Conv(1), Conv(3), SKIP),
    Head(None),
    activation="relu",
)
SPACES = {"blocks": SPACE, "projections": replace(SPACE, stage_skip="projection"), "chains": CHAINS}


@pytest.fixture
def batch():
    rng = np.random.default_rng(4)
    return tf.constant(rng.normal(size=(6, 8, 8, 3))), tf.constant(rng.integers(0, 5, 6))


def compiled(supernet, optimizer):
    supernet.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    optimizer.build(supernet.trainable_variables)
    supernet.reset_metrics()
    return supernet


def values(variables):
    return [variable.value.numpy() for variable in variables]


@pytest.mark.parametrize("jit_compile", [False, True])
def test_paths_are_a_pure_function_of_seed_and_step(jit_compile):
    seeded_steps = [(seed, step) for seed in (0, 1, 123_456_789) for step in (0, 1, 2, 50, 10**9)]
    drawn = [single_path(seed, step, 19, 13).numpy() for seed, step in seeded_steps]
    keras.utils.set_random_seed(99)
    traced = tf.function(lambda seed, step: single_path(seed, step, 19, 13), jit_compile=jit_compile)
    for (seed, step), path in zip(reversed(seeded_steps), reversed(drawn), strict=True):
        np.testing.assert_array_equal(traced(tf.constant(seed, tf.int64), tf.constant(step, tf.int64)), path)
    assert len({path.tobytes() for path in drawn}) == len(drawn)


def test_choices_are_uniform_and_independent():
    steps, num_choices = 6000, 4
    paths = single_paths(5, steps, 3, num_choices).numpy()
    np.testing.assert_array_equal(paths[41], single_path(5, 41, 3, num_choices))
    pairs = np.zeros((3, num_choices, num_choices), int)
    for path in paths:
        for index, (first, second) in enumerate(((0, 1), (1, 2), (0, 2))):
            pairs[index, path[first], path[second]] += 1
    probability = 1 / num_choices**2
    tolerance = 4.5 * np.sqrt(steps * probability * (1 - probability))
    assert np.abs(pairs - steps * probability).max() < tolerance


@pytest.mark.parametrize(
    ("optimizer", "rematerialize", "space", "lanes"),
    [
        ("sgd", False, "blocks", 2),
        ("sgd", True, "blocks", 1),
        ("sgd", False, "chains", 2),
        ("rmsprop", False, "projections", 1),
        ("rmsprop", True, "chains", 1),
        ("adamw", False, "blocks", 2),
    ],
)
def test_path_moves_by_its_gradients_and_nothing_else_does(
    float64, randomise, batch, optimizer, rematerialize, space, lanes
):
    """Over 20 steps; the oracle is an eager pass along the path, and the optimizer on that path's weights alone."""
    images, labels = batch
    make, slots = OPTIMIZERS[optimizer]
    space = SPACES[space]
    supernet = build_supernet(space, 8, 5, seed=11, method="spos", rematerialize=rematerialize)
    lay_lanes(supernet, lanes)
    oracle = build_supernet(space, 8, 5)
    state, expected = (
        [*net.weights, *net.optimizer.variables]
        for net in (compiled(randomise(net), make()) for net in (supernet, oracle))
    )
    candidates = {
        (slot, choice): [
            *candidate.weights,
            *(
                getattr(supernet.optimizer, kept)[supernet.optimizer._get_variable_index(weight)]
                for kept in slots
                for weight in candidate.trainable_weights
            ),
        ]
        for slot, block in enumerate(supernet.slots)
        for choice, candidate in enumerate(block.candidates)
    }
    train_step = tf.function(supernet.train_step, autograph=False)
    for step in range(20):
        before = {key: values(variables) for key, variables in candidates.items()}
        path = [int(choice) for choice in single_path(11, step, space.num_slots, space.num_choices)]
        with tf.GradientTape() as tape:
            logits = oracle(images, path=path, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        weights = oracle.trainable_variables
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        oracle.optimizer.apply_gradients(pair for pair in zip(gradients, weights, strict=True) if pair[0] is not None)
        assert float(train_step((images, labels))["loss"]) == pytest.approx(float(loss), rel=1e-6)
        supernet.reset_metrics()
        for (slot, choice), old in before.items():
            new = values(candidates[slot, choice])
            changed = [value.tobytes() != was.tobytes() for value, was in zip(new, old, strict=True)]
            assert any(changed) == (path[slot] == choice), (step, slot, choice)
    for variable, actual, wanted in zip(state, values(state), values(expected), strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-8, atol=1e-8, err_msg=variable.path)


MIRRORED = """
import keras, numpy as np, tensorflow as tf
from scarlet_tf.arch import SearchSpace
from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem
from scarlet_tf.nets.single_path import single_path, single_paths
from scarlet_tf.nets.supernet import build_supernet
from scarlet_tf.train.graph import skip_graph_rewrites_on_cpu
from scarlet_tf.train.optimizers import L2SGD, L2RMSProp

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
skip_graph_rewrites_on_cpu()
space = SearchSpace.from_dict(SEARCH_SPACE)
rng = np.random.default_rng(0)
images, labels = rng.normal(size=(8, 8, 8, 3)).astype("float32"), rng.integers(0, 5, 8)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(8).repeat()
batches = iter(strategy.experimental_distribute_dataset(data))
alone = build_supernet(space, 8, 5)
with strategy.scope():
    supernet = build_supernet(space, 8, 5, method="spos")
    supernet.compile(
        L2SGD(1.0, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False
    )
    supernet.optimizer.build(supernet.trainable_variables)
supernet.set_weights(alone.get_weights())

@tf.function(autograph=False)
def train_step(batch):
    strategy.run(supernet.train_step, args=(batch,))

path = [int(choice) for choice in single_path(0, 0, space.num_slots, space.num_choices)]
weights = [weight.value for weight in alone.trainable_variables]
statistics = [np.array(keras.ops.convert_to_numpy(value)) for value in alone.non_trainable_variables]
expected, after, losses = [np.zeros(weight.shape) for weight in weights], [], []
for half in (slice(0, 4), slice(4, 8)):
    for variable, value in zip(alone.non_trainable_variables, statistics):
        variable.assign(value)
    with tf.GradientTape() as tape:
        logits = alone(images[half], path=path, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels[half], logits))
    losses.append(float(loss))
    after.append([np.array(keras.ops.convert_to_numpy(value)) for value in alone.non_trainable_variables])
    for total, gradient in zip(expected, tape.gradient(loss, weights, unconnected_gradients="zero")):
        total += gradient.numpy() / 2
train_step(next(batches))
np.testing.assert_allclose(float(supernet.get_metrics_result()["loss"]), np.mean(losses), rtol=1e-4)
for weight, old, gradient in zip(supernet.trainable_variables, weights, expected):
    np.testing.assert_allclose(weight.numpy(), old.numpy() - gradient, rtol=1e-3, atol=1e-4, err_msg=weight.path)
for variable, *halves in zip(supernet.non_trainable_variables, *after):
    np.testing.assert_allclose(variable.numpy(), np.mean(halves, 0), rtol=1e-4, atol=1e-6, err_msg=variable.path)
for _ in range(3):
    train_step(next(batches))
assert supernet.optimizer.iterations.numpy() == 4
for variable in supernet.variables:
    copies = [copy.numpy() for copy in strategy.experimental_local_results(variable.value)]
    assert len(copies) == 2, variable.path
    np.testing.assert_array_equal(copies[0], copies[1], err_msg=variable.path)
print("done")
"""


@pytest.mark.parametrize("space", ["blocks", "chains"])
def test_replicas_take_the_same_step(space):
    """In a process of its own: logical devices must be set before TensorFlow starts."""
    script = MIRRORED.replace("SEARCH_SPACE", repr(SPACES[space].to_dict()))
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout == "done\n"


@pytest.mark.parametrize("space", ["blocks", "chains"])
def test_step_compiles_under_xla(randomise, space):
    rng = np.random.default_rng(0)
    batch = tf.constant(rng.normal(size=(4, 8, 8, 3)), tf.float32), tf.constant(rng.integers(0, 5, 4))
    after = []
    for jit_compile in (False, True):
        supernet = build_supernet(SPACES[space], 8, 5, seed=3, method="spos", rematerialize=jit_compile)
        compiled(randomise(supernet), L2SGD(0.1))
        train_step = tf.function(supernet.train_step, autograph=False, jit_compile=jit_compile)
        for _ in range(2):
            train_step(batch)
        after.append(values(supernet.weights))
    for variable, plain, xla in zip(supernet.weights, *after, strict=True):
        np.testing.assert_allclose(xla, plain, rtol=1e-4, atol=1e-5, err_msg=variable.path)
