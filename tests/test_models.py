"""The network that `--model` and `--weights` mean, from every source of weights."""

import shutil
import zipfile

import keras
import numpy as np
import pytest

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.errors import InputError
from scarlet_tf.models import load_model, load_supernet
from scarlet_tf.nets.standalone import build_model
from scarlet_tf.weights import WeightsSource


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(4, 16, 16, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network(mini_arch):
    """mini_arch for 10 classes, its batch norms and biases as if trained."""
    model = build_model(mini_arch.arch, 16, 10)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


@pytest.fixture(scope="module")
def files(network, tmp_path_factory):
    """Directory with `network` as net.keras and as net.weights.h5."""
    path = tmp_path_factory.mktemp("files")
    network.save(path / "net.keras")
    network.save_weights(path / "net.weights.h5")
    return path


def find(named, path):
    return WeightsSource.find(named, str(path))


def test_fresh_network_has_the_size_asked_for(mini_arch):
    loaded = load_model(mini_arch, WeightsSource(), image_size=20, num_classes=7, dropout=0.4)
    assert loaded.fresh
    assert (loaded.extraction, loaded.path_logits) == (None, None)
    assert loaded.model.input_shape == (None, 20, 20, 3)
    assert loaded.model.output_shape == (None, 7)
    assert loaded.model.get_layer("dropout").rate == 0.4


def test_fresh_network_is_for_imagenet_by_default(mini_arch):
    model = load_model(mini_arch, WeightsSource()).model
    assert (model.input_shape, model.output_shape) == ((None, 224, 224, 3), (None, 1000))


@pytest.mark.parametrize("image_size", [None, 24])
def test_supernet_gives_its_path_without_stabilizers(image_size, mini_supernet, mini_arch):
    loaded = load_model(mini_arch, find(mini_arch, mini_supernet), image_size, dropout=0.1)
    side = image_size or 16
    images = np.random.default_rng(1).normal(size=(4, side, side, 3)).astype(np.float32)
    expected = loaded.path_logits(images)
    supernet = load_supernet(mini_supernet, image_size)
    np.testing.assert_allclose(expected, supernet(images, path=mini_arch.genotype), atol=1e-4)
    np.testing.assert_allclose(loaded.model(images), expected, atol=1e-4 * np.abs(expected).max())
    assert not loaded.fresh
    assert (len(loaded.extraction.removals), loaded.extraction.kept) == (1, 0)
    assert loaded.model.get_layer("dropout").rate == 0.1


def test_stabilizers_can_be_kept(mini_supernet, mini_arch, images):
    loaded = load_model(mini_arch, find(mini_arch, mini_supernet), keep_stabilizers=True)
    assert (loaded.extraction.removals, loaded.extraction.kept) == ((), 1)
    removed = load_model(mini_arch, find(mini_arch, mini_supernet))
    assert loaded.model.count_params() > removed.model.count_params()
    expected = loaded.path_logits(images)
    np.testing.assert_allclose(loaded.model(images), expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("source", ["fresh", "network"])
def test_only_a_supernet_has_stabilizers_to_keep(source, mini_network, mini_arch):
    source = WeightsSource() if source == "fresh" else find(mini_arch, mini_network)
    with pytest.raises(InputError, match="--keep_stabilizers needs the workdir of a supernet"):
        load_model(mini_arch, source, keep_stabilizers=True)


def test_network_comes_from_its_last_checkpoint(mini_network, mini_arch, images):
    loaded = load_model(mini_arch, find(mini_arch, mini_network))
    expected = keras.models.load_model(mini_network / "model.keras")(images)
    np.testing.assert_array_equal(loaded.model(images), expected)
    assert not loaded.fresh


def test_checkpoint_of_a_training_with_dropout_fits_a_network_without(mini_network, mini_arch, images):
    loaded = load_model(mini_arch, find(mini_arch, mini_network), dropout=0.0)
    assert loaded.model.get_layer("dropout").rate == 0.0
    expected = keras.models.load_model(mini_network / "model.keras")(images)
    np.testing.assert_array_equal(loaded.model(images), expected)


@pytest.mark.parametrize("name", ["net.keras", "net.weights.h5"])
def test_files_give_their_weights(name, files, network, mini_arch, images):
    loaded = load_model(mini_arch, find(mini_arch, files / name), 16, 10)
    np.testing.assert_array_equal(loaded.model(images), network(images))
    assert not loaded.fresh


@pytest.mark.parametrize("name", ["net.keras", "net.weights.h5"])
@pytest.mark.parametrize(
    ("genotype", "num_classes", "said"),
    [
        ((1, 0, 0), 10, "(holds another architecture than|does not hold weights of) other"),
        ((1, 2, 0), 7, "must be of 7 classes. Received: 10"),
    ],
)
def test_files_of_another_network_are_refused(name, genotype, num_classes, said, files, mini_space):
    other = NamedArch(mini_space, genotype, "other")
    with pytest.raises(InputError, match=f"--weights=.*{name} {said}"):
        load_model(other, find(other, files / name), 16, num_classes)


def damage(path, how):
    content = path.read_bytes()
    if how == "empty":
        path.write_bytes(b"")
    elif how == "other":
        path.write_text("This is no network.")
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "flipped":
        middle = slice(len(content) // 3, len(content) // 3 + 600)
        path.write_bytes(content[: middle.start] + bytes(600) + content[middle.stop :])
    elif how == "hollow":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("note.txt", "no network")


@pytest.mark.parametrize("how", ["empty", "other", "cut", "flipped", "hollow"])
@pytest.mark.parametrize("name", ["net.keras", "net.weights.h5"])
def test_damaged_files_are_refused(name, how, files, mini_arch, tmp_path):
    shutil.copy(files / name, tmp_path)
    damage(tmp_path / name, how)
    with pytest.raises(InputError, match=f"--weights=.*{name} does not hold weights of mini_arch"):
        load_model(mini_arch, find(mini_arch, tmp_path / name), 16, 10)


def test_number_of_classes_must_be_the_trained_one(mini_supernet, mini_arch):
    with pytest.raises(InputError, match="of 7 classes"):
        load_model(mini_arch, find(mini_arch, mini_supernet), num_classes=7)


def test_checkpoint_that_is_gone_is_named(tmp_path, mini_supernet, capsys):
    shutil.copytree(mini_supernet, tmp_path / "supernet")
    for path in (tmp_path / "supernet" / "checkpoints").glob("step-160.*"):
        path.unlink()
    load_supernet(tmp_path / "supernet")
    warning = capsys.readouterr().err
    assert "/step-160 (" in warning
    assert "Used instead: " in warning


def test_checkpoint_of_another_space_is_named(tmp_path, mini_supernet):
    shutil.copytree(mini_supernet, tmp_path / "supernet")
    config = tmp_path / "supernet" / "config.json"
    config.write_text(config.read_text().replace('"filters": 12', '"filters": 20'))
    with pytest.raises(InputError, match=r"step-160 must be a checkpoint of what config\.json"):
        load_supernet(tmp_path / "supernet")
