"""What a workdir says of its training, and what it does not let happen to it."""

import json
from dataclasses import replace

import pytest

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.data import load_dataset
from scarlet_tf.errors import InputError
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.workdir import Workdir

CHANGES = {
    "dataset": "fashion_mnist_small",
    "image_size": 20,
    "batch_size": 100,
    "epochs": 5,
    "steps": 3,
    "optimizer": "adamw",
    "learning_rate": 0.1,
    "warmup_epochs": 0.0,
    "momentum": 0.8,
    "weight_decay": 0.0,
    "label_smoothing": 0.2,
    "dropout": 0.3,
    "stabilizer": "skip",
    "schedule": "exponential",
    "decay_rate": 0.9,
    "decay_epochs": 3.0,
    "auto_augment": "cifar10",
    "seed": 1,
}


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("synthetic")


@pytest.mark.parametrize("flag", CHANGES)
def test_resuming_with_another_setting_is_refused(flag, mini_supernet, dataset, digest):
    before, workdir = digest(mini_supernet), Workdir(mini_supernet)
    config = TrainConfig.read(workdir.config_path)
    assert workdir.check(config, dataset) == config
    with pytest.raises(InputError, match=rf"another --{flag}: .* Received: {CHANGES[flag]}\. .*Use another --workdir"):
        workdir.check(replace(config, **{flag: CHANGES[flag]}), dataset)
    assert digest(mini_supernet) == before


def test_resuming_with_another_network_or_space_is_refused(mini_supernet, mini_network, mini_space, dataset):
    config = TrainConfig.read(mini_network / "config.json")
    other = replace(config, model=NamedArch(mini_space, (1, 2, 1), "other"))
    with pytest.raises(InputError, match="another --model"):
        Workdir(mini_network).check(other, dataset)
    config = TrainConfig.read(mini_supernet / "config.json")
    with pytest.raises(InputError, match="another --space"):
        Workdir(mini_supernet).check(replace(config, space=replace(mini_space, activation="relu")), dataset)


@pytest.mark.parametrize(
    ("flag", "value"), [("new_classifier", True), ("freeze", "stem"), ("layer_decay", 0.5), ("weights", None)]
)
def test_resuming_with_another_start_is_refused(flag, value, tmp_path, mini_network, mini_arch, dataset):
    config = TrainConfig("synthetic", 16, model=mini_arch, weights=str(mini_network))
    workdir = Workdir(tmp_path)
    workdir.start(workdir.check(config, dataset))
    with pytest.raises(InputError, match=rf"another --{flag}: "):
        workdir.check(replace(config, **{flag: value}), dataset)


@pytest.mark.parametrize("change", [{"strategy": "cpu"}, {"data_dir": "/elsewhere"}])
def test_where_a_run_computes_may_change(change, mini_supernet, dataset):
    workdir = Workdir(mini_supernet)
    config = replace(TrainConfig.read(workdir.config_path), **change)
    assert workdir.check(config, dataset) == config


def test_number_of_classes_is_filled_in(tmp_path, mini_space, dataset):
    config = TrainConfig("synthetic", 16, space=mini_space)
    assert Workdir(tmp_path / "new").check(config, dataset) == replace(config, num_classes=10)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"space": "s1"}', '{"space": null, "model": null, "epochs": 3}'])
def test_config_that_is_none_is_refused(content, tmp_path, mini_space, dataset):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match=r"config\.json must"):
        Workdir(tmp_path).check(TrainConfig("synthetic", 16, space=mini_space), dataset)


@pytest.mark.parametrize("kind", ["supernet", "network"])
def test_config_is_read_as_it_was_written(kind, request, tmp_path):
    config = TrainConfig.read(request.getfixturevalue(f"mini_{kind}") / "config.json")
    Workdir(tmp_path / "copy").start(config)
    assert TrainConfig.read(tmp_path / "copy" / "config.json") == config
    if kind == "network":
        assert json.loads((tmp_path / "copy" / "arch.json").read_text()) == config.model.to_dict()


def test_metrics_are_cut_back_to_the_checkpoint(tmp_path):
    workdir = Workdir(tmp_path)
    workdir.truncate_metrics(0)
    assert not workdir.metrics_path.exists()
    for step in (10, 20, 30):
        workdir.append_metrics({"step": step, "loss": 1.5})
    whole = workdir.metrics_path.read_text()
    workdir.metrics_path.write_text(whole + '{"step": 25, "lo')
    workdir.truncate_metrics(30)
    assert workdir.metrics_path.read_text() == whole
    workdir.truncate_metrics(20)
    assert workdir.metrics_path.read_text() == whole[: 2 * len(whole) // 3]
