import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scarlet_tf.data import SPLITS, load_dataset
from scarlet_tf.data.fashion_mnist_small import FILE

ORIGINALS = Path("/usr/share/datasets/fashion-mnist")  # Debian's package dataset-fashion-mnist


@pytest.fixture(scope="module")
def arrays():
    with np.load(FILE, allow_pickle=False) as file:
        return dict(file)


def _make(source_dir, output):
    command = [sys.executable, "-m", "scarlet_tf.data.make_fashion_mnist_small"]
    return subprocess.run(
        [*command, f"--source_dir={source_dir}", f"--output={output}"], capture_output=True, text=True
    )


def _write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(header + array.tobytes(), 1))


def _write_originals(directory, count, test_count):
    """Images that carry their number in their first pixels, and labels 0 to 9 in turn."""
    directory.mkdir()
    for prefix, n in (("train", count), ("t10k", test_count)):
        images = np.zeros((n, 28, 28), np.uint8)
        images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(n), 256)
        _write_idx(directory / f"{prefix}-images-idx3-ubyte.gz", images)
        _write_idx(directory / f"{prefix}-labels-idx1-ubyte.gz", (np.arange(n) % 10).astype(np.uint8))


@pytest.mark.parametrize(("split", "per_class"), [("train", 600), ("validation", 200), ("test", 200)])
def test_each_split_is_balanced_and_so_is_any_first_part_of_it(arrays, split, per_class):
    labels = arrays[f"{split}_labels"]
    np.testing.assert_array_equal(np.bincount(labels), [per_class] * 10)
    np.testing.assert_array_equal(np.bincount(labels[:50]), [5] * 10)
    assert arrays[f"{split}_images"].shape == (10 * per_class, 28, 28)


def test_no_image_is_in_two_places(arrays):
    images = [image.tobytes() for split in SPLITS for image in arrays[f"{split}_images"]]
    assert len(images) == len(set(images)) == 10_000


def test_the_file_is_small_and_its_licence_is_beside_it():
    assert FILE.stat().st_size <= 6_000_000
    assert "Copyright (c) 2017 Zalando SE" in FILE.with_suffix(".LICENSE").read_text()


def test_images_match_their_names():
    dataset = load_dataset("fashion_mnist_small")
    assert (dataset.num_classes, dataset.name) == (10, "fashion_mnist_small")
    assert [dataset.num_examples(split) for split in SPLITS] == [6000, 2000, 2000]
    # Trousers are tall and narrow, sneakers low and wide: their inked columns and rows tell.
    with np.load(FILE, allow_pickle=False) as file:
        ink = file["train_images"] > 32
        labels = file["train_labels"]
    columns, rows = ink.any(axis=1).sum(axis=1), ink.any(axis=2).sum(axis=1)
    trouser, sneaker = (dataset.class_names.index(name) for name in ("Trouser", "Sneaker"))
    assert np.median(columns[labels == trouser]) < 16 < np.median(columns[labels == sneaker])
    assert np.median(rows[labels == sneaker]) < 16 < np.median(rows[labels == trouser])


@pytest.mark.skipif(not ORIGINALS.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_the_script_makes_the_file_again_byte_for_byte(tmp_path):
    assert _make(ORIGINALS, tmp_path / "again.npz").returncode == 0
    assert (tmp_path / "again.npz").read_bytes() == FILE.read_bytes()


def test_train_and_validation_come_from_the_training_set_and_test_from_the_test_set(tmp_path):
    _write_originals(tmp_path / "source", 9000, 3000)
    made = _make(tmp_path / "source", tmp_path / "small.npz")
    assert made.returncode == 0, made.stderr
    with np.load(tmp_path / "small.npz") as file:
        numbers = {
            split: file[f"{split}_images"][:, 0, 0].astype(int) * 256 + file[f"{split}_images"][:, 0, 1]
            for split in SPLITS
        }
        for split in SPLITS:
            np.testing.assert_array_equal(numbers[split] % 10, file[f"{split}_labels"])
    assert not set(numbers["train"]) & set(numbers["validation"])
    assert max(numbers["train"]) >= 3000 > max(numbers["test"])


def test_bad_originals_are_refused_with_one_line_and_nothing_is_written(tmp_path):
    _write_originals(tmp_path / "few", 500, 300)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "train-images-idx3-ubyte.gz").write_bytes(b"not gzip")
    _write_originals(tmp_path / "short", 20, 20)
    images = tmp_path / "short" / "train-images-idx3-ubyte.gz"
    images.write_bytes(gzip.compress(gzip.decompress(images.read_bytes())[:-5]))
    for source, expected in [
        ("few", "800 or more images of class 0. Received: 50."),
        ("broken", "must be a gzipped file"),
        ("short", "must hold an array of shape (20, 28, 28)"),
        ("absent", "No such file"),
    ]:
        made = _make(tmp_path / source, tmp_path / "out.npz")
        assert made.returncode == 2
        assert expected in made.stderr
        assert made.stderr.count("\n") == 1
    assert _make(tmp_path / "few", tmp_path / "out.txt").returncode == 2
    assert not list(tmp_path.glob("out*"))
