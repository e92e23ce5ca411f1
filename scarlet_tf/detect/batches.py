"""What detectors are trained and evaluated on, as batches: from files with annotations in COCO's form."""

import abc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from scarlet_tf.data import batching, order, photos
from scarlet_tf.detect.categories import Category
from scarlet_tf.detect.coco import CocoData
from scarlet_tf.detect.letterbox import letterbox
from scarlet_tf.errors import InputError

NO_BOX = -1.0
"""What boxes and labels are filled up with. Such a box has no area, so that no anchor matches it."""


class DetectionDataset(abc.ABC):
    """Images with boxes.

    A training batch is `(image, {"boxes", "labels"})`: float32 (b, size, size, 3), letterboxed; float32 (b, k, 4),
    (left, top, right, bottom) in pixels of the square; float32 (b, k), the class. k is fixed, rows are filled up with
    NO_BOX, and the last one always is.
    """

    categories: tuple[Category, ...]
    num_training_images: int
    num_images: int

    @abc.abstractmethod
    def summary(self) -> str:
        """One line on what there is, and what was left out."""

    @abc.abstractmethod
    def training_batches(
        self, batch_size: int, image_size: int, flip: bool, seed: int, start_step: int, num_steps: int
    ) -> tf.data.Dataset:
        """Batches of shuffled epochs, each a pure function of (seed, step), from `start_step` on."""

    @abc.abstractmethod
    def evaluation_batches(self, batch_size: int, image_size: int, count: int) -> tf.data.Dataset:
        """`(image, image id, size)` of the first `count` images: as above; int64 (b,); int32 (b, 2), the height and
        width of the original."""

    @abc.abstractmethod
    def ground_truth(self, count: int) -> dict:
        """The annotations of the first `count` images in COCO's form."""

    def steps_per_epoch(self, batch_size: int) -> int:
        """Raises InputError where the images do not fill one batch."""
        if batch_size > self.num_training_images:
            raise InputError(
                f"--batch_size must be at most {self.num_training_images}, the images with an object. "
                f"Received: {batch_size}."
            )
        return self.num_training_images // batch_size

    @contextmanager
    def naming_bad_files(self) -> Iterator[None]:
        """Around the use of batches: where an image cannot be read, raises InputError that names its file."""
        yield


def training_example(
    contents: tf.Tensor, boxes: tf.Tensor, labels: tf.Tensor, image_size: int, flip: bool, key: tf.Tensor
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """An example of a batch, from the contents of its file; boxes (k, 4) and labels (k,) are filled up already."""
    flipped = tf.random.stateless_uniform((), key) < 0.5 if flip else tf.constant(False)
    image, moved = letterbox(photos.decode(contents), boxes, image_size, flipped)
    return image, {"boxes": tf.where(labels[:, None] < 0, NO_BOX, moved), "labels": labels}


def evaluation_image(contents: tf.Tensor, image_size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The letterboxed image in the contents of a file, and the height and width of the original, int32 (2,)."""
    pixels = photos.decode(contents)
    image, _ = letterbox(pixels, tf.zeros((0, 4)), image_size)
    return image, tf.shape(pixels)[:2]


def image_files(paths: Sequence[str], ids: Sequence[int], batch_size: int, image_size: int) -> tf.data.Dataset:
    """`evaluation_batches` of files."""

    def example(path: tf.Tensor, image_id: tf.Tensor) -> tuple[tf.Tensor, ...]:
        image, size = evaluation_image(tf.io.read_file(path), image_size)
        return image, image_id, size

    files = tf.data.Dataset.from_tensor_slices((list(paths), np.array(ids, np.int64)))
    examples = batching.in_parallel(files, example)
    return batching.ahead(examples.batch(batch_size))


class CocoFiles(DetectionDataset):
    """The images of a JSON file in COCO's form."""

    def __init__(self, data: CocoData) -> None:
        self._data = data
        self.categories = data.categories
        self.num_training_images = len(data.training_images)
        self.num_images = len(data.images)

    def summary(self) -> str:
        return self._data.summary()

    def _filled_up(self) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (n, k, 4) and labels (n, k) of all training images."""
        images = self._data.training_images
        rows = max(len(image.labels) for image in images) + 1
        boxes = np.full((len(images), rows, 4), NO_BOX, np.float32)
        labels = np.full((len(images), rows), NO_BOX, np.float32)
        for index, image in enumerate(images):
            boxes[index, : len(image.labels)] = image.boxes
            labels[index, : len(image.labels)] = image.labels
        return boxes, labels

    def training_batches(
        self, batch_size: int, image_size: int, flip: bool, seed: int, start_step: int, num_steps: int
    ) -> tf.data.Dataset:
        with tf.device("CPU:0"):
            paths = tf.constant([example.image.path for example in self._data.training_images])
            boxes, labels = map(tf.constant, self._filled_up())

        def examples_of(step: tf.Tensor, indices: tf.Tensor) -> tf.data.Dataset:
            positions = step * batch_size + tf.range(batch_size, dtype=tf.int64)
            return tf.data.Dataset.from_tensor_slices((positions, indices))

        def example(position: tf.Tensor, index: tf.Tensor) -> tuple:
            key = order.augmentation_key(seed, position)
            return training_example(tf.io.read_file(paths[index]), boxes[index], labels[index], image_size, flip, key)

        steps = order.training_steps(self.num_training_images, batch_size, seed, start_step, num_steps)
        examples = batching.in_parallel(steps.flat_map(examples_of), example)
        return batching.in_order(examples.batch(batch_size, drop_remainder=True), num_steps)

    def evaluation_batches(self, batch_size: int, image_size: int, count: int) -> tf.data.Dataset:
        images = self._data.images[:count]
        return image_files([image.path for image in images], [image.id for image in images], batch_size, image_size)

    def ground_truth(self, count: int) -> dict:
        return self._data.ground_truth({image.id for image in self._data.images[:count]})

    @contextmanager
    def naming_bad_files(self) -> Iterator[None]:
        with photos.naming_bad_files(image.path for image in self._data.images):
            yield
