"""Networks trained alone with stabilizers in the slots that they skip, and who reads them."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from scarlet_tf.data import load_dataset
from scarlet_tf.errors import InputError
from scarlet_tf.models import load_model
from scarlet_tf.nets.stabilizer import Stabilizer
from scarlet_tf.train import training
from scarlet_tf.train.checkpoints import Checkpoints
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.workdir import Workdir
from scarlet_tf.weights import WeightsSource


@pytest.fixture(scope="module")
def config(mini_arch):
    recipe = {"batch_size": 500, "steps": 12, "learning_rate": 0.2, "precision": "mixed_bfloat16"}
    return TrainConfig("synthetic", 8, model=mini_arch, keep_stabilizers=True, **recipe)


@pytest.fixture(scope="module")
def trained(config, tmp_path_factory):
    """Workdirs by kind of stabilizer."""
    place = tmp_path_factory.mktemp("stabilized")
    for kind in ("els", "els_relu", "skip"):
        training.train(replace(config, stabilizer=kind), place / kind)
    return {kind: place / kind for kind in ("els", "els_relu", "skip")}


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype(np.float32)


def kinds(model):
    return {layer.name: layer.kind for layer in model.layers if isinstance(layer, Stabilizer)}


@pytest.mark.parametrize("kind", ["els", "els_relu", "skip"])
def test_they_stand_in_the_skipped_slots_and_are_trained(kind, trained):
    model = keras.models.load_model(trained[kind] / "model.keras")
    assert kinds(model) == {"slot_1": kind}
    if kind != "skip":
        moved = np.asarray(model.get_layer("slot_1").kernel)[0, 0] - np.eye(12)
        assert np.abs(moved).max() > 1e-3


@pytest.mark.parametrize("kind", ["els", "skip"])
def test_they_are_removed_exactly_by_whoever_loads_the_network(kind, trained, mini_arch, images):
    source = WeightsSource.find(mini_arch, str(trained[kind]))
    loaded = load_model(mini_arch, source, dropout=0.0)
    kept = keras.models.load_model(trained[kind] / "model.keras")
    expected = np.asarray(kept(images))
    assert np.ptp(expected, axis=0).min() > 1e-3 * np.abs(expected).max()
    np.testing.assert_allclose(loaded.model(images), expected, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(loaded.path_logits(images), expected, atol=1e-5 * np.abs(expected).max())
    assert (kinds(loaded.model), loaded.extraction.kind, loaded.extraction.kept) == ({}, kind, 0)
    assert [removal.slot for removal in loaded.extraction.removals] == [1]


def test_els_may_be_kept(trained, mini_arch, images):
    source = WeightsSource.find(mini_arch, str(trained["els"]))
    loaded = load_model(mini_arch, source, keep_stabilizers=True)
    assert (kinds(loaded.model), loaded.extraction.removals, loaded.extraction.kept) == ({"slot_1": "els"}, (), 1)
    expected = keras.models.load_model(trained["els"] / "model.keras")(images)
    np.testing.assert_array_equal(loaded.model(images), expected)


def test_only_els_may_be_kept(trained, mini_arch):
    source = WeightsSource.find(mini_arch, str(trained["skip"]))
    with pytest.raises(InputError, match=r"--keep_stabilizers is for els\. Received: a network with skip"):
        load_model(mini_arch, source, keep_stabilizers=True)


def test_els_relu_is_refused_but_its_file_runs(trained, mini_arch, images):
    with pytest.raises(InputError, match=r"els_relu --keep_stabilizers: no linear map.*els_relu/model\.keras"):
        WeightsSource.find(mini_arch, str(trained["els_relu"]))
    assert keras.models.load_model(trained["els_relu"] / "model.keras")(images).shape == (8, 10)


def test_network_can_be_trained_on_once_they_are_removed(trained, mini_arch, tmp_path, images, monkeypatch):
    monkeypatch.setattr(training, "fit", lambda *arguments: None)
    config = TrainConfig("synthetic", 8, model=mini_arch, weights=str(trained["els"]))
    model = training.train(config, tmp_path)
    expected = np.asarray(keras.models.load_model(trained["els"] / "model.keras")(images))
    np.testing.assert_allclose(model(images), expected, atol=1e-4 * np.abs(expected).max())


def test_training_goes_on_after_a_stop(trained, config, tmp_path, tensors, monkeypatch):
    def save_and_stop(self, step):
        save(self, step)
        raise KeyboardInterrupt

    save = Checkpoints.save
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            training.train(config, tmp_path)
    assert not (tmp_path / "model.keras").exists()
    training.train(config, tmp_path)
    one, other = tensors(tmp_path), tensors(trained["els"])
    assert one.keys() == other.keys()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one if name != "_CHECKPOINTABLE_OBJECT_GRAPH")
    with pytest.raises(InputError, match="--keep_stabilizers: True -> False"):
        Workdir(tmp_path).check(replace(config, keep_stabilizers=False), load_dataset("synthetic"))


def test_settings_of_older_trainings_are_read(mini_network, tmp_path):
    data = json.loads((mini_network / "config.json").read_text())
    del data["keep_stabilizers"]
    (tmp_path / "config.json").write_text(json.dumps(data))
    assert TrainConfig.read(tmp_path / "config.json") == TrainConfig.read(mini_network / "config.json")
    assert TrainConfig.read(tmp_path / "config.json").kept_stabilizer is None
