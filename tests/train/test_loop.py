"""Loss, learning rate and metrics of the training loop against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.data import load_dataset
from scarlet_tf.errors import RunError
from scarlet_tf.nets.supernet import build_supernet
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.loop import Schedule, cross_entropy, fit, make_optimizer
from scarlet_tf.train.strategy import make_strategy
from scarlet_tf.train.workdir import Workdir


def learning_rate(step: int, total: int, highest: float, warmup: int) -> float:
    """A line from 0 to the highest rate, then half a cosine to 0."""
    if step < warmup:
        return highest * step / warmup
    return highest * (1 + np.cos(np.pi * (step - warmup) / (total - warmup))) / 2


@pytest.mark.parametrize(("warmup_epochs", "warmup_steps"), [(0, 0), (0.5, 5), (2, 20), (50, 0)])
def test_learning_rate_warms_up_and_falls_as_a_cosine(mini_space, warmup_epochs, warmup_steps):
    config = TrainConfig("synthetic", 16, space=mini_space, learning_rate=0.3, warmup_epochs=warmup_epochs)
    optimizer = make_optimizer(config, total_steps=40, steps_per_epoch=10)
    optimizer.build([])
    received = []
    for step in range(41):
        optimizer.iterations.assign(step)
        received.append(float(optimizer.learning_rate))
    expected = [learning_rate(step, 40, 0.3, warmup_steps) for step in range(41)]
    np.testing.assert_allclose(received, expected, atol=1e-7)
    assert received[40] == pytest.approx(0, abs=1e-8)


def test_optimizer_has_the_settings_momentum_and_decay(mini_space):
    config = TrainConfig("synthetic", 16, space=mini_space, momentum=0.7, weight_decay=0.01)
    optimizer = make_optimizer(config, 40, 10)
    assert (optimizer.momentum, optimizer.l2) == (0.7, 0.01)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_cross_entropy_with_label_smoothing(smoothing):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 3, (6, 5)), np.array([0, 4, 2, 2, 1, 3])
    log_probability = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    target = (1 - smoothing) * np.eye(5)[labels] + smoothing / 5
    expected = -(target * log_probability).sum(axis=1).mean()
    loss = cross_entropy(smoothing, 5)(tf.constant(labels), tf.constant(logits, tf.float32))
    assert float(tf.reduce_mean(loss)) == pytest.approx(expected, rel=1e-5)


def test_schedule_counts_epochs_unless_steps_are_given(mini_space):
    dataset = load_dataset("synthetic")  # 2,000 images
    config = TrainConfig("synthetic", 16, space=mini_space, batch_size=300, epochs=3)
    assert Schedule.of(config, dataset) == Schedule(total_steps=18, steps_per_epoch=6)
    config = TrainConfig("synthetic", 16, space=mini_space, batch_size=300, epochs=3, steps=7)
    assert Schedule.of(config, dataset) == Schedule(total_steps=7, steps_per_epoch=6)


def test_weight_that_is_not_finite_is_never_saved(tmp_path, mini_space):
    strategy = make_strategy("cpu")
    with strategy.scope():
        supernet = build_supernet(mini_space, 8, 10)
    variance = next(weight for weight in supernet.weights if weight.name.endswith("variance"))
    variance.assign(np.full(variance.shape, np.inf))  # which no loss of a training step shows
    config = TrainConfig("synthetic", 8, space=mini_space, batch_size=20, steps=1)
    workdir = Workdir(tmp_path)
    with pytest.raises(RunError, match=r"diverged by step 1: a weight is not finite.*none yet"):
        fit(supernet, load_dataset("synthetic"), config, workdir, strategy, "test")
    assert not list(tmp_path.glob("**/*.index"))


@pytest.mark.parametrize("kind", ["supernet", "network"])
def test_metrics_say_what_a_step_was_like(kind, request, metrics):
    lines = metrics(request.getfixturevalue(f"mini_{kind}"))
    assert [line["step"] for line in lines] == list(range(20, 161, 20))
    assert [line["epoch"] for line in lines] == [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]
    expected = [learning_rate(step, 160, 0.2, 40) for step in range(20, 161, 20)]
    np.testing.assert_allclose([line["learning_rate"] for line in lines], expected, atol=1e-7)
    for line in lines:
        assert set(line) == {"step", "epoch", "loss", "accuracy", "learning_rate", "images_per_second"}
        assert 0 <= line["accuracy"] <= 1
        assert line["images_per_second"] > 0


@pytest.mark.parametrize("kind", ["supernet", "network"])
def test_training_learns(kind, request, metrics):
    lines = metrics(request.getfixturevalue(f"mini_{kind}"))
    assert lines[0]["loss"] == pytest.approx(np.log(10), abs=0.15)
    assert lines[-1]["loss"] < lines[0]["loss"] / 2
    assert lines[-1]["accuracy"] > 0.6
