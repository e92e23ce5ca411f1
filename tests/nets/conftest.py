"""A space of five slots in two stages, random weights, and double precision."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem
from scarlet_tf.train.graph import skip_graph_rewrites_on_cpu


@pytest.fixture(autouse=True)
def no_graph_rewrites() -> Iterator[None]:
    """As a training has it: they take minutes in double precision."""
    before = tf.config.optimizer.get_experimental_options()
    skip_graph_rewrites_on_cpu()
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False} | before)


@pytest.fixture(scope="session")
def tiny_space() -> SearchSpace:
    """Stages of 3 and 2 slots, 4 choices; the smallest image has 4 pixels."""
    return SearchSpace(
        "tiny",
        Stem(4, stride=1),
        (Slot(6, stride=2), Slot(6), Slot(6), Slot(8, stride=2), Slot(8)),
        (Choice(2, 3), Choice(3, 5, se=True), SKIP, Choice(1, 7)),
        Head(12),
    )


@pytest.fixture(scope="session")
def with_projections(tiny_space: SearchSpace) -> SearchSpace:
    """The same, but a skip at the first slot of a stage is a projection."""
    return replace(tiny_space, name="with_projections", stage_skip="projection")


@pytest.fixture(scope="session")
def without_skip() -> SearchSpace:
    """Stages of 2 and 1 slots, 3 choices and none of them skips."""
    return SearchSpace(
        "without_skip",
        Stem(4, stride=1, separable_filters=6),
        (Slot(8, stride=2), Slot(8), Slot(10)),
        (Choice(2, 3), Choice(3, 3), Choice(2, 5, se=True)),
        Head(12),
        activation="relu",
    )


@pytest.fixture
def float64() -> Iterator[None]:
    """Layers made inside the test compute in double precision."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


def _randomise(layer: keras.layers.Layer, seed: int = 0) -> keras.layers.Layer:
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        if weight.name.endswith(("gamma", "variance")):
            value = rng.uniform(0.5, 1.5, weight.shape)
        elif len(weight.shape) > 1:
            fan_in = np.prod(weight.shape[:2]) * (1 if weight.name == "depthwise_kernel" else weight.shape[-2])
            value = rng.normal(0, np.sqrt(2 / fan_in), weight.shape)
        else:
            value = rng.normal(0, 0.3, weight.shape)
        weight.assign(value)
    return layer


@pytest.fixture(scope="session")
def randomise() -> Callable[..., keras.layers.Layer]:
    """Gives a layer or model random weights and batch norm statistics, drawn from a seed, and returns it."""
    return _randomise
