import io

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from scarlet_tf.data import load_dataset, streamed, tfds_source
from scarlet_tf.errors import InputError


def _prepare(name, data_dir, splits, example, num_shards=1):
    """Writes a data set as TFDS prepares it: its own format and metadata, our examples, no download."""
    builder = tfds.builder(name, data_dir=str(data_dir))
    builder._split_generators = lambda manager, *_: {
        split: [(i, example(split, i)) for i in range(count)] for split, count in splits.items()
    }
    config = tfds.download.DownloadConfig(num_shards=num_shards)
    builder.download_and_prepare(download_config=config)


def _fashion(split, i):
    return {"image": np.full((28, 28, 1), i % 256, np.uint8), "label": i % 10}


def _photo(split, i):
    """A JPEG whose shade is its number; label likewise."""
    content = io.BytesIO()
    Image.fromarray(np.full((80, 96, 3), 3 * i, np.uint8)).save(content, "JPEG")
    content.seek(0)
    return {"image": content, "label": i, "file_name": f"{split}{i}.JPEG"}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    path = tmp_path_factory.mktemp("tfds")
    _prepare("fashion_mnist", path, {"train": 200, "test": 30}, _fashion)
    _prepare("imagenet2012", path, {"train": 60, "validation": 10}, _photo, num_shards=4)
    return path


@pytest.fixture
def imagenet(data_dir, monkeypatch):
    monkeypatch.setattr(tfds_source, "IMAGENET_HELD_OUT", 12)
    return load_dataset("imagenet2012", str(data_dir))


def _labels(batches):
    return np.concatenate([label for _, label in batches.as_numpy_iterator()])


def test_small_sets_are_read_into_memory_with_a_balanced_tenth_held_out(data_dir):
    dataset = load_dataset("fashion_mnist", str(data_dir))
    assert [dataset.num_examples(s) for s in ("train", "validation", "test")] == [180, 20, 30]
    assert dataset.class_names[9] == "Ankle boot"
    images = {s: dataset.evaluation_batches(s, 300, 28) for s in ("train", "validation", "test")}
    np.testing.assert_array_equal(np.bincount(_labels(images["validation"])), [2] * 10)

    def shades(split):
        ((image, label),) = images[split].as_numpy_iterator()
        numbers = np.rint((image[:, 0, 0, 0] * 0.3530 + 0.2860) * 255).astype(int)
        np.testing.assert_array_equal(numbers % 10, label)
        return set(numbers)

    assert not shades("train") & shades("validation")
    assert shades("train") | shades("validation") == set(range(200))
    assert shades("test") == set(range(30))


def test_cifar10_comes_in_colour_with_its_own_normalisation(tmp_path):
    colour = np.array([200, 100, 50], np.uint8)
    _prepare(
        "cifar10",
        tmp_path,
        {"train": 40, "test": 10},
        lambda split, i: {"image": np.full((32, 32, 3), colour), "label": i % 10, "id": f"{split}_{i}"},
    )
    dataset = load_dataset("cifar10", str(tmp_path))
    assert (dataset.num_examples("train"), dataset.num_examples("validation")) == (30, 10)
    image, _ = next(dataset.evaluation_batches("test", 10, 32).as_numpy_iterator())
    expected = (colour / 255 - [0.4914, 0.4822, 0.4465]) / [0.2470, 0.2435, 0.2616]
    np.testing.assert_allclose(image, np.broadcast_to(expected, image.shape), atol=1e-5)


def test_imagenet_holds_the_validation_split_out_of_train(imagenet):
    assert [imagenet.num_examples(s) for s in ("train", "validation", "test")] == [48, 12, 10]
    assert (imagenet.num_classes, imagenet.augmentation) == (1000, "inception")
    train, validation, test = (
        set(_labels(imagenet.evaluation_batches(s, 7, 32))) for s in ("train", "validation", "test")
    )
    assert not train & validation
    assert train | validation == set(range(60))
    assert test == set(range(10))


def test_streamed_records_meet_their_labels_undistorted(imagenet):
    for batches in (
        imagenet.evaluation_batches("test", 10, 32),
        imagenet.training_batches(8, 32, seed=0, num_steps=6),
    ):
        for image, label in batches.as_numpy_iterator():
            shade = (image * imagenet.std + imagenet.mean) * 255
            np.testing.assert_allclose(shade, np.broadcast_to(3 * label[:, None, None, None], shade.shape), atol=1)


def test_streamed_epochs_visit_each_example_once_in_another_order(imagenet):
    epochs = _labels(imagenet.training_batches(8, 32, seed=1, num_steps=18)).reshape(3, 48)
    assert len({tuple(sorted(epoch)) for epoch in epochs}) == 1
    assert len(set(epochs[0])) == 48
    assert len({tuple(epoch) for epoch in epochs}) == 3
    other = _labels(imagenet.training_batches(8, 32, seed=2, num_steps=6))
    assert list(other) != list(epochs[0])


def test_the_files_of_a_stream_are_shuffled_too(imagenet, monkeypatch):
    monkeypatch.setattr(streamed, "SHUFFLE_RECORDS", 1)
    epochs = _labels(imagenet.training_batches(8, 32, seed=1, num_steps=18)).reshape(3, 48)
    assert len({tuple(epoch) for epoch in epochs}) > 1


@pytest.mark.parametrize("start_step", [2, 5, 9])
def test_a_streamed_restart_yields_bit_for_bit_the_same_whatever_the_global_seed(imagenet, start_step):
    tf.random.set_seed(0)
    whole = list(imagenet.training_batches(9, 32, seed=3, num_steps=12))  # epochs of 5 steps
    tf.random.set_seed(7)
    rest = list(imagenet.training_batches(9, 32, seed=3, start_step=start_step, num_steps=12 - start_step))
    assert len(rest) == 12 - start_step
    for (image, label), (other_image, other_label) in zip(whole[start_step:], rest, strict=True):
        np.testing.assert_array_equal(image, other_image)
        np.testing.assert_array_equal(label, other_label)


def test_streamed_records_also_come_from_mocked_data(imagenet):
    with tfds.testing.mock_data(num_examples=48):
        batches = list(imagenet.training_batches(16, 32, seed=0, num_steps=4))
    assert [image.shape for image, _ in batches] == [(16, 32, 32, 3)] * 4


def test_max_examples_of_a_stream_takes_the_first(imagenet):
    some = _labels(imagenet.evaluation_batches("validation", 4, 32, max_examples=6))
    np.testing.assert_array_equal(some, _labels(imagenet.evaluation_batches("validation", 12, 32))[:6])


@pytest.mark.parametrize("name", ["fashion_mnist", "cifar10", "imagenet2012"])
def test_data_that_tfds_has_not_prepared_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=f"run `tfds build {name} --data_dir={tmp_path}`") as error:
        load_dataset(name, str(tmp_path))
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_an_imagenet_too_small_to_hold_images_out_is_refused(data_dir):
    with pytest.raises(InputError, match=r"more than 50000 training images.*Received: 60"):
        load_dataset("imagenet2012", str(data_dir))


def test_a_prepared_file_that_is_broken_is_refused(tmp_path):
    _prepare("fashion_mnist", tmp_path, {"train": 20, "test": 10}, _fashion)
    (file,) = tmp_path.glob("fashion_mnist/*/*train.tfrecord*")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match="must hold whole files"):
        load_dataset("fashion_mnist", str(tmp_path))
