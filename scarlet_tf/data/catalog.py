"""The data sets that `--dataset` names."""

from scarlet_tf.data.arrays import ArrayDataset
from scarlet_tf.data.dataset import Dataset
from scarlet_tf.data.fashion_mnist_small import load_fashion_mnist_small
from scarlet_tf.data.folder import load_folder
from scarlet_tf.data.synthetic import load_synthetic
from scarlet_tf.errors import InputError

TFDS_DATASETS = ("fashion_mnist", "cifar10", "imagenet2012")
"""Those that TFDS prepares: loading one imports TensorFlow."""

DATASETS = ("fashion_mnist_small", *TFDS_DATASETS, "folder", "synthetic")


def load_dataset(name: str, data_dir: str | None = None) -> Dataset:
    """The data set called `name`, one of DATASETS. Nothing is ever downloaded.

    data_dir: the directory of a `folder`, or where TFDS keeps prepared data (default ~/tensorflow_datasets).
    Raises InputError for an unknown name and for data that is missing or not laid out as expected.
    """
    if name not in DATASETS:
        raise InputError(f"--dataset must be one of {', '.join(DATASETS)}. Received: {name}.")
    if name in ("fashion_mnist_small", "synthetic"):
        if data_dir is not None:
            raise InputError(
                f"--data_dir must be left out with --dataset={name}: it reads no files. Received: {data_dir}."
            )
        return _load_built_in(name)
    if name == "folder":
        return load_folder(data_dir)
    from scarlet_tf.data.tfds_source import load_tfds  # imports TensorFlow

    return load_tfds(name, data_dir)


def _load_built_in(name: str) -> ArrayDataset:
    return load_synthetic() if name == "synthetic" else load_fashion_mnist_small()
