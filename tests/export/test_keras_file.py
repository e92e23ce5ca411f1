import zipfile

import keras
import numpy as np
import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.export.description import read_description
from scarlet_tf.export.keras_file import write_keras


@pytest.fixture(scope="module")
def described(network, tiny_description, tmp_path_factory):
    return write_keras(network, tmp_path_factory.mktemp("keras") / "model.keras", tiny_description)


def test_keras_passes_over_the_description(described, network, random_images, logits_of):
    images = random_images(2)
    loaded = keras.models.load_model(described)
    np.testing.assert_array_equal(logits_of(loaded, images), logits_of(network, images))


def test_description_is_read_back(described, tiny_description, network, tmp_path):
    assert read_description(described) == tiny_description
    assert read_description(write_keras(network, tmp_path / "plain.keras")) is None


def test_the_same_network_gives_the_same_bytes(described, tiny_description, network, tmp_path):
    assert write_keras(network, tmp_path / "model.keras", tiny_description).read_bytes() == described.read_bytes()


def test_members_are_those_of_keras_and_no_date(described):
    with zipfile.ZipFile(described) as archive:
        names = ["config.json", "description.json", "metadata.json", "model.weights.h5"]
        assert sorted(archive.namelist()) == names
        assert b"date" not in archive.read("metadata.json")
        assert {member.date_time[0] for member in archive.infolist()} == {1980}


def test_description_that_is_damaged_is_refused(described, tmp_path):
    whole = described.read_bytes()
    position = whole.rindex(b'"labels"')
    (tmp_path / "model.keras").write_bytes(whole[:position] + b"{" + whole[position + 1 :])
    with pytest.raises(InputError, match=r"^[^\n]*model\.keras must hold[^\n]*$"):
        read_description(tmp_path / "model.keras")
