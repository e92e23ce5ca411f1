"""Small networks of all that a twin has to be built of."""

from collections.abc import Callable

import keras
import numpy as np
import pytest

from scarlet_tf.arch.spec import ArchSpec, Head, MBConv, Projection, Skip, Stem
from scarlet_tf.nets.standalone import build_model

IMAGE_SIZE = 32
ARCHS = {
    "hard_swish": ArchSpec(
        "hard_swish",
        Stem(8, stride=2, separable_filters=6),  # 32 -> 16
        (
            Skip(12, stride=2),
            MBConv(3, 7, 12, se=True),  # 16 -> 8, by the skip's stride
            MBConv(3, 7, 12),  # shortcut
            MBConv(3, 7, 16, stride=2, se=True),  # 8 -> 4
            Projection(20, stride=2),  # 4 -> 2
            MBConv(6, 7, 20, se=True),  # on 2 pixels outer rows of the kernel only meet padding
            MBConv(3, 5, 24, stride=2),  # 2 -> 1
        ),
        Head(32, activation="hard_swish"),
    ),
    "relu": ArchSpec(
        "relu",
        Stem(8, stride=2),
        (MBConv(3, 3, 12, se=True), MBConv(3, 7, 12), MBConv(3, 5, 16, stride=2)),
        Head(32),
        activation="relu",
    ),
}


def _build(name: str, seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = build_model(ARCHS[name], IMAGE_SIZE, 10)
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.name.endswith(("gamma", "variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.name.endswith(("beta", "mean", "bias")):
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


@pytest.fixture(scope="session")
def build() -> Callable[..., keras.Model]:
    """Builds a small network by name, with random batch norms and biases."""
    return _build


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(120, IMAGE_SIZE, IMAGE_SIZE, 3)).astype(np.float32)
