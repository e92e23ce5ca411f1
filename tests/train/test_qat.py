"""Fine-tuning of a network for int8, from its float32 weights to the file."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.export.partitions import partitions
from scarlet_tf.export.runtimes import keras_predictor, load_artifact
from scarlet_tf.export.tflite import write_tflite
from scarlet_tf.models import load_model
from scarlet_tf.quantization.aware_model import QuantisationAwareModel
from scarlet_tf.train.checkpoints import Checkpoints
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.training import train
from scarlet_tf.weights import WeightsSource


@pytest.fixture(scope="module")
def config(mini_network, mini_arch) -> TrainConfig:
    """60 steps, 40 an epoch."""
    return TrainConfig(
        "synthetic",
        16,
        model=mini_arch,
        weights=str(mini_network),
        qat=True,
        batch_size=50,
        steps=60,
        learning_rate=0.01,
        strategy="cpu",
    )


@pytest.fixture(scope="module")
def trained(config, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("qat") / "trained"
    train(config, workdir)
    return workdir


@pytest.fixture(scope="module")
def loaded(trained, mini_arch):
    return load_model(mini_arch, WeightsSource.find(mini_arch, str(trained)))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(200, 16, 16, 3)).astype(np.float32)


def test_stopped_training_ends_with_the_same_bits(trained, config, tmp_path, monkeypatch, tensors, metrics):
    save = Checkpoints.save

    def save_and_stop(self: Checkpoints, step: int) -> None:
        save(self, step)
        raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path)
    monkeypatch.undo()
    assert metrics(tmp_path)[-1]["step"] == 40
    train(config, tmp_path)
    expected, received = tensors(trained), tensors(tmp_path)
    assert received.keys() == expected.keys()
    names = expected.keys() - {"_CHECKPOINTABLE_OBJECT_GRAPH"}  # of objects, which Keras numbers within a process
    assert [name for name in names if expected[name].tobytes() != received[name].tobytes()] == []
    timeless = [[{**line, "images_per_second": 0} for line in metrics(path)] for path in (trained, tmp_path)]
    assert timeless[0] == timeless[1]


def test_weights_and_ranges_were_trained(trained, loaded, mini_network, mini_arch):
    before = load_model(mini_arch, WeightsSource.find(mini_arch, str(mini_network))).model
    fresh = QuantisationAwareModel(before).twin
    for old, new in zip(fresh.links, loaded.twin.links, strict=True):
        statistic = old.twin.name.rpartition("/")[2].startswith("moving_")
        assert np.array_equal(old.twin.numpy(), new.twin.numpy()) == statistic, old.twin.name


def test_model_file_is_the_float_network_of_the_trained_weights(trained, loaded, images):
    saved = keras.models.load_model(trained / "model.keras", compile=False)
    np.testing.assert_array_equal(saved(images[:4], training=False), loaded.model(images[:4], training=False))
    logits = loaded.model(images, training=False).numpy()
    error = loaded.twin.model(images, training=False).numpy() - logits
    assert 0 < np.sqrt(np.square(error).mean()) < 0.1 * logits.std()


def test_file_computes_what_the_twin_does(loaded, images, tmp_path):
    path = write_tflite(loaded.model, tmp_path / "model_qat.tflite", "qat", twin=loaded.twin)
    assert partitions(path).count == 1
    expected, logits = keras_predictor(loaded.twin.model).predict(images), load_artifact(path).predict(images)
    error = np.sqrt(np.square(logits - expected).mean()) / expected.std()
    assert error < 0.03
    assert (logits.argmax(1) == expected.argmax(1)).mean() > 0.97


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weights": None}, "--qat needs --weights"),
        ({"strategy": "mirrored"}, "one device.*mirrored"),
        ({"strategy": "multiworker"}, "one device.*multiworker"),
        ({"precision": "mixed_bfloat16"}, "--precision.*float32 with --qat.*mixed_bfloat16"),
        ({"new_classifier": True}, "--new_classifier.*--qat"),
        ({"freeze": "stem"}, "--freeze.*--qat"),
        ({"layer_decay": 0.9}, "--layer_decay.*--qat"),
        ({"ema_decay": 0.9}, "--ema_decay.*--qat"),
        ({"sync_batch_norm": True}, "--sync_batch_norm.*--qat"),
    ],
)
def test_what_does_not_go_with_qat_is_refused(change, said, config):
    with pytest.raises(InputError, match=said):
        replace(config, **change)


def test_a_supernet_is_not_for_qat(mini_space):
    with pytest.raises(InputError, match="--qat is for --model"):
        TrainConfig("synthetic", 16, space=mini_space, qat=True)
