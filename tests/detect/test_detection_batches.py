"""Batches: a function of (seed, step), filled up, and the same images for evaluation."""

import numpy as np
import pytest

from scarlet_tf.detect.batches import NO_BOX, CocoFiles
from scarlet_tf.detect.coco import read_coco
from scarlet_tf.detect.letterbox import content_size
from scarlet_tf.errors import InputError


@pytest.fixture(scope="module")
def dataset(pictures):
    return CocoFiles(read_coco(str(pictures / "train.json"), str(pictures / "images")))


def steps(dataset, start, count, flip=True, seed=5):
    return list(dataset.training_batches(3, 64, flip, seed, start, count).as_numpy_iterator())


def test_a_batch_is_a_function_of_seed_and_step(dataset):
    whole, rest = steps(dataset, 0, 6), steps(dataset, 3, 3)  # 2 steps an epoch
    for (image, truth), (again, truth_again) in zip(whole[3:], rest, strict=True):
        np.testing.assert_array_equal(image, again)
        np.testing.assert_array_equal(truth["boxes"], truth_again["boxes"])
        np.testing.assert_array_equal(truth["labels"], truth_again["labels"])
    assert any((a[0] != b[0]).any() for a, b in zip(whole, steps(dataset, 0, 6, seed=6), strict=True))


def test_boxes_hold_their_colour_flipped_or_not(dataset):
    flipped = 0
    for (image, truth), (straight, _) in zip(steps(dataset, 0, 6), steps(dataset, 0, 6, flip=False), strict=True):
        assert image.shape == (3, 64, 64, 3)
        assert truth["boxes"].shape == (3, 3, 4)
        flipped += int(sum((image[i] != straight[i]).any() for i in range(3)))
        for i in range(3):
            kept = truth["labels"][i] >= 0
            assert not kept[-1]
            np.testing.assert_array_equal(truth["boxes"][i][~kept], NO_BOX)
            for (left, top, right, bottom), label in zip(
                truth["boxes"][i][kept], truth["labels"][i][kept], strict=True
            ):
                inside = image[i, int(top) + 3 : int(bottom) - 3, int(left) + 3 : int(right) - 3].mean(axis=(0, 1))
                assert (inside[0] > inside[2]) == (label == 0)  # red, else blue
    assert 3 < flipped < 15


def test_evaluation_sees_every_image_in_order(dataset):
    batches = list(dataset.evaluation_batches(3, 64, 7).as_numpy_iterator())
    ids, sizes = (np.concatenate([batch[part] for batch in batches]) for part in (1, 2))
    np.testing.assert_array_equal(ids, 100 + np.arange(7))
    np.testing.assert_array_equal(sizes[:2], [[80, 64], [64, 96]])
    assert content_size(80, 64, 64) == (64, 51)
    image = batches[0][0][0]
    assert (image[:, 51:] == 0).all()
    assert (image[:, :51] != 0).all()


def test_batch_that_the_images_do_not_fill(dataset):
    with pytest.raises(InputError, match=r"--batch_size must be at most 8.* Received: 9"):
        dataset.steps_per_epoch(9)
