"""Starting from a trained network's weights: a new classifier, frozen layers, learning rates by layer."""

import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest

from scarlet_tf.arch.named import NamedArch, resolve
from scarlet_tf.errors import InputError
from scarlet_tf.export.extract import extract
from scarlet_tf.models import load_model, load_supernet
from scarlet_tf.nets.standalone import CLASSIFIER, build_model
from scarlet_tf.train import loop, training
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.fine_tuning import layer_names, layer_rates
from scarlet_tf.weights import WeightsSource

RECIPE = {"optimizer": "rmsprop", "learning_rate": 0.02, "steps": 3, "batch_size": 20}


def weights_of(model):
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(8, 16, 16, 3)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    """A data set of two classes."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for name in ("a", "b"):
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for number in range(10):
                image = Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8))
                image.save(tmp_path / "data" / split / name / f"{number}.png")
    return str(tmp_path / "data")


def expected_weights(kind, mini_network, mini_supernet, mini_arch):
    if kind == "supernet":
        return weights_of(extract(load_supernet(mini_supernet), mini_arch.genotype))
    return weights_of(keras.models.load_model(mini_network / "model.keras"))


@pytest.mark.parametrize("kind", ["supernet", "network", "keras", "weights.h5"])
def test_other_classes_get_a_new_classifier_on_top_of_the_weights(
    kind, tmp_path, folder, mini_network, mini_supernet, mini_arch, monkeypatch
):
    monkeypatch.setattr(training, "fit", lambda *arguments: None)
    source = {"supernet": mini_supernet, "network": mini_network, "keras": mini_network / "model.keras"}.get(kind)
    if source is None:
        source = tmp_path / "net.weights.h5"
        keras.models.load_model(mini_network / "model.keras").save_weights(source)
    config = TrainConfig(
        "folder", 16, model=mini_arch, data_dir=folder, batch_size=8, weights=str(source), new_classifier=True
    )
    with pytest.raises(InputError, match="new_classifier"):
        training.train(replace(config, new_classifier=False), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    received = weights_of(training.train(config, tmp_path / "run"))
    expected = expected_weights(kind, mini_network, mini_supernet, mini_arch)
    assert [weight.shape for weight in received.pop(CLASSIFIER)] == [(32, 2), (2,)]
    del expected[CLASSIFIER]
    assert received.keys() == expected.keys()
    assert all(same(received[name], expected[name]) for name in expected)


def test_a_classifier_is_new_for_the_same_classes_too(mini_network, mini_arch):
    source = WeightsSource.find(mini_arch, str(mini_network), new_classifier=True)
    received = weights_of(load_model(mini_arch, source, 16, 10).model)
    trained = weights_of(keras.models.load_model(mini_network / "model.keras"))
    assert [name for name in trained if not same(received[name], trained[name])] == [CLASSIFIER]


@pytest.mark.parametrize("named", ["mini_arch", "chain", "scarlet_b"])
def test_layers_are_named_as_in_the_model(named, mini_arch, chain_space):
    own = {"mini_arch": mini_arch, "chain": NamedArch(chain_space, (2, 0, 2, 2, 1, 0), "chain")}
    named = own.get(named) or resolve(named)
    model = build_model(named.arch, 32, 10)
    assert layer_names(named) == tuple(layer.name for layer in model.layers if layer.weights)
    for weight in model.trainable_variables:  # by which the optimizers know a weight's layer
        assert weight.path.split("/")[0] in layer_names(named)


@pytest.mark.parametrize("last", ["slot_0", "head"])
def test_frozen_layers_keep_weights_and_statistics(last, tmp_path, mini_network, mini_arch, images):
    config = TrainConfig("synthetic", 16, model=mini_arch, weights=str(mini_network), freeze=last, **RECIPE)
    before = weights_of(keras.models.load_model(mini_network / "model.keras"))
    model = training.train(config, tmp_path)
    after = weights_of(model)
    names = layer_names(mini_arch)
    frozen = names[: names.index(last) + 1]
    for name in names:
        unchanged = [np.array_equal(a, b) for a, b in zip(before[name], after[name], strict=True)]
        assert all(unchanged) if name in frozen else not any(unchanged)
    saved = keras.models.load_model(tmp_path / "model.keras")
    assert all(layer.trainable for layer in saved.layers)
    restored = load_model(mini_arch, WeightsSource.find(mini_arch, str(tmp_path))).model
    for other in (saved, restored):
        np.testing.assert_array_equal(other(images), model(images))


def test_frozen_layers_normalise_by_their_statistics_in_training(mini_network, images):
    model = keras.models.load_model(mini_network / "model.keras")
    stem = model.get_layer("stem")
    expected = np.asarray(stem(images, training=False))
    assert np.abs(stem(images, training=True) - expected).max() > 1e-3
    stem.set_weights(weights_of(keras.models.load_model(mini_network / "model.keras"))["stem"])
    stem.trainable = False
    np.testing.assert_array_equal(stem(images, training=True), expected)


def test_each_layer_before_the_classifier_learns_more_slowly(mini_arch):
    assert layer_rates(mini_arch, 0.5) == {"logits": 1, "head": 0.5, "slot_2": 0.25, "slot_0": 0.125, "stem": 0.0625}
    assert layer_rates(mini_arch, 1.0) == {}


def test_layer_decay_scales_the_first_step(tmp_path, mini_network, mini_arch):
    """Without momentum yet, a step is the rate times what does not depend on it."""
    start = weights_of(keras.models.load_model(mini_network / "model.keras"))
    steps = {}
    for decay in (1.0, 0.5):
        config = TrainConfig(
            "synthetic",
            16,
            model=mini_arch,
            weights=str(mini_network),
            layer_decay=decay,
            dropout=0.0,
            **RECIPE | {"steps": 1},
        )
        after = weights_of(training.train(config, tmp_path / str(decay)))
        steps[decay] = {name: after[name][0] - start[name][0] for name in after}
    for distance, name in enumerate(reversed(layer_names(mini_arch))):
        whole = steps[1.0][name]
        assert np.abs(whole).max() > 1e-4
        np.testing.assert_allclose(steps[0.5][name], whole * 0.5**distance, atol=2e-3 * np.abs(whole).max())


def test_a_config_from_before_these_settings_still_reads(tmp_path, mini_network):
    data = json.loads((mini_network / "config.json").read_text())
    expected = TrainConfig.read(mini_network / "config.json")
    for name in ("schedule", "decay_rate", "decay_epochs", "new_classifier", "freeze", "layer_decay", "auto_augment"):
        del data[name]
    (tmp_path / "config.json").write_text(json.dumps(data))
    assert TrainConfig.read(tmp_path / "config.json") == expected


def test_the_loop_uses_the_whole_recipe(mini_network, mini_arch):
    config = TrainConfig(
        "synthetic",
        16,
        model=mini_arch,
        weights=str(mini_network),
        layer_decay=0.5,
        schedule="exponential",
        weight_decay=1e-5,
        **RECIPE,
    )
    optimizer = loop.make_optimizer(config, 30, 10)
    assert (type(optimizer).__name__, optimizer.l2, optimizer.momentum) == ("L2RMSProp", 1e-5, 0.9)
    assert optimizer.layer_rates == layer_rates(mini_arch, 0.5)
    optimizer.build([])
    optimizer.iterations.assign(25)
    assert float(optimizer.learning_rate) == pytest.approx(0.02 * 0.97)


def test_scaled_network_is_found_again(tmp_path, mini_arch, monkeypatch):
    monkeypatch.setattr(training, "fit", lambda *arguments: None)
    wide = mini_arch.scaled(2.0, 2.0)
    model = training.train(TrainConfig("synthetic", 16, model=wide, **RECIPE), tmp_path)
    assert resolve(str(tmp_path)) == wide
    assert layer_names(wide) == tuple(layer.name for layer in model.layers if layer.weights)
    shutil.copy(tmp_path / "model.keras", tmp_path / "copy.keras")
    load_model(wide, WeightsSource.find(wide, str(tmp_path / "copy.keras")), 16, 10)
