"""What a workdir says of its training, and what it does not let happen to it."""

import json
import re
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
    "precision": "mixed_bfloat16",
    "sync_batch_norm": True,
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
    change = re.escape(f"Changed: --{flag}: {getattr(config, flag)} -> {CHANGES[flag]}. Use another --workdir")
    with pytest.raises(InputError, match=change):
        workdir.check(replace(config, **{flag: CHANGES[flag]}), dataset)
    assert digest(mini_supernet) == before


def test_all_changes_are_named_in_one_line(mini_supernet, dataset):
    config = TrainConfig.read(mini_supernet / "config.json")
    other = replace(config, image_size=32, seed=1, strategy="cpu")
    with pytest.raises(InputError) as raised:
        Workdir(mini_supernet).check(other, dataset)
    assert "Changed: --image_size: 16 -> 32, --seed: 0 -> 1. Use another" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_resuming_with_other_data_is_refused(tmp_path, mini_space, dataset):
    workdir = Workdir(tmp_path)
    config = workdir.check(TrainConfig("synthetic", 16, space=mini_space), dataset)
    workdir.start(replace(config, num_classes=9, num_train_images=1999))
    said = "Changed: classes of the data set: 9 -> 10, training images of the data set: 1999 -> 2000. Use"
    with pytest.raises(InputError, match=said):
        workdir.check(config, dataset)
    data = config.to_dict()
    del data["num_train_images"]  # as older versions wrote it
    workdir.config_path.write_text(json.dumps(data))
    assert workdir.check(config, dataset) == config


def test_resuming_with_another_network_or_space_is_refused(mini_supernet, mini_network, mini_space, dataset):
    config = TrainConfig.read(mini_network / "config.json")
    other = replace(config, model=NamedArch(mini_space, (1, 2, 1), "other"))
    with pytest.raises(InputError, match=r"Changed: --model: mini_arch -> other\. "):
        Workdir(mini_network).check(other, dataset)
    config = TrainConfig.read(mini_supernet / "config.json")
    with pytest.raises(InputError, match=r"Changed: --space: mini -> another mini\. "):
        Workdir(mini_supernet).check(replace(config, space=replace(mini_space, activation="relu")), dataset)


@pytest.mark.parametrize(
    ("flag", "value"),
    [("new_classifier", True), ("freeze", "stem"), ("layer_decay", 0.5), ("ema_decay", 0.9), ("weights", None)],
)
def test_resuming_with_another_start_is_refused(flag, value, tmp_path, mini_network, mini_arch, dataset):
    config = TrainConfig("synthetic", 16, model=mini_arch, weights=str(mini_network))
    workdir = Workdir(tmp_path)
    workdir.start(workdir.check(config, dataset))
    with pytest.raises(InputError, match=rf"Changed: --{flag}: .* -> {value}\. Use"):
        workdir.check(replace(config, **{flag: value}), dataset)


@pytest.mark.parametrize(
    "change",
    [
        {"strategy": "cpu"},
        {"data_dir": "/elsewhere"},
        {"connect_timeout": 5.0},
        {"rematerialize": True, "streams_at_once": 1},
    ],
)
def test_where_a_run_computes_and_what_memory_it_takes_may_change(change, mini_supernet, dataset):
    workdir = Workdir(mini_supernet)
    config = replace(TrainConfig.read(workdir.config_path), **change)
    assert workdir.check(config, dataset) == config


def test_number_of_classes_is_filled_in(tmp_path, mini_space, dataset):
    config = TrainConfig("synthetic", 16, space=mini_space)
    assert Workdir(tmp_path / "new").check(config, dataset) == replace(config, num_classes=10, num_train_images=2000)
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
