"""COCO 2017 as TFDS has prepared it on this machine."""

import tensorflow as tf
import tensorflow_datasets as tfds

from scarlet_tf.data import batching, order
from scarlet_tf.data.streamed import records, records_of_epochs
from scarlet_tf.data.tfds_source import prepared_builder
from scarlet_tf.detect.batches import NO_BOX, DetectionDataset, evaluation_image, training_example
from scarlet_tf.detect.categories import Category
from scarlet_tf.detect.coco import MIN_SIDE, CocoImage, CocoObject, ground_truth

MAX_BOXES = 100
"""Boxes of an image that are trained on; COCO's training images have at most 93."""

_NO_ID = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
_IDS = [number for number in range(1, 91) if number not in _NO_ID]
"""COCO's own ids of its 80 categories, in their order, which TFDS drops."""


def load_tfds_coco(data_dir: str | None, split: str) -> "TfdsCoco":
    """`split`, train or validation, of coco/2017 under `data_dir`. Raises InputError where TFDS did not prepare it."""
    return TfdsCoco(prepared_builder("coco/2017", data_dir), split)


class TfdsCoco(DetectionDataset):
    """Records of TFDS, in whose order images are decoded as they are needed. Images without an object that can be
    trained on are trained on too, as background: to leave them out, all records would have to be read first."""

    def __init__(self, builder: tfds.core.DatasetBuilder, split: str) -> None:
        self._builder, self._split = builder, split
        names = builder.info.features["objects"].feature["label"].names
        ids = _IDS if len(names) == len(_IDS) else range(1, len(names) + 1)
        self.categories = tuple(Category(number, name) for number, name in zip(ids, names, strict=True))
        self.num_images = self.num_training_images = builder.info.splits[split].num_examples

    def summary(self) -> str:
        return f"coco/2017 {self._split}: {self.num_images} images, {len(self.categories)} categories"

    def training_batches(
        self, batch_size: int, image_size: int, flip: bool, seed: int, start_step: int, num_steps: int
    ) -> tf.data.Dataset:
        per_epoch, start = self.steps_per_epoch(batch_size) * batch_size, start_step * batch_size

        def example(position: tf.Tensor, record: dict) -> tuple:
            boxes, labels = _training_boxes(record)
            key = order.augmentation_key(seed, position)
            return training_example(record["image"], boxes, labels, image_size, flip, key)

        examples = records_of_epochs(self._builder, self._split, per_epoch, start, seed).take(num_steps * batch_size)
        examples = batching.in_parallel(examples, example)
        return batching.in_order(examples.batch(batch_size, drop_remainder=True), num_steps)

    def evaluation_batches(self, batch_size: int, image_size: int, count: int) -> tf.data.Dataset:
        def example(record: dict) -> tuple[tf.Tensor, ...]:
            image, size = evaluation_image(record["image"], image_size)
            return image, record["image/id"], size

        examples = records(self._builder, self._split).take(count)
        examples = batching.in_parallel(examples, example)
        return batching.ahead(examples.batch(batch_size))

    def ground_truth(self, count: int) -> dict:
        def described(record: dict) -> dict:
            size = tf.io.extract_jpeg_shape(record["image"])[:2]
            return {"id": record["image/id"], "size": size, "objects": record["objects"]}

        images, objects = [], []
        for record in records(self._builder, self._split).take(count).map(described).as_numpy_iterator():
            height, width = map(int, record["size"])
            image = CocoImage(int(record["id"]), "", width, height)
            images.append(image)
            found = record["objects"]
            for box, label, area, crowd in zip(
                found["bbox"], found["label"], found["area"], found["is_crowd"], strict=True
            ):
                top, left, bottom, right = box * [height, width, height, width]
                corner_and_size = tuple(map(float, (left, top, right - left, bottom - top)))
                category = self.categories[label].id
                objects.append(CocoObject(image.id, category, corner_and_size, float(area), bool(crowd)))
        return ground_truth(self.categories, images, objects)


def _training_boxes(record: dict) -> tuple[tf.Tensor, tf.Tensor]:
    """The boxes of a record that are no crowds and not too small, in pixels, float32 (MAX_BOXES + 1, 4), and their
    labels, float32 (MAX_BOXES + 1,), filled up."""
    height, width = tf.unstack(tf.cast(tf.io.extract_jpeg_shape(record["image"])[:2], tf.float32))
    objects = record["objects"]
    top, left, bottom, right = tf.unstack(objects["bbox"], axis=1)
    boxes = tf.stack([left * width, top * height, right * width, bottom * height], axis=1)
    large = tf.reduce_all(boxes[:, 2:] - boxes[:, :2] >= MIN_SIDE, axis=1)
    kept = tf.where(large & ~objects["is_crowd"])[:MAX_BOXES, 0]
    labels = tf.cast(tf.gather(objects["label"], kept), tf.float32)
    missing = MAX_BOXES + 1 - tf.size(kept)
    boxes = tf.pad(tf.gather(boxes, kept), [[0, missing], [0, 0]], constant_values=NO_BOX)
    labels = tf.pad(labels, [[0, missing]], constant_values=NO_BOX)
    return tf.ensure_shape(boxes, (MAX_BOXES + 1, 4)), tf.ensure_shape(labels, (MAX_BOXES + 1,))
