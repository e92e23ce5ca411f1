"""Data sets that TFDS has prepared on this machine."""

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from scarlet_tf.data.arrays import ArrayDataset, LabelledImages
from scarlet_tf.data.dataset import Dataset
from scarlet_tf.data.held_out import every_tenth
from scarlet_tf.data.preprocessing import CIFAR10, FASHION_MNIST, IMAGENET, Normalisation
from scarlet_tf.data.streamed import StreamedDataset
from scarlet_tf.errors import InputError

IMAGENET_HELD_OUT = 50_000
"""Images of ImageNet's training set that a search validates on."""


def load_tfds(name: str, data_dir: str | None) -> Dataset:
    """fashion_mnist, cifar10 or imagenet2012 as TFDS prepared it under `data_dir`.

    Raises InputError where it did not: nothing is downloaded.
    """
    builder = prepared_builder(name, data_dir)
    if name == "imagenet2012":
        train = builder.info.splits["train"].num_examples
        if train <= IMAGENET_HELD_OUT:
            raise InputError(
                f"imagenet2012 must hold more than {IMAGENET_HELD_OUT} training images, which are held out as"
                f" validation. Received: {train} in {builder.data_dir}; use --dataset=folder for a subset."
            )
        return StreamedDataset(name, builder, IMAGENET, IMAGENET_HELD_OUT)
    return _array_dataset(name, builder, {"fashion_mnist": FASHION_MNIST, "cifar10": CIFAR10}[name])


def prepared_builder(name: str, data_dir: str | None) -> tfds.core.DatasetBuilder:
    """What TFDS prepared of the data set `name` under `data_dir`. Raises InputError where that is nothing."""
    builder = tfds.builder(name, data_dir=data_dir)
    if not builder.info.splits:
        prepare = f"tfds build {name}" + (f" --data_dir={data_dir}" if data_dir else "")
        raise InputError(
            f"--dataset={name.split('/')[0]} must have been prepared by TFDS. Received: nothing in {builder.data_dir};"
            f" run `{prepare}`, or give the directory of prepared data as --data_dir."
        )
    return builder


def _array_dataset(name: str, builder: tfds.core.DatasetBuilder, normalisation: Normalisation) -> ArrayDataset:
    train, test = (_read_into_memory(builder, split) for split in ("train", "test"))
    held_out = every_tenth(train.labels)
    splits = {
        "train": train.take(np.flatnonzero(~held_out)),
        "validation": train.take(np.flatnonzero(held_out)),
        "test": test,
    }
    augmentation = "flip" if name == "fashion_mnist" else "crop_flip"
    return ArrayDataset(name, tuple(builder.info.features["label"].names), normalisation, splits, augmentation)


def _read_into_memory(builder: tfds.core.DatasetBuilder, split: str) -> LabelledImages:
    try:
        examples = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1, shuffle_files=False))
    except tf.errors.OpError as error:
        raise InputError(
            f"{builder.data_dir} must hold whole files; prepare {builder.name} again."
            f" Received: {error.message.splitlines()[0]}."
        ) from error
    return LabelledImages(examples["image"], examples["label"].astype(np.int32))
