"""What every data set offers: its names and sizes, batches to train on, and batches to evaluate on."""

import abc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scarlet_tf.data.preprocessing import Normalisation
from scarlet_tf.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf

SPLITS = ("train", "validation", "test")
AUTO_AUGMENT = ("none", "cifar10")
"""Policies of further augmentation, by the data set they were found on (Cubuk et al. 2018)."""

CACHE_BYTES = 256 * 2**20
"""Evaluation batches up to this size are kept in memory after the first pass."""


class Dataset(abc.ABC):
    """Labelled images in three splits, as batches of what networks eat.

    A batch is `(image, label)`: float32 (batch, image_size, image_size, 3), RGB as
    `(pixel in [0, 1] - mean) / std`; and int32 (batch,). Making a Dataset of files or arrays imports no
    TensorFlow; asking it for batches does.
    """

    def __init__(
        self,
        name: str,
        class_names: tuple[str, ...],
        normalisation: Normalisation,
        num_examples: dict[str, int],
    ) -> None:
        if set(num_examples) != set(SPLITS):
            raise ValueError(f"num_examples must have the keys {SPLITS}. Received: {sorted(num_examples)}.")
        self.name = name
        self.class_names = tuple(class_names)
        self.normalisation = normalisation
        self._num_examples = dict(num_examples)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def mean(self) -> tuple[float, float, float]:
        return self.normalisation.mean

    @property
    def std(self) -> tuple[float, float, float]:
        return self.normalisation.std

    @property
    @abc.abstractmethod
    def augmentation(self) -> str:
        """How training images are distorted: `crop_flip` or `flip` (small images), or `inception` (photos)."""

    def num_examples(self, split: str) -> int:
        """How many images `split`, one of SPLITS, holds."""
        return self._num_examples[_checked_split(split)]

    def steps_per_epoch(self, batch_size: int) -> int:
        """Batches in an epoch; what does not fill a last batch is left out of that epoch.

        Raises InputError where the training set does not fill one batch.
        """
        _check_positive("batch_size", batch_size)
        if batch_size > self.num_examples("train"):
            raise InputError(
                f"--batch_size must be at most {self.num_examples('train')}, the training images of"
                f" {self.name}. Received: {batch_size}."
            )
        return self.num_examples("train") // batch_size

    def training_batches(
        self,
        batch_size: int,
        image_size: int,
        seed: int,
        start_step: int = 0,
        num_steps: int | None = None,
        auto_augment: str = "none",
    ) -> "tf.data.Dataset":
        """Augmented batches of shuffled epochs: `num_steps` of them, or without end.

        `auto_augment`, one of AUTO_AUGMENT, comes after crop and flip, and for small images before they are resized.
        Each batch is a pure function of (seed, step): with `start_step=k` come, bit for bit, the
        batches that a run from step 0 would see from step k on. No image is decoded only to be skipped.
        """
        _check_positive("image_size", image_size)
        self.steps_per_epoch(batch_size)
        if start_step < 0:
            raise ValueError(f"start_step must not be negative. Received: {start_step}.")
        if num_steps is not None and num_steps < 0:
            raise ValueError(f"num_steps must be None or not negative. Received: {num_steps}.")
        if auto_augment not in AUTO_AUGMENT:
            raise InputError(f"--auto_augment must be one of {', '.join(AUTO_AUGMENT)}. Received: {auto_augment!r}.")
        return self._training_batches(batch_size, image_size, seed, start_step, num_steps, auto_augment)

    def mended_training_batches(
        self,
        batch_size: int,
        image_size: int,
        seed: int,
        start_step: int,
        num_steps: int,
        auto_augment: str = "none",
    ) -> "tuple[tf.data.Dataset, list[str]] | None":
        """As `training_batches`, but that the first batch has others in the place of its images that cannot be read;
        and the files of these. None where all of them can be, or where this data set has no files of images.

        What takes an image's place is one of its class, and a function of (seed, step) and the files alone.
        """
        return None

    def evaluation_batches(
        self, split: str, batch_size: int, image_size: int, max_examples: int | None = None
    ) -> "tf.data.Dataset":
        """Batches of `split`, once, in a fixed order and without augmentation; the last may be smaller.

        max_examples: only so many images, from the start; classes are mixed there.
        Small splits stay in memory after the first pass.
        """
        from scarlet_tf.data import batching

        _check_positive("batch_size", batch_size)
        _check_positive("image_size", image_size)
        count = self.num_examples(split)
        if max_examples is not None:
            _check_positive("max_examples", max_examples)
            count = min(count, max_examples)
        batches = self._evaluation_batches(split, batch_size, image_size, count)
        if count * image_size**2 * 3 * 4 <= CACHE_BYTES:
            batches = batches.cache()
        return batching.ahead(batches)

    @contextmanager
    def naming_bad_files(self) -> Iterator[None]:
        """Around the use of batches: where an image cannot be read, raises InputError that names its file."""
        yield

    @abc.abstractmethod
    def _training_batches(
        self,
        batch_size: int,
        image_size: int,
        seed: int,
        start_step: int,
        num_steps: int | None,
        auto_augment: str,
    ) -> "tf.data.Dataset": ...

    @abc.abstractmethod
    def _evaluation_batches(self, split: str, batch_size: int, image_size: int, count: int) -> "tf.data.Dataset": ...


def _checked_split(split: str) -> str:
    if split not in SPLITS:
        raise InputError(f"split must be one of {', '.join(SPLITS)}. Received: {split}.")
    return split


def _check_positive(name: str, value: int) -> None:
    if value < 1:
        raise InputError(f"--{name} must be at least 1. Received: {value}.")
