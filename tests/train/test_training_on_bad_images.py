"""Training on a folder with images that cannot be read."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from scarlet_tf.errors import InputError
from scarlet_tf.train import training
from scarlet_tf.train.config import TrainConfig


@pytest.fixture
def config(tmp_path, mini_arch):
    """A training of 9 steps, 3 an epoch, on a folder of 12 images, the third of which is no image."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for name in "ab":
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(6):
                pixels = rng.integers(0, 256, (16, 16, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / split / name / f"{number}.png")
    (tmp_path / "train" / "a" / "3.png").write_bytes(b"no image")
    return TrainConfig("folder", 16, model=mini_arch, data_dir=str(tmp_path), batch_size=4, epochs=3, dropout=0.5)


def test_training_goes_on_and_resumes_with_the_same_bits(config, tmp_path, capsys, tensors, metrics):
    training.train(config, tmp_path / "whole")
    warning = f"WARNING: {tmp_path}/train/a/3.png is no whole JPEG or PNG image"
    said = capsys.readouterr().err.splitlines()
    assert [line[: len(warning)] for line in said] == [warning]  # once, though each epoch meets it
    assert metrics(tmp_path / "whole")[-1]["step"] == 9
    shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    for step in (6, 9):
        for path in (tmp_path / "resumed" / "checkpoints").glob(f"step-{step}.*"):
            path.unlink()
    training.train(config, tmp_path / "resumed")
    expected, received = tensors(tmp_path / "whole"), tensors(tmp_path / "resumed")
    for held in (expected, received):  # Keras numbers the names of a process's second model on
        del held["_CHECKPOINTABLE_OBJECT_GRAPH"]
    assert received.keys() == expected.keys()
    assert [name for name in expected if expected[name].tobytes() != received[name].tobytes()] == []


def test_too_many_are_an_input_error(config, tmp_path):
    with pytest.raises(InputError, match=r"train/a/3\.png must be a whole JPEG or PNG image"):
        training.train(replace(config, max_bad_images=0), tmp_path / "none")
    (tmp_path / "train" / "b" / "1.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"--max_bad_images=1 .* Received: 2: ") as raised:
        training.train(replace(config, max_bad_images=1), tmp_path / "one")
    for name in ("a/3.png", "b/1.png"):
        assert f"{tmp_path}/train/{name}" in str(raised.value)
