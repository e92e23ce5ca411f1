import json

import pytest

from scarlet_tf.data import load_dataset
from scarlet_tf.errors import InputError
from scarlet_tf.train.trained_on import TrainedOn


def test_a_training_leaves_what_it_was_fed(mini_network, mini_supernet):
    dataset = load_dataset("synthetic")
    for workdir in (mini_network, mini_supernet):
        assert json.loads((workdir / "data.json").read_text()) == {
            "dataset": "synthetic",
            "labels": list(dataset.class_names),
            "resize": "whole",
            "normalisation": {"mean": list(dataset.mean), "std": list(dataset.std)},
        }


def test_it_is_read_as_it_was_written(tmp_path):
    known = TrainedOn.of_dataset(load_dataset("fashion_mnist_small"))
    known.write(tmp_path / "data.json")
    assert TrainedOn.read(tmp_path / "data.json") == known


@pytest.mark.parametrize("content", ["", "[]", '{"dataset": "a", "labels": 3}'])
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "data.json").write_text(content)
    with pytest.raises(InputError, match=r"^[^\n]*data\.json must [^\n]*$"):
        TrainedOn.read(tmp_path / "data.json")
