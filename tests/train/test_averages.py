"""Averages of the weights against NumPy in float64, and who gets to see them."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.models import load_model
from scarlet_tf.train import training
from scarlet_tf.train.averages import WeightAverages
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.optimizers import L2SGD, LossScale
from scarlet_tf.weights import WeightsSource

DECAY = 0.27  # which 3 / 12, the warmup's at the second step, does not reach, but 4 / 13 does


@pytest.fixture(scope="module")
def averaged(mini_network, mini_arch, tmp_path_factory):
    """A model whose stem was frozen, trained for three steps of one epoch each, and its workdir."""
    workdir = tmp_path_factory.mktemp("averaged")
    start = {"model": mini_arch, "weights": str(mini_network), "freeze": "stem"}
    recipe = {"batch_size": 2000, "epochs": 3, "learning_rate": 0.2, "ema_decay": DECAY}
    return training.train(TrainConfig("synthetic", 8, **start, **recipe), workdir), workdir


def trained_weights(workdir, step):
    """The weights that the training itself went on from, in the order of the layers."""
    reader = tf.train.load_checkpoint(str(workdir / "checkpoints" / f"step-{step}"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("trained/")]
    return [reader.get_tensor(name) for name in sorted(names, key=lambda name: int(re.findall(r"\d+", name)[0]))]


def replayed(mini_network, workdir):
    """Weights of every layer, of which those that trained are averaged in float64."""
    start = keras.models.load_model(mini_network / "model.keras")
    frozen = [np.asarray(weight) for weight in start.get_layer("stem").weights]
    averages = [np.asarray(weight, np.float64) for weight in start.weights[len(frozen) :]]
    for step, decay in ((1, 2 / 11), (2, 3 / 12), (3, DECAY)):
        weights = trained_weights(workdir, step)
        averages = [decay * old + (1 - decay) * new for old, new in zip(averages, weights, strict=True)]
    return frozen, averages


def test_trained_network_has_the_averages_of_its_weights_and_statistics(averaged, mini_network):
    model, workdir = averaged
    frozen, averages = replayed(mini_network, workdir)
    for received, expected in zip(model.weights, frozen, strict=False):
        np.testing.assert_array_equal(received, expected)
    last = trained_weights(workdir, 3)
    for received, expected, weight in zip(model.weights[len(frozen) :], averages, last, strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-6, err_msg=received.path)
        if received.path.endswith(("kernel", "gamma", "variance")):  # offsets may be such that batch norm removes
            assert np.abs(weight - expected).max() > 1e-5, received.path


def test_training_itself_does_not_notice_them(averaged, tmp_path):
    _, workdir = averaged
    config = TrainConfig.read(workdir / "config.json")
    plain = training.train(TrainConfig(**vars(config) | {"ema_decay": 0.0}), tmp_path)
    trained = [weight for layer in plain.layers if layer.name != "stem" for weight in layer.get_weights()]
    for received, expected in zip(trained_weights(workdir, 3), trained, strict=True):
        np.testing.assert_array_equal(received, expected)


def test_whoever_reads_the_workdir_gets_them(averaged, mini_arch):
    model, workdir = averaged
    saved = keras.models.load_model(workdir / "model.keras")
    restored = load_model(mini_arch, WeightsSource.find(mini_arch, str(workdir))).model
    again = training.train(TrainConfig.read(workdir / "config.json"), workdir)  # which is finished
    for other in (saved, restored, again):
        for received, expected in zip(other.weights, model.weights, strict=True):
            np.testing.assert_array_equal(received, expected)


def test_a_step_that_the_loss_scale_leaves_out_counts_no_update():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    (weight,) = model.trainable_variables
    weight.assign([[1.0], [3.0]])
    optimizer, averages = LossScale(L2SGD(0.5, momentum=0.0), initial_scale=8.0), WeightAverages(model, 0.9999)
    optimizer.build([weight])

    @tf.function(autograph=False)
    def step(gradient):
        optimizer.apply_gradients([(gradient * optimizer.dynamic_scale, weight)])
        averages.update(optimizer.iterations.value)

    for gradient, expected in (
        ([[np.inf], [0.0]], [[1.0], [3.0]]),
        ([[2.0], [0.0]], [[2 / 11], [3.0]]),  # the weights are 0 and 3 from here on
        ([[np.nan], [0.0]], [[(2 / 11) ** 2], [3.0]]),
    ):
        step(tf.constant(gradient))
        np.testing.assert_allclose(averages.of(weight), expected, rtol=1e-6)


MIRRORED = """
import sys
import numpy as np, tensorflow as tf
from dataclasses import replace
from scarlet_tf.arch.named import resolve
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.training import train

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
arch, workdir = sys.argv[1:]
recipe = {"batch_size": 20, "steps": 3, "dropout": 0.0, "ema_decay": 0.27, "sync_batch_norm": True, "probe_epochs": 1}
config = TrainConfig("synthetic", 8, model=resolve(arch), strategy="mirrored", **recipe)
together, alone = train(config, f"{workdir}/two"), train(replace(config, strategy="cpu"), f"{workdir}/one")
for one, other in zip(alone.weights, together.weights, strict=True):
    np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5, err_msg=one.path)
    copies = other.value.values
    assert len(copies) == 2
    np.testing.assert_array_equal(*copies, err_msg=one.path)
print("done")
"""


def test_two_devices_average_as_one_does(mini_files, tmp_path):
    line = [sys.executable, "-c", MIRRORED, str(mini_files / "arch.json"), str(tmp_path)]
    run = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.endswith("done\n")
