import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.data import SPLITS, load_dataset
from scarlet_tf.data.arrays import ArrayDataset, LabelledImages
from scarlet_tf.data.preprocessing import CIFAR10, FASHION_MNIST, Normalisation
from scarlet_tf.errors import InputError

PLAIN = Normalisation(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def _batches(dataset, *args, **kwargs):
    return list(dataset.training_batches(*args, **kwargs).as_numpy_iterator())


def _assert_same(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for (image, label), (other_image, other_label) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(image, other_image)
        np.testing.assert_array_equal(label, other_label)


def _dataset(images, normalisation=PLAIN):
    """Example i has the label i, so that a test can see which example came."""
    examples = LabelledImages(images, np.arange(len(images), dtype=np.int32))
    return ArrayDataset("tiny", ("a", "b"), normalisation, dict.fromkeys(SPLITS, examples))


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), np.uint8)


@pytest.mark.parametrize("start_step", [1, 4, 6, 11])  # inside an epoch of 6 steps, and at its border
def test_a_restart_yields_bit_for_bit_the_batches_of_an_uninterrupted_run(noise, start_step):
    whole = _batches(_dataset(noise), 4, 32, seed=3, num_steps=14)
    rest = _batches(_dataset(noise), 4, 32, seed=3, start_step=start_step, num_steps=14 - start_step)
    _assert_same(rest, whole[start_step:])


def test_batches_do_not_depend_on_the_global_seed(noise):
    tf.random.set_seed(1)
    first = _batches(_dataset(noise), 4, 32, seed=3, num_steps=3)
    tf.random.set_seed(2)
    _assert_same(_batches(_dataset(noise), 4, 32, seed=3, num_steps=3), first)


def test_each_epoch_visits_each_example_once_in_another_order(noise):
    labels = [label for _, label in _batches(_dataset(noise), 4, 32, seed=3, num_steps=18)]
    epochs = np.reshape(labels, (3, 24))
    for epoch in epochs:
        assert sorted(epoch) == list(range(24))
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_an_epoch_leaves_out_what_does_not_fill_a_batch(noise):
    dataset = _dataset(noise)
    assert dataset.steps_per_epoch(7) == 3
    batches = _batches(dataset, 7, 32, seed=0, num_steps=6)
    assert {len(label) for _, label in batches} == {7}
    for epoch in (batches[:3], batches[3:]):
        assert len(set(np.concatenate([label for _, label in epoch]))) == 21


def test_seeds_differ(noise):
    one, two = (_batches(_dataset(noise), 24, 32, seed=seed, num_steps=1)[0][1] for seed in (1, 2))
    assert list(one) != list(two)


def test_without_num_steps_batches_do_not_end(noise):
    batches = _dataset(noise).training_batches(8, 32, seed=0)
    assert batches.cardinality() == tf.data.INFINITE_CARDINALITY
    assert len(list(batches.take(10))) == 10
    assert _dataset(noise).training_batches(8, 32, seed=0, num_steps=5).cardinality() == 5
    assert batches.element_spec[0].shape == (8, 32, 32, 3)


@pytest.mark.parametrize(("size", "padding"), [(28, 2), (32, 4)])
def test_augmentation_crops_from_a_zero_padded_image_and_flips(size, padding):
    image = np.random.default_rng(1).integers(1, 256, (size, size, 1), np.uint8)
    dataset = _dataset(np.stack([image] * 64))
    padded = np.pad(image[..., 0], padding)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size)).reshape(-1, size, size)
    crops = {w.tobytes(): (i, False) for i, w in enumerate(windows)}
    crops |= {w[:, ::-1].tobytes(): (i, True) for i, w in enumerate(windows)}
    seen = []
    for batch, _ in _batches(dataset, 64, size, seed=5, num_steps=10):
        pixels = np.rint(batch * 255).astype(np.uint8)
        np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])
        seen += [crops[np.ascontiguousarray(p[..., 0]).tobytes()] for p in pixels]  # KeyError: not such a crop
    windows_seen, flips = zip(*seen, strict=True)
    rows, columns = np.divmod(windows_seen, 2 * padding + 1)
    assert set(rows) == set(columns) == set(range(2 * padding + 1))
    assert 0.4 < np.mean(flips) < 0.6


def test_augmentation_of_an_example_differs_between_epochs(noise):
    dataset = _dataset(noise[:1])
    images = [image.tobytes() for image, _ in _batches(dataset, 1, 32, seed=0, num_steps=8)]
    assert len(set(images)) >= 7


def test_evaluation_is_ordered_whole_and_normalised_as_numpy_does(noise):
    dataset = _dataset(noise, CIFAR10)
    batches = list(dataset.evaluation_batches("test", 10, 32).as_numpy_iterator())
    assert [len(label) for _, label in batches] == [10, 10, 4]
    np.testing.assert_array_equal(np.concatenate([label for _, label in batches]), np.arange(24))
    expected = (noise / 255.0 - [0.4914, 0.4822, 0.4465]) / [0.2470, 0.2435, 0.2616]
    np.testing.assert_allclose(np.concatenate([image for image, _ in batches]), expected, atol=2e-6)


def test_evaluation_yields_the_same_on_every_pass(noise):
    batches = _dataset(noise).evaluation_batches("validation", 10, 32)
    _assert_same(list(batches.as_numpy_iterator()), list(batches.as_numpy_iterator()))


def test_max_examples_takes_the_first(noise):
    batches = _dataset(noise).evaluation_batches("validation", 4, 32, max_examples=6)
    assert [list(label) for _, label in batches.as_numpy_iterator()] == [[0, 1, 2, 3], [4, 5]]
    batches = _dataset(noise).evaluation_batches("validation", 100, 32, max_examples=1000)
    assert [len(label) for _, label in batches] == [24]


def test_grey_images_become_three_equal_channels():
    dataset = load_dataset("fashion_mnist_small")
    image, _ = next(dataset.evaluation_batches("train", 5, 28).as_numpy_iterator())
    assert image.shape == (5, 28, 28, 3)
    np.testing.assert_array_equal(image[..., 0], image[..., 1])
    np.testing.assert_allclose(image.min(), -0.2860 / 0.3530, rtol=1e-5)


def test_another_image_size_resizes_bilinearly():
    ramp = np.tile(np.arange(0, 64, 2, dtype=np.uint8)[None, :, None], (32, 1, 3))[None]
    image, _ = next(_dataset(ramp).evaluation_batches("test", 1, 64).as_numpy_iterator())
    # Pixel centres: output j looks at input (j + 0.5) / 2 - 0.5, where the ramp is twice as high.
    expected = np.clip((np.arange(64) + 0.5) / 2 - 0.5, 0, 31) * 2 / 255
    np.testing.assert_allclose(image[0, 7, :, 1], expected, atol=1e-6)
    batches = _batches(_dataset(ramp), 1, 48, seed=0, num_steps=1)
    assert batches[0][0].shape == (1, 48, 48, 3)


def test_normalisation_constants_are_those_of_the_images():
    dataset = load_dataset("fashion_mnist_small")
    assert dataset.mean == FASHION_MNIST.mean
    assert dataset.std == FASHION_MNIST.std
    images = np.concatenate([i for i, _ in dataset.evaluation_batches("train", 2000, 28).as_numpy_iterator()])
    assert abs(images.mean()) < 0.02
    assert abs(images.std() - 1) < 0.02


def test_synthetic_images_are_balanced_alike_in_each_load_and_told_apart_by_their_spectrum():
    one, two = load_dataset("synthetic"), load_dataset("synthetic")
    (images, labels), (again, _) = (
        next(d.evaluation_batches("train", 200, 32).as_numpy_iterator()) for d in (one, two)
    )
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(np.bincount(labels), [20] * 10)
    assert not np.array_equal(images, next(one.evaluation_batches("test", 200, 32).as_numpy_iterator())[0])
    spectrum = np.abs(np.fft.fft2(images.mean(axis=-1)))[:, :8, :8].reshape(200, -1)
    spectrum[:, 0] = 0
    peaks = [set(spectrum[labels == label].argmax(axis=1)) for label in range(10)]
    assert all(len(peak) == 1 for peak in peaks)
    assert len(set.union(*peaks)) == 10


def test_bad_requests_are_refused(noise):
    dataset = _dataset(noise)
    with pytest.raises(InputError, match=r"--batch_size must be at most 24.*Received: 25"):
        dataset.training_batches(25, 32, seed=0)
    with pytest.raises(InputError, match=r"--batch_size must be at least 1. Received: 0"):
        dataset.evaluation_batches("test", 0, 32)
    with pytest.raises(InputError, match=r"--image_size must be at least 1. Received: -1"):
        dataset.training_batches(4, -1, seed=0)
    with pytest.raises(InputError, match=r"split must be one of train, validation, test. Received: val"):
        dataset.num_examples("val")
    with pytest.raises(ValueError, match="start_step"):
        dataset.training_batches(4, 32, seed=0, start_step=-1)
    with pytest.raises(ValueError, match="uint8"):
        LabelledImages(noise.astype(np.float32), np.zeros(24, np.int32))


def test_names_and_directories_are_checked(tmp_path):
    with pytest.raises(InputError, match=r"--dataset must be one of fashion_mnist_small.*Received: mnist"):
        load_dataset("mnist")
    for name in ("fashion_mnist_small", "synthetic"):
        with pytest.raises(InputError, match="--data_dir must be left out"):
            load_dataset(name, str(tmp_path))
