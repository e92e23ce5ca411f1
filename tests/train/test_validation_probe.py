"""Probes of a standalone network in training: what they say, when, and that the training does not notice them."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from scarlet_tf.data import load_dataset
from scarlet_tf.evaluate import accuracy
from scarlet_tf.export.runtimes import keras_predictor
from scarlet_tf.train import training
from scarlet_tf.train.averages import WeightAverages
from scarlet_tf.train.checkpoints import Checkpoints
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.validation_probe import ValidationProbe


@pytest.fixture(scope="module")
def config(mini_arch):
    """4 steps an epoch; the training ends in the middle of the third. 120 images are no whole number of batches."""
    return TrainConfig(
        "synthetic",
        8,
        model=mini_arch,
        batch_size=500,
        steps=10,
        learning_rate=0.1,
        ema_decay=0.5,
        probe_epochs=1,
        probe_images=120,
    )


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    """Workdir of a training that was never stopped."""
    workdir = tmp_path_factory.mktemp("probed") / "whole"
    training.train(config, workdir)
    return workdir


def lines(workdir):
    return [json.loads(line) for line in (workdir / "probes.jsonl").read_text().splitlines()]


def test_probes_come_at_the_end_of_epochs_and_of_the_training(whole):
    assert [(line["step"], line["epoch"], line["images"]) for line in lines(whole)] == [
        (4, 1, 120),
        (8, 2, 120),
        (10, 2.5, 120),
    ]


def test_last_probe_is_the_accuracy_of_what_the_training_leaves(whole):
    predictor = keras_predictor(keras.models.load_model(whole / "model.keras"))
    correct, _ = accuracy(predictor.predict, load_dataset("synthetic"), "validation", 8, max_images=120)
    assert lines(whole)[-1]["correct"] == correct
    assert len({line["correct"] for line in lines(whole)}) > 1


def test_training_does_not_notice_its_probes(whole, config, tmp_path, tensors):
    training.train(replace(config, probe_epochs=0), tmp_path)
    assert not (tmp_path / "probes.jsonl").exists()
    one, other = tensors(tmp_path), tensors(whole)
    assert one.keys() == other.keys()
    different = {name for name in one if one[name].tobytes() != other[name].tobytes()}
    assert different <= {"_CHECKPOINTABLE_OBJECT_GRAPH"}


def test_stopped_training_ends_with_the_same_probes(whole, config, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def kill_at_the_second(self, step):
        if step == 8:
            raise Killed
        save(self, step)

    save = Checkpoints.save
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", kill_at_the_second)
        with pytest.raises(Killed):
            training.train(config, tmp_path)
    assert [line["step"] for line in lines(tmp_path)] == [4, 8]
    training.train(config, tmp_path)
    assert lines(tmp_path) == lines(whole)


def test_averages_are_measured_where_they_are_kept_and_the_weights_come_back(config, tmp_path, mini_arch, monkeypatch):
    model = training.build_model(mini_arch.arch, 8, 10)
    averages = WeightAverages(model, 0.9)
    averaged = [np.asarray(weight) for weight in model.weights]
    for weight in model.weights:
        weight.assign(weight + 1.0)
    trained = [np.asarray(weight) for weight in model.weights]
    seen = []
    workdir = training.Workdir(tmp_path)
    probe = ValidationProbe(model, load_dataset("synthetic"), config, workdir, 10, averages)
    append = type(workdir).append_probe
    monkeypatch.setattr(type(workdir), "append_probe", lambda self, record: (seen.append(record), append(self, record)))
    with averages.in_place():
        for weight, expected in zip(model.weights, averaged, strict=True):
            np.testing.assert_array_equal(weight, expected)
        alone = keras_predictor(model)
        correct, _ = accuracy(alone.predict, load_dataset("synthetic"), "validation", 8, max_images=120)
    probe(4)
    assert [record["correct"] for record in seen] == [correct]
    for weight, expected in zip(model.weights, trained, strict=True):
        np.testing.assert_array_equal(weight, expected)
