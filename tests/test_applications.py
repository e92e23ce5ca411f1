"""The networks in the manner of keras.applications."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import scarlet_tf
from scarlet_tf.arch import count, get_arch
from scarlet_tf.arch.zoo import ZOO
from scarlet_tf.errors import InputError

CLASSES = 7


def randomised(model, seed=0):
    """`model` with batch norms and biases as if trained."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


@pytest.fixture(scope="module")
def network():
    return randomised(scarlet_tf.SCARLET_C(input_shape=(32, 32, 3), classes=CLASSES))


@pytest.fixture(scope="module")
def files(network, tmp_path_factory):
    """`network` as net.keras and net.weights.h5, and its features as backbone.weights.h5."""
    path = tmp_path_factory.mktemp("files")
    network.save(path / "net.keras")
    network.save_weights(path / "net.weights.h5")
    backbone = scarlet_tf.SCARLET_C(include_top=False, weights=path / "net.keras")
    backbone.save_weights(path / "backbone.weights.h5")
    return path


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).normal(size=(2, 32, 32, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ZOO)
def test_networks_are_of_their_size(name):
    model = getattr(scarlet_tf, name.upper())()
    size = ZOO[name].image_size
    assert (model.name, model.input_shape, model.output_shape) == (name, (None, size, size, 3), (None, 1000))
    params = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert params == count(get_arch(name)).params


def test_pyramid_has_the_strides_4_to_32():
    model = scarlet_tf.SCARLET_A(include_top=False, input_shape=(64, 96, 3))
    shapes = {level: tuple(output.shape) for level, output in model.pyramid_outputs.items()}
    assert shapes == {
        "P2": (None, 16, 24, 32),
        "P3": (None, 8, 12, 40),
        "P4": (None, 4, 6, 96),
        "P5": (None, 2, 3, 320),
    }
    assert tuple(model.output_shape) == (None, 2, 3, 1280)


def test_pyramid_survives_a_file(files, images):
    loaded = keras.models.load_model(files / "net.keras")
    levels = keras.Model(loaded.input, loaded.pyramid_outputs)(images)
    assert {level: tuple(output.shape[1:3]) for level, output in levels.items()} == {
        "P2": (8, 8),
        "P3": (4, 4),
        "P4": (2, 2),
        "P5": (1, 1),
    }


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_pooling(pooling, files, images):
    pooled, features = (
        scarlet_tf.SCARLET_C(include_top=False, weights=files / "net.keras", input_shape=(32, 32, 3), pooling=which)
        for which in (pooling, None)
    )
    reduce = np.mean if pooling == "avg" else np.max
    np.testing.assert_allclose(pooled(images), reduce(features(images), axis=(1, 2)), rtol=1e-5)


@pytest.mark.parametrize("name", ["net.keras", "net.weights.h5"])
def test_weights_come_from_a_file(name, files, network, images):
    model = scarlet_tf.SCARLET_C(
        weights=str(files / name), input_shape=(32, 32, 3), classes=CLASSES, classifier_activation="softmax"
    )
    np.testing.assert_allclose(model(images), tf.nn.softmax(network(images)), rtol=1e-5)


@pytest.mark.parametrize("name", ["net.keras", "net.weights.h5", "backbone.weights.h5"])
def test_features_come_from_a_file_with_or_without_classifier(name, files, network, images):
    backbone = scarlet_tf.SCARLET_C(include_top=False, weights=files / name)
    features = keras.Model(network.input, network.get_layer("head").output)
    np.testing.assert_allclose(backbone(images), features(images), rtol=1e-5, atol=1e-6)


def test_images_of_any_size(files, network):
    backbone = scarlet_tf.SCARLET_C(include_top=False)
    assert backbone.input_shape == (None, None, None, 3)
    classifier = scarlet_tf.SCARLET_C(weights=files / "net.keras", classes=CLASSES, input_shape=(None, None, 3))
    images = np.random.default_rng(2).normal(size=(1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(classifier(images), network(images), rtol=1e-5)
    assert backbone(np.zeros((1, 33, 70, 3), np.float32)).shape == (1, 2, 3, 1280)


@pytest.mark.parametrize(
    ("build", "arguments", "said"),
    [
        ("SCARLET_C", {"classes": 8}, "must be of 8 classes. Received: 7"),
        ("SCARLET_B", {"classes": CLASSES}, "another architecture than scarlet_b.*slot_0"),
        ("SCARLET_C", {"weights": "missing.keras"}, "--weights must be a .keras .*missing.keras, no such file"),
        ("SCARLET_C", {"weights": "imagenet"}, "'?imagenet'?, no such file"),
        ("SCARLET_C", {"weights": None, "classes": 0}, "classes must be a positive integer. Received: 0"),
        ("SCARLET_C", {"weights": None, "pooling": "avg"}, "pooling is for include_top=False"),
        ("SCARLET_C", {"weights": None, "include_top": False, "pooling": "sum"}, "one of avg, max. Received: 'sum'"),
        ("SCARLET_C", {"weights": None, "input_shape": (31, 32, 3)}, "at least 32 .*Received: .31, 32, 3"),
        ("SCARLET_C", {"weights": None, "input_shape": (32, 32, 1)}, "input_shape must be .*32, 32, 1"),
        ("SCARLET_C", {"weights": None, "input_shape": 32}, "input_shape must be .*Received: 32"),
    ],
)
def test_arguments_that_do_not_fit(build, arguments, said, files):
    with pytest.raises(InputError, match=said):
        getattr(scarlet_tf, build)(**{"weights": files / "net.keras", "input_shape": (32, 32, 3), **arguments})


def test_features_without_a_classifier_are_no_network(files):
    with pytest.raises(InputError, match=r"must be of 7 classes\. Received: no classifier"):
        scarlet_tf.SCARLET_C(weights=files / "backbone.weights.h5", classes=CLASSES)


@pytest.mark.parametrize("imports", ["import scarlet_tf, keras", "import keras, scarlet_tf", "import scarlet_tf"])
def test_saved_networks_load_where_only_the_package_was_imported(imports, files):
    load = "import keras" if "keras" not in imports.replace("scarlet_tf", "") else ""
    script = f"{imports}\n{load}\nprint(keras.models.load_model({str(files / 'net.keras')!r}).name)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "scarlet_c\n"), done.stderr


def test_preprocessing_is_imagenets():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), np.uint8)
    expected = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    before = pixels.copy()
    for given in (pixels, pixels.astype(np.float32), tf.constant(pixels)):
        prepared = scarlet_tf.preprocess_input(given)
        assert prepared.dtype == np.float32
        np.testing.assert_allclose(prepared, expected, atol=1e-5)
    assert isinstance(scarlet_tf.preprocess_input(pixels), np.ndarray)
    np.testing.assert_array_equal(pixels, before)


def test_preprocessing_is_part_of_a_model():
    image = keras.Input((5, 4, 3), dtype="uint8")
    model = keras.Model(image, scarlet_tf.preprocess_input(image))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), np.uint8)
    np.testing.assert_allclose(model(pixels), scarlet_tf.preprocess_input(pixels), atol=1e-6)


def test_predictions_are_decoded_best_first():
    scores = np.zeros((2, 1000), np.float32)
    scores[0, [1, 999]] = 0.75, 0.25
    scores[1, 285] = 1.0
    decoded = scarlet_tf.decode_predictions(scores, top=2)
    assert decoded[0] == [("n01443537", "goldfish", 0.75), ("n15075141", "toilet_tissue", 0.25)]
    assert decoded[1][0] == ("n02124075", "Egyptian_cat", 1.0)


def test_predictions_of_own_classes():
    decoded = scarlet_tf.decode_predictions([[0.1, 0.9]], class_names=["cat", "dog"])
    assert decoded == [[("1", "dog", 0.9), ("0", "cat", 0.1)]]
    with pytest.raises(InputError, match=r"must be \(n, 1000\).*class_names.*Received: \(1, 2\)"):
        scarlet_tf.decode_predictions([[0.1, 0.9]])
