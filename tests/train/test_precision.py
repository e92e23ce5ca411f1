"""Trainings that compute in 16 bits."""

import keras
import numpy as np
import pytest

from scarlet_tf.models import load_supernet
from scarlet_tf.train import training
from scarlet_tf.train.config import TrainConfig

STEP = {"batch_size": 20, "steps": 1, "learning_rate": 0.1}


@pytest.fixture(scope="module")
def float32_loss(mini_space, tmp_path_factory, metrics):
    path = tmp_path_factory.mktemp("float32")
    training.train(TrainConfig("synthetic", 16, space=mini_space, **STEP), path)
    return metrics(path)[0]["loss"]


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_supernet_computes_in_16_bits_with_float32_weights(
    precision, mini_space, tmp_path, metrics, tensors, float32_loss
):
    policy = keras.config.dtype_policy()
    config = TrainConfig("synthetic", 16, space=mini_space, precision=precision, **STEP)
    supernet = training.train(config, tmp_path)
    assert keras.config.dtype_policy() == policy
    images = np.random.default_rng(0).normal(size=(4, 16, 16, 3)).astype(np.float32)
    assert supernet.stem(images).dtype == precision.removeprefix("mixed_")
    assert supernet(images, path=(0, 1, 2)).dtype == "float32"
    assert {weight.dtype for weight in supernet.weights} == {"float32"}
    assert metrics(tmp_path)[0]["loss"] == pytest.approx(float32_loss, rel=2e-3)
    assert metrics(tmp_path)[0]["loss"] != float32_loss
    scales = [value for value in tensors(tmp_path).values() if value.shape == () and value == 2.0**15]
    assert len(scales) == (precision == "mixed_float16")
    loaded = load_supernet(tmp_path)
    assert loaded.slots[0].candidates[0].compute_dtype == "float32"
    for one, other in zip(loaded.weights, supernet.weights, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)
    np.testing.assert_allclose(loaded(images, path=(0, 1, 2)), supernet(images, path=(0, 1, 2)), atol=0.02)


def test_network_is_written_to_compute_in_float32(mini_arch, tmp_path):
    config = TrainConfig("synthetic", 16, model=mini_arch, precision="mixed_bfloat16", **STEP)
    trained = training.train(config, tmp_path)
    assert trained.get_layer("slot_0").compute_dtype == "bfloat16"
    saved = keras.models.load_model(tmp_path / "model.keras")
    assert {layer.compute_dtype for layer in saved.layers} == {"float32"}
    for one, other in zip(saved.weights, trained.weights, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)
