"""Annotations in COCO's form: what is read, clipped, left out and counted."""

import subprocess
import sys

import numpy as np
import pytest

from scarlet_tf.detect.categories import Category
from scarlet_tf.detect.coco import CocoData, CocoImage, CocoObject, clip_boxes, read_coco
from scarlet_tf.errors import InputError

DATA = CocoData(
    "some.json",
    (Category(3, "red"), Category(7, "blue")),
    (CocoImage(1, "1.jpg", 100, 50), CocoImage(2, "2.jpg", 10, 10), CocoImage(3, "3.jpg", 10, 10)),
    (
        CocoObject(1, 7, (10.0, 5.0, 20.0, 30.0), 600.0, False),
        CocoObject(1, 3, (-5.0, -2.0, 20.0, 80.0), 1600.0, False),  # clipped
        CocoObject(1, 3, (90.0, 0.0, 10.6, 10.0), 106.0, False),  # off by rounding alone
        CocoObject(1, 3, (100.0, 10.0, 20.0, 20.0), 400.0, False),  # outside
        CocoObject(1, 7, (20.0, 20.0, 0.5, 9.0), 4.5, False),  # too narrow
        CocoObject(1, 7, (0.0, 0.0, 100.0, 50.0), 5000.0, True),
        CocoObject(2, 7, (5.0, 5.0, -3.0, 3.0), 9.0, False),
    ),
)


def test_boxes_are_clipped_to_their_image_and_the_rest_is_left_out():
    (only,) = DATA.training_images
    assert only.image.id == 1
    np.testing.assert_allclose(only.boxes, [[10, 5, 30, 35], [0, 0, 15, 50], [90, 0, 100, 10]])
    np.testing.assert_array_equal(only.labels, [1, 0, 0])


def test_summary_counts_what_became_of_the_boxes():
    assert DATA.summary() == (
        "some.json: 3 boxes of 2 categories on 1 images; 1 boxes that reached outside their image were clipped; "
        "3 boxes less than 1 px wide or high within their image were left out; 1 crowds were left out; "
        "2 images without an object were left out"
    )


def test_clipping_is_numpys():
    boxes = np.random.default_rng(0).normal(20, 40, (200, 4))
    inside, outside = clip_boxes(boxes, 60, 40)
    for (x, y, w, h), clipped, is_outside in zip(boxes, inside, outside, strict=True):
        expected = [min(max(x, 0), 60), min(max(y, 0), 40), min(max(x + w, 0), 60), min(max(y + h, 0), 40)]
        np.testing.assert_allclose(clipped, expected)
        assert is_outside == (np.abs(np.array([x, y, x + w, y + h]) - expected).max() > 1)


def test_evaluation_sees_the_annotations_as_they_are():
    truth = DATA.ground_truth({1})
    assert [image["id"] for image in truth["images"]] == [1]
    assert [entry["bbox"] for entry in truth["annotations"]] == [list(item.box) for item in DATA.objects[:-1]]
    assert [entry["iscrowd"] for entry in truth["annotations"]] == [0, 0, 0, 0, 0, 1]
    assert truth["categories"] == [{"id": 3, "name": "red"}, {"id": 7, "name": "blue"}]


def test_files_are_read_and_looked_at(pictures):
    data = read_coco(str(pictures / "train.json"), str(pictures / "images"))
    data.check_image_files()
    assert (len(data.images), len(data.objects), len(data.training_images)) == (8, 12, 8)


@pytest.mark.parametrize("kind", ["truncated", "text", "size"])
def test_images_that_are_not_what_they_should_be_are_named(kind, pictures, tmp_path):
    data = read_coco(str(pictures / "train.json"), str(pictures / "images"))
    content = (pictures / "images" / "100.jpg").read_bytes()
    if kind == "size":
        content = (pictures / "images" / "101.jpg").read_bytes()
    changed = {"truncated": content[: len(content) // 2], "text": b"no image", "size": content}[kind]
    (tmp_path / "100.jpg").write_bytes(changed)
    image = data.images[0]._replace(path=str(tmp_path / "100.jpg"))
    with pytest.raises(InputError, match=r"100\.jpg.* must be"):
        CocoData(data.where, data.categories, (image,), ()).check_image_files()


def test_reading_needs_no_tensorflow():
    code = "import sys, scarlet_tf.detect.source, scarlet_tf.detect.runtimes; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
