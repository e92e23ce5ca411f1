"""Input pipelines: named data sets as batches of normalised images. Importing this imports no TensorFlow."""

from scarlet_tf.data.catalog import DATASETS, TFDS_DATASETS, load_dataset
from scarlet_tf.data.dataset import AUTO_AUGMENT, SPLITS, Dataset

__all__ = ["AUTO_AUGMENT", "DATASETS", "SPLITS", "TFDS_DATASETS", "Dataset", "load_dataset"]
