"""What `--weights` may mean, told without TensorFlow."""

import json
import shutil

import pytest

from scarlet_tf.arch.named import NamedArch, resolve
from scarlet_tf.errors import InputError
from scarlet_tf.weights import WeightsSource, read_supernet_training, read_training


@pytest.fixture
def other_arch(mini_space):
    return NamedArch(mini_space, (0, 0, 0), "other")


def test_no_weights_are_fresh_ones(mini_arch):
    assert WeightsSource.find(mini_arch, None) == WeightsSource()
    assert not WeightsSource().is_supernet


def test_supernet_gives_any_network_of_its_space(mini_supernet, mini_arch, other_arch):
    for named in (mini_arch, other_arch):
        source = WeightsSource.find(named, str(mini_supernet))
        assert (source.path, source.is_supernet) == (mini_supernet, True)
    assert source.training == read_supernet_training(mini_supernet, "supernet")


def test_network_gives_itself_alone(mini_network, mini_arch, other_arch):
    source = WeightsSource.find(mini_arch, str(mini_network))
    assert (source.path, source.is_supernet, source.training.model) == (mini_network, False, mini_arch)
    with pytest.raises(InputError, match=r"--weights must be of the architecture other.*Received:.*mini_arch"):
        WeightsSource.find(other_arch, str(mini_network))


def test_supernet_of_another_space_is_refused(mini_supernet):
    with pytest.raises(InputError, match=r"--weights must be of the architecture scarlet_b, in the space s2.*of mini"):
        WeightsSource.find(resolve("scarlet_b"), str(mini_supernet))


def test_scaled_network_has_other_weights(mini_supernet, mini_network, mini_arch):
    wider = mini_arch.scaled(2.0, None)
    for path in (mini_supernet, mini_network):
        with pytest.raises(InputError, match=r"--weights must be of the architecture mini_arch-w2-d1"):
            WeightsSource.find(wider, str(path))


@pytest.mark.parametrize("name", ["net.keras", "net.weights.h5"])
def test_files_are_told_by_their_names(name, tmp_path, mini_arch):
    (tmp_path / name).touch()
    assert WeightsSource.find(mini_arch, str(tmp_path / name)) == WeightsSource(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "said"), [("net.h5", "another file"), ("none.keras", "nothing there"), ("empty", r"without config\.json")]
)
def test_anything_else_is_refused(name, said, tmp_path, mini_arch):
    (tmp_path / "net.h5").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=f"--weights must be .*{said}"):
        WeightsSource.find(mini_arch, str(tmp_path / name))


def test_number_of_classes_must_be_the_trained_one(mini_supernet, mini_arch):
    source = WeightsSource.find(mini_arch, str(mini_supernet))
    for num_classes in (None, 10):
        source.check_num_classes(num_classes)
    with pytest.raises(InputError, match=r"--weights must be of a network of 7 classes\. Received: .*trained on 10"):
        source.check_num_classes(7)
    WeightsSource().check_num_classes(7)


def test_supernet_is_asked_for_and_a_network_given(mini_network):
    with pytest.raises(InputError, match="--supernet must be the --workdir of a supernet"):
        read_supernet_training(mini_network, "supernet")


def test_training_without_a_checkpoint_has_no_weights_yet(tmp_path, mini_supernet):
    shutil.copy(mini_supernet / "config.json", tmp_path)
    with pytest.raises(InputError, match=r"--supernet=.* holds no checkpoint yet"):
        read_supernet_training(tmp_path, "supernet")


@pytest.mark.parametrize("key", ["space", "dataset", "image_size"])
def test_config_that_lacks_a_key_is_named(key, tmp_path, mini_supernet):
    data = json.loads((mini_supernet / "config.json").read_text())
    del data[key]
    (tmp_path / "config.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=rf"config\.json must hold the settings of a training.*{key}"):
        read_training(tmp_path, "weights")
