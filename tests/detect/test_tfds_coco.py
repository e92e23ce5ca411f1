"""COCO as TFDS prepares it, written by the test."""

import io

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from scarlet_tf.detect.batches import NO_BOX
from scarlet_tf.detect.tfds_coco import MAX_BOXES, load_tfds_coco
from scarlet_tf.errors import InputError

NAMES = [f"thing {number}" for number in range(80)]


def example(number: int) -> dict:
    """A picture of 40x80 pixels whose shade is its number, with a box, a crowd and a box too narrow."""
    content = io.BytesIO()
    Image.fromarray(np.full((40, 80, 3), 10 * number, np.uint8)).save(content, "JPEG")
    content.seek(0)
    box = tfds.features.BBox(ymin=0.25, xmin=0.125, ymax=0.75, xmax=0.5)
    narrow = tfds.features.BBox(ymin=0.0, xmin=0.5, ymax=0.5, xmax=0.505)
    described = [(box, False, 79), (box, True, 1), (narrow, False, 2)]
    objects = [
        {"id": 10 * number + i, "area": 600, "bbox": bbox, "is_crowd": crowd, "label": label}
        for i, (bbox, crowd, label) in enumerate(described)
    ]
    return {"image": content, "image/filename": f"{number}.jpg", "image/id": 100 + number, "objects": objects}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    path = tmp_path_factory.mktemp("tfds")
    builder = tfds.builder("coco/2017", data_dir=str(path))
    builder.info.features["objects"].feature["label"].names = NAMES
    sizes = {"train": 12, "validation": 3}
    builder._split_generators = lambda manager, *_: {
        split: [(i, example(i)) for i in range(count)] for split, count in sizes.items()
    }
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=2))
    return str(path)


def test_training_batches_hold_what_can_be_learnt_and_depend_on_seed_and_step(data_dir):
    dataset = load_tfds_coco(data_dir, "train")
    assert (dataset.categories[0].id, dataset.categories[79].id, dataset.categories[79].name) == (1, 90, "thing 79")
    whole = list(dataset.training_batches(4, 64, True, 3, 0, 6).as_numpy_iterator())
    rest = list(dataset.training_batches(4, 64, True, 3, 4, 2).as_numpy_iterator())
    for (image, truth), (again, truth_again) in zip(whole[4:], rest, strict=True):
        np.testing.assert_array_equal(image, again)
        np.testing.assert_array_equal(truth["boxes"], truth_again["boxes"])
    shades = [np.concatenate([image[:, 5, 5, 0] for image, _ in whole[start : start + 3]]) for start in (0, 3)]
    for epoch in shades:
        assert len(set(np.round(epoch, 2))) == 12
    assert (shades[0] != shades[1]).any()
    for _, truth in whole:
        assert truth["boxes"].shape == (4, MAX_BOXES + 1, 4)
        np.testing.assert_array_equal(truth["labels"][:, 0], 79)
        np.testing.assert_array_equal(truth["labels"][:, 1:], NO_BOX)
        for left, top, right, bottom in truth["boxes"][:, 0]:
            assert (top, bottom) == (8, 24)
            assert (left, right) in ((8, 32), (32, 56))


def test_evaluation_sees_every_object(data_dir):
    dataset = load_tfds_coco(data_dir, "validation")
    ((images, ids, sizes),) = dataset.evaluation_batches(8, 64, 3).as_numpy_iterator()
    assert images.shape == (3, 64, 64, 3)
    assert sorted(ids) == [100, 101, 102]
    np.testing.assert_array_equal(sizes, [[40, 80]] * 3)
    truth = dataset.ground_truth(3)
    assert [image["id"] for image in truth["images"]] == list(ids)
    assert len(truth["annotations"]) == 9
    first = truth["annotations"][0]
    assert (first["bbox"], first["category_id"], first["iscrowd"]) == ([10, 10, 30, 20], 90, 0)


def test_what_is_not_prepared_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"--dataset=coco must have been prepared by TFDS.*tfds build coco/2017"):
        load_tfds_coco(str(tmp_path), "train")
