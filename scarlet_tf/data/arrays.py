"""Data sets of small images that are held in memory and augmented a batch at a time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scarlet_tf.data.dataset import Dataset
from scarlet_tf.data.preprocessing import Normalisation

if TYPE_CHECKING:
    import tensorflow as tf

MOST_BATCHES = 8
"""So many are prepared at once at most: at 224 pixels one of 256 images takes 150 MB."""


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """images: uint8 (n, h, w, 1 or 3); labels: int32 (n,)."""

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[-1] not in (1, 3):
            raise ValueError(
                f"images must be uint8 (n, h, w, 1 or 3). Received: {self.images.dtype} {self.images.shape}."
            )
        if self.labels.shape != self.images.shape[:1]:
            raise ValueError(f"labels must be ({len(self.images)},). Received: {self.labels.shape}.")

    def take(self, indices: np.ndarray) -> "LabelledImages":
        return LabelledImages(self.images[indices], self.labels[indices])


class ArrayDataset(Dataset):
    """Small images in memory. splits: a LabelledImages for each of SPLITS. augmentation: crop_flip, or flip for images
    that are centred and scaled, which a shift only takes out of place."""

    def __init__(
        self,
        name: str,
        class_names: tuple[str, ...],
        normalisation: Normalisation,
        splits: dict[str, LabelledImages],
        augmentation: str = "crop_flip",
    ) -> None:
        sizes = {split: len(examples.labels) for split, examples in splits.items()}
        super().__init__(name, class_names, normalisation, sizes)
        self._splits = dict(splits)
        self._augmentation = augmentation

    @property
    def augmentation(self) -> str:
        return self._augmentation

    def _tensors(self, split: str) -> "tuple[tf.Tensor, tf.Tensor]":
        import tensorflow as tf

        examples = self._splits[split]
        with tf.device("CPU:0"):  # where tf.data runs, even beside an accelerator
            return tf.constant(examples.images), tf.constant(examples.labels, tf.int32)

    def _training_batches(
        self,
        batch_size: int,
        image_size: int,
        seed: int,
        start_step: int,
        num_steps: int | None,
        auto_augment: str,
    ) -> "tf.data.Dataset":
        import tensorflow as tf

        from scarlet_tf.data import batching, order, small_images
        from scarlet_tf.data.auto_augment import apply_policy

        images, labels = self._tensors("train")
        crop = self.augmentation == "crop_flip"

        def batch_of(step: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            key = order.augmentation_key(seed, step)
            batch = apply_policy(auto_augment, small_images.crop_flip(tf.gather(images, indices), key, crop), key)
            return small_images.to_network(batch, image_size, self.normalisation), tf.gather(labels, indices)

        steps = order.training_steps(self.num_examples("train"), batch_size, seed, start_step, num_steps)
        return batching.in_order(batching.in_parallel(steps, batch_of, MOST_BATCHES), num_steps)

    def _evaluation_batches(self, split: str, batch_size: int, image_size: int, count: int) -> "tf.data.Dataset":
        import tensorflow as tf

        from scarlet_tf.data import batching, small_images

        images, labels = self._tensors(split)

        def prepared(batch, label):  # no hints: AutoGraph cannot resolve a module that only a hint names
            return small_images.to_network(batch, image_size, self.normalisation), label

        batches = tf.data.Dataset.from_tensor_slices((images, labels)).take(count).batch(batch_size)
        return batching.in_parallel(batches, prepared, MOST_BATCHES)
