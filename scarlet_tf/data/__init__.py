"""Input pipelines: named data sets as batches of normalised images. Importing this imports no TensorFlow."""

from scarlet_tf.data.catalog import DATASETS, load_dataset
from scarlet_tf.data.dataset import SPLITS, Dataset

__all__ = ["DATASETS", "SPLITS", "Dataset", "load_dataset"]
