"""From the contents of an image file to what networks eat, by kind of augmentation."""

from collections.abc import Callable

import tensorflow as tf

from scarlet_tf.data import photos, small_images
from scarlet_tf.data.auto_augment import apply_policy
from scarlet_tf.data.preprocessing import Normalisation


def training_transform(
    augmentation: str, image_size: int, normalisation: Normalisation, auto_augment: str = "none"
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """`(contents, key) -> image`, augmented. `augmentation`: crop_flip or inception."""

    def small(contents: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
        images = apply_policy(auto_augment, small_images.crop_flip(photos.decode(contents)[None], key), key)
        return small_images.to_network(images, image_size, normalisation)[0]

    def photo(contents: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
        image = photos.inception_crop(contents, key, image_size)
        if auto_augment != "none":
            image = tf.cast(tf.round(image), tf.uint8)
            image = tf.cast(apply_policy(auto_augment, image[None], key)[0], tf.float32)
        return normalisation.applied_to(image)

    return {"crop_flip": small, "inception": photo}[augmentation]


def evaluation_transform(
    augmentation: str, image_size: int, normalisation: Normalisation
) -> Callable[[tf.Tensor], tf.Tensor]:
    """`contents -> image`, without chance, for images that are trained on with `augmentation`."""

    def small(contents: tf.Tensor) -> tf.Tensor:
        return small_images.to_network(photos.decode(contents)[None], image_size, normalisation)[0]

    def photo(contents: tf.Tensor) -> tf.Tensor:
        return normalisation.applied_to(photos.centre_crop(photos.decode(contents), image_size))

    return {"crop_flip": small, "inception": photo}[augmentation]
