"""Optimizers against NumPy in float64, by hand."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.train.optimizers import L2SGD, AdamW, L2RMSProp, LossScale

L2, MOMENTUM, STEPS = 0.05, 0.9, 6
START = {"kernel": (3, 4), "conv_kernel": (2, 2, 3, 4), "gamma": (4,), "bias": (4,)}
SLOW = "conv_kernel"
"""The variable whose layer has a quarter of the learning rate, where layers have rates of their own."""


def gradients_of(rng):
    return {name: rng.normal(size=shape) for name, shape in START.items()}


def rates():
    return [0.1 * 0.5 * (1 + np.cos(np.pi * step / STEPS)) for step in range(STEPS)]


def momentum_sgd(rate, weight, gradient, decay, state):
    """Weight and state after a step: decay joins the gradient."""
    velocity = MOMENTUM * state.get("velocity", 0.0) - rate * (gradient + decay * weight)
    return weight + velocity, {"velocity": velocity}


def rmsprop(rate, weight, gradient, decay, state):
    gradient = gradient + decay * weight
    mean_square = 0.9 * state.get("mean_square", 1.0) + 0.1 * gradient**2
    step = MOMENTUM * state.get("step", 0.0) + rate * gradient / np.sqrt(mean_square + 1e-3)
    return weight - step, {"mean_square": mean_square, "step": step}


def adamw(rate, weight, gradient, decay, state):
    count = state.get("count", 0) + 1
    mean = 0.9 * state.get("mean", 0.0) + 0.1 * gradient
    square = 0.999 * state.get("square", 0.0) + 0.001 * gradient**2
    step = rate * (mean / (1 - 0.9**count)) / (np.sqrt(square / (1 - 0.999**count)) + 1e-7)
    return weight * (1 - rate * decay) - step, {"count": count, "mean": mean, "square": square}


OPTIMIZERS = {
    "sgd": (momentum_sgd, lambda rate, l2, **kwargs: L2SGD(rate, MOMENTUM, l2, **kwargs)),
    "rmsprop": (rmsprop, lambda rate, l2, **kwargs: L2RMSProp(rate, MOMENTUM, l2, **kwargs)),
    "adamw": (adamw, lambda rate, l2, **kwargs: AdamW(rate, weight_decay=l2, **kwargs)),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("l2", [0.0, L2])
@pytest.mark.parametrize("share", [1.0, 0.25])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_equal_numpy_with_decay_of_kernels_alone(name, share, l2, compiled):
    rng = np.random.default_rng(0)
    by_hand, make = OPTIMIZERS[name]
    weights = gradients_of(rng)
    variables = [keras.Variable(value, dtype="float64", name=name) for name, value in weights.items()]
    layer_rates = {} if share == 1.0 else {SLOW: share}
    optimizer = make(keras.optimizers.schedules.CosineDecay(0.1, STEPS), l2, layer_rates=layer_rates)
    optimizer.build(variables)

    def step(*gradient):
        optimizer.apply_gradients(zip(gradient, variables, strict=True))

    step = tf.function(step) if compiled else step
    states = {variable: {} for variable in weights}
    for rate in rates():
        gradients = gradients_of(rng)
        step(*map(tf.constant, gradients.values()))
        for variable in variables:
            own = rate * (share if variable.name == SLOW else 1.0)
            decay = l2 if name == "adamw" or variable.name.endswith("kernel") else 0.0  # Keras' decays everything
            weights[variable.name], states[variable.name] = by_hand(
                own, weights[variable.name], gradients[variable.name], decay, states[variable.name]
            )
            rounding = 3e-5 if name == "adamw" else 1e-7  # Keras corrects Adam's bias in float32
            np.testing.assert_allclose(variable, weights[variable.name], rtol=1e-6, atol=rounding)


def test_adamw_is_keras_own_bit_for_bit():
    rng = np.random.default_rng(0)
    start, gradient = (rng.normal(size=(5, 3)).astype(np.float32) for _ in range(2))
    results = []
    for kind in (AdamW, keras.optimizers.AdamW):
        variable = keras.Variable(start)
        optimizer = kind(0.01, weight_decay=0.1)
        optimizer.build([variable])
        for _ in range(3):
            optimizer.apply_gradients([(tf.constant(gradient), variable)])
        results.append(np.asarray(variable).tobytes())
    assert results[0] == results[1]


def test_sgd_without_momentum_by_hand():
    variable = keras.Variable(np.full((2, 1), 3.0, np.float32))
    optimizer = L2SGD(0.5, momentum=0.0, l2=0.1)
    optimizer.build([variable])
    for expected in (1.85, 0.7575):  # 3 - 0.5 (2 + 0.3), and once more
        optimizer.apply_gradients([(tf.constant([[2.0], [2.0]]), variable)])
        np.testing.assert_allclose(variable, [[expected]] * 2, rtol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        L2SGD(0.3, momentum=0.7, l2=1e-3, clipnorm=2.0, name="ours", layer_rates={"stem": 0.5}),
        L2RMSProp(0.3, momentum=0.7, l2=1e-3, rho=0.8, epsilon=0.1, layer_rates={"stem": 0.5}),
        AdamW(0.3, weight_decay=1e-3, layer_rates={"stem": 0.5}),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_optimizers_come_back_from_their_config(optimizer):
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(copy) is type(optimizer)
    assert copy.get_config() == optimizer.get_config()
    assert copy.layer_rates == {"stem": 0.5}


def test_a_loss_scale_leaves_out_what_overflows_and_changes_nothing_else():
    rng = np.random.default_rng(0)
    start, gradient = (rng.normal(size=(5, 3)).astype(np.float32) for _ in range(2))
    plain, scaled = keras.Variable(start), keras.Variable(start)
    one, other = L2SGD(0.1, l2=0.05), LossScale(L2SGD(0.1, l2=0.05), initial_scale=8.0)
    one.build([plain])
    other.build([scaled])
    step = tf.function(lambda gradient: other.apply_gradients([(gradient, scaled)]))
    for overflow in (False, True, False):
        if overflow:
            before = np.asarray(scaled)
            step(tf.constant(gradient + np.where(np.arange(3) == 1, np.inf, 0).astype(np.float32)))
            np.testing.assert_array_equal(scaled, before)
        else:
            one.apply_gradients([(tf.constant(gradient), plain)])
            step(tf.constant(gradient) * other.dynamic_scale)  # of powers of two, so exactly
        np.testing.assert_array_equal(scaled, plain)
    assert (float(other.dynamic_scale), int(other.iterations)) == (4.0, 2)


OVERFLOW = """
import keras, numpy as np, tensorflow as tf
from scarlet_tf.train.optimizers import L2SGD, LossScale

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    weight, optimizer = keras.Variable(np.ones(3, "float32")), LossScale(L2SGD(0.25, momentum=0.0), initial_scale=8.0)
    optimizer.build([weight])

@tf.function(autograph=False)
def step(on_second):
    def replica():
        index = tf.distribute.get_replica_context().replica_id_in_sync_group
        gradient = tf.where(tf.equal(index, 1), on_second, 1.0) * tf.ones(3)
        optimizer.apply_gradients([(gradient * optimizer.dynamic_scale.value, weight)])
    strategy.run(replica)

for on_second in (1.0, np.inf, 0.0):
    step(tf.constant(on_second))
    print(*weight.numpy(), optimizer.dynamic_scale.numpy(), optimizer.iterations.numpy())
"""


def test_an_overflow_on_one_replica_leaves_the_step_out_on_all():
    """In a process of its own: logical devices must be set before TensorFlow starts."""
    run = subprocess.run([sys.executable, "-c", OVERFLOW], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.splitlines() == ["0.5 0.5 0.5 8.0 1", "0.5 0.5 0.5 4.0 1", "0.25 0.25 0.25 4.0 2"]
