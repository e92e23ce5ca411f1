"""Where a training starts from, and what it leaves."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from scarlet_tf.arch.named import NamedArch, resolve
from scarlet_tf.errors import InputError
from scarlet_tf.export.extract import extract
from scarlet_tf.models import load_model, load_supernet
from scarlet_tf.train import training
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.weights import WeightsSource


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(8, 16, 16, 3)).astype(np.float32)


@pytest.fixture
def stopped_at_the_start(monkeypatch):
    """Trainings end before their first step."""
    monkeypatch.setattr(training, "fit", lambda *arguments: None)


def test_network_starts_from_the_supernets_weights(tmp_path, mini_supernet, mini_arch, images, stopped_at_the_start):
    config = TrainConfig("synthetic", 16, model=mini_arch, weights=str(mini_supernet), dropout=0.35)
    model = training.train(config, tmp_path)
    expected = extract(load_supernet(mini_supernet), mini_arch.genotype)
    np.testing.assert_array_equal(model(images), expected(images))
    assert model.get_layer("dropout").rate == 0.35
    assert resolve(str(tmp_path)) == mini_arch


def test_a_path_alone_is_trained_in_lanes_which_the_model_does_not_keep(tmp_path, mini_arch, mini_space, monkeypatch):
    seen = []
    monkeypatch.setattr(training, "fit", lambda model, *rest: seen.append(model.get_layer("stem").lanes))
    for name, settings in {
        "network": {"model": mini_arch},
        "spos": {"space": mini_space, "method": "spos"},
        "fair": {"space": mini_space},
    }.items():
        model = training.train(TrainConfig("synthetic", 16, **settings), tmp_path / name)
        seen.append(model.get_layer("stem").lanes)
    assert seen == [2, 1, 2, 1, 1, 1]


def test_network_starts_from_fresh_weights_of_its_seed(tmp_path, mini_arch, images, stopped_at_the_start):
    config = TrainConfig("synthetic", 16, model=mini_arch, seed=3)
    first, again, other = (
        training.train(replace(config, seed=seed), tmp_path / name)(images)
        for name, seed in (("first", 3), ("again", 3), ("other", 4))
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_finished_network_is_also_a_keras_file(mini_network, mini_arch, images):
    saved = keras.models.load_model(mini_network / "model.keras")  # as users load it, who may lack our loss
    trained = load_model(mini_arch, WeightsSource.find(mini_arch, str(mini_network))).model
    np.testing.assert_array_equal(saved(images), trained(images))
    assert saved.get_layer("dropout").rate == 0.5
    assert not saved.compiled
    assert json.loads((mini_network / "arch.json").read_text()) == mini_arch.to_dict()


def test_supernet_leaves_no_file_of_a_network(mini_supernet):
    names = sorted(path.name for path in mini_supernet.iterdir())
    assert names == ["checkpoints", "config.json", "data.json", "metrics.jsonl", "tensorboard"]


def test_keras_file_that_a_kill_left_out_is_written_by_the_next_run(tmp_path, mini_network):
    shutil.copytree(mini_network, tmp_path / "network")
    (tmp_path / "network" / "model.keras").unlink()
    training.train(TrainConfig.read(mini_network / "config.json"), tmp_path / "network")
    again, before = (keras.models.load_model(path / "model.keras") for path in (tmp_path / "network", mini_network))
    for one, other in zip(again.weights, before.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("genotype", "weights", "said"),
    [
        ((0, 2, 0), "mini_network", "must be of the architecture other"),
        ((1, 2, 0), "missing", "nothing there"),
    ],
)
def test_weights_that_do_not_fit_leave_no_workdir(genotype, weights, said, request, tmp_path, mini_space):
    path = Path("/nowhere") if weights == "missing" else request.getfixturevalue(weights)
    config = TrainConfig("synthetic", 16, model=NamedArch(mini_space, genotype, "other"), weights=str(path))
    with pytest.raises(InputError, match=said):
        training.train(config, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_damaged_checkpoint_is_named(tmp_path, mini_network):
    shutil.copytree(mini_network, tmp_path / "network")
    for data in (tmp_path / "network" / "checkpoints").glob("*.data*"):
        data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"checkpoints must hold a whole checkpoint\. Received: .*/step-160 \("):
        training.train(TrainConfig.read(mini_network / "config.json"), tmp_path / "network")
