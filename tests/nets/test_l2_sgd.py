import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.train.sgd import L2SGD

L2, MOMENTUM, STEPS = 0.05, 0.9, 6
START = {"kernel": (3, 4), "conv_kernel": (2, 2, 3, 4), "gamma": (4,), "bias": (4,)}


def gradients_of(rng):
    return {name: rng.normal(size=shape) for name, shape in START.items()}


def rates():
    return [0.1 * 0.5 * (1 + np.cos(np.pi * step / STEPS)) for step in range(STEPS)]


def momentum_sgd_in_numpy(values, gradients, l2, momentum):
    """Weights after every step: decay joins the gradient of whatever has more than one dimension."""
    velocity = {name: np.zeros_like(value) for name, value in values.items()}
    for rate, gradient in zip(rates(), gradients, strict=True):
        for name in values:
            decay = l2 * values[name] if name.endswith("kernel") else 0.0
            velocity[name] = momentum * velocity[name] - rate * (gradient[name] + decay)
            values = values | {name: values[name] + velocity[name]}
        yield values


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("l2", [0.0, L2])
def test_steps_equal_momentum_sgd_with_decay_of_kernels_alone(compiled, l2):
    rng = np.random.default_rng(0)
    start = gradients_of(rng)
    gradients = [gradients_of(rng) for _ in range(STEPS)]
    variables = [keras.Variable(value, dtype="float64", name=name) for name, value in start.items()]
    optimizer = L2SGD(keras.optimizers.schedules.CosineDecay(0.1, STEPS), MOMENTUM, l2)
    optimizer.build(variables)

    def step(*gradient):
        optimizer.apply_gradients(zip(gradient, variables, strict=True))

    step = tf.function(step) if compiled else step
    for gradient, expected in zip(gradients, momentum_sgd_in_numpy(start, gradients, l2, MOMENTUM), strict=True):
        step(*map(tf.constant, gradient.values()))
        for variable in variables:
            np.testing.assert_allclose(variable, expected[variable.name], rtol=1e-6, atol=1e-7)


def test_optimizer_comes_back_from_its_config():
    optimizer = L2SGD(0.3, momentum=0.7, l2=1e-3, clipnorm=2.0, name="ours")
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(copy, L2SGD)
    assert copy.get_config() == optimizer.get_config()
    assert copy.l2 == 1e-3
