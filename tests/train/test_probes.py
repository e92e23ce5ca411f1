"""Probes of a supernet in training: what they say, when, and that the training does not notice them."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from scarlet_tf.analysis.ranking import probe_paths
from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem
from scarlet_tf.data import load_dataset
from scarlet_tf.errors import InputError
from scarlet_tf.models import load_supernet
from scarlet_tf.nets.single_path import single_path
from scarlet_tf.nets.supernet import build_supernet
from scarlet_tf.search.evaluator import SupernetEvaluator
from scarlet_tf.train import probes, training
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.workdir import Workdir


@pytest.fixture(scope="module")
def config():
    """4 networks, of which 3 are probed; 4 steps an epoch; the training ends in the middle of the third."""
    space = SearchSpace("two", Stem(8), (Slot(12, stride=2), Slot(12)), (Choice(2, 3), SKIP), Head(16))
    return TrainConfig(
        "synthetic",
        8,
        space=space,
        batch_size=500,
        steps=10,
        learning_rate=0.1,
        seed=2,
        probe_epochs=1,
        probe_paths=3,
        probe_images=90,
        probe_bn="batch",  # which alone moves any weight on the way
    )


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    """Workdir of a training that was never stopped."""
    workdir = tmp_path_factory.mktemp("probed") / "whole"
    training.train(config, workdir)
    return workdir


def lines(workdir):
    return [json.loads(line) for line in (workdir / "probes.jsonl").read_text().splitlines()]


def different_bits(tensors, workdir, other):
    """Names of what differs in two checkpoints, but for the layers' names, which a process counts on."""
    one, two = tensors(workdir), tensors(other)
    assert one.keys() == two.keys()
    return {name for name in one if one[name].tobytes() != two[name].tobytes()} - {"_CHECKPOINTABLE_OBJECT_GRAPH"}


def test_probes_come_at_the_end_of_epochs_and_of_the_training(whole, config):
    assert [(line["step"], line["epoch"]) for line in lines(whole)] == [(4, 1), (8, 2), (10, 2.5)]
    assert (whole / "probes.png").read_bytes().startswith(b"\x89PNG")
    for line in lines(whole):
        assert line["paths"] == [list(path) for path in probe_paths(config.space, 3, seed=2)]
        assert (line["images"], line["least_updates"], line["most_updates"]) == (90, line["step"], line["step"])
        assert np.shape(line["similarity"]) == (2, 2, 2)
        assert line["health"]["mean"] == pytest.approx(np.mean(line["accuracies"]))


def test_accuracies_are_those_of_the_checkpoint(whole):
    supernet, (*_, last) = load_supernet(whole), lines(whole)
    weights = supernet.get_weights()
    ((images, labels),) = load_dataset("synthetic").evaluation_batches("validation", 90, 8, 90)
    for path, accuracy in zip(last["paths"], last["accuracies"], strict=True):
        supernet.set_weights(weights)
        predicted = np.argmax(supernet(images, path=path, training=True), axis=-1)
        assert accuracy == pytest.approx(np.mean(predicted == labels), abs=1e-6)


def test_moving_statistics_are_those_of_a_search(config, tmp_path):
    config, dataset = replace(config, probe_bn="moving", method="spos"), load_dataset("synthetic")
    supernet = build_supernet(config.space, 8, 10)
    rng = np.random.default_rng(0)
    for weight in supernet.weights:
        if weight.name.endswith(("mean", "variance")):
            weight.assign(rng.uniform(0.5, 2.5, weight.shape))
    probes.Probe(supernet, dataset, config, Workdir(tmp_path), 7)(7)
    (line,) = lines(tmp_path)
    paths = np.array([single_path(config.seed, step, 2, 2) for step in range(7)])
    counts = [np.sum(paths[:, slot] == choice) for slot in range(2) for choice in range(2)]
    assert (line["bn"], line["least_updates"], line["most_updates"]) == ("moving", min(counts), max(counts))
    batches = dataset.evaluation_batches("validation", 90, 8, 90)
    assert line["accuracies"] == pytest.approx(SupernetEvaluator(supernet, batches)(line["paths"]), abs=1e-6)


def test_training_does_not_notice_its_probes(whole, config, tmp_path, tensors, metrics, capsys):
    training.train(replace(config, probe_epochs=0), tmp_path)
    assert not (tmp_path / "probes.jsonl").exists()
    assert different_bits(tensors, tmp_path, whole) == set()
    timeless = [[{**line, "images_per_second": 0} for line in metrics(path)] for path in (tmp_path, whole)]
    assert timeless[0] == timeless[1]
    *_, last = capsys.readouterr().out.splitlines()
    assert re.search(r" 10/10, 0 s left  loss \d\.\d{3}  accuracy \d+\.\d%  [\d,]+ images/s$", last)


def test_training_stopped_between_a_probe_and_its_checkpoint_ends_with_the_same_probes(
    whole, config, tmp_path, tensors, metrics, events, monkeypatch, capsys
):
    class Killed(BaseException):
        pass

    def kill_at_the_second(path, records, *rest):
        if len(records) == 2:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(probes, "plot_probes", kill_at_the_second)
        with pytest.raises(Killed):
            training.train(config, tmp_path)
    assert [line["step"] for line in lines(tmp_path)] == [4, 8]
    with (tmp_path / "probes.jsonl").open("a") as file:
        file.write('{"step": 9, "epo')
    capsys.readouterr()
    training.train(config, tmp_path)
    assert (tmp_path / "probes.jsonl").read_text() == (whole / "probes.jsonl").read_text()
    assert different_bits(tensors, tmp_path, whole) == set()
    assert [event["step"] for event in events(tmp_path)] == [line["step"] for line in metrics(tmp_path)]
    said = capsys.readouterr()
    assert [line.split(":")[0] for line in said.out.splitlines() if line.startswith("probe")] == [
        "probe at step 8",
        "probe at step 10",
    ]
    # ten steps are too few: paths are at chance still, or all alike
    assert said.err.count("WARNING: probe at step") == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"probe_epochs": -1}, "--probe_epochs must be at least 0. Received: -1"),
        ({"probe_paths": 1}, "--probe_paths must be at least 2. Received: 1"),
        ({"probe_images": 0}, "--probe_images must be at least 1. Received: 0"),
    ],
)
def test_numbers_that_make_no_probe_are_refused(config, change, said):
    with pytest.raises(InputError, match=said):
        replace(config, **change)


def test_statistics_of_a_batch_are_for_supernets(mini_arch):
    with pytest.raises(InputError, match=r"--probe_bn is for --space\. Received: batch with --model"):
        TrainConfig("synthetic", 16, model=mini_arch, probe_epochs=1, probe_bn="batch")


def test_probes_may_be_turned_off_or_on_later_but_not_changed(whole, config):
    workdir, dataset = Workdir(whole), load_dataset("synthetic")
    assert workdir.check(replace(config, probe_epochs=0), dataset).probe_epochs == 0
    with pytest.raises(InputError, match="--probe_paths: 3 -> 6"):
        workdir.check(replace(config, probe_paths=6), dataset)
