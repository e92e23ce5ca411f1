"""The data set in the package: 10,000 images of Fashion-MNIST (Xiao et al. 2017; MIT licence, beside it)."""

from pathlib import Path

import numpy as np

from scarlet_tf.data.arrays import ArrayDataset, LabelledImages
from scarlet_tf.data.dataset import SPLITS
from scarlet_tf.data.preprocessing import FASHION_MNIST

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
FILE = Path(__file__).with_name("fashion_mnist_small.npz")


def load_fashion_mnist_small() -> ArrayDataset:
    """6,000 / 2,000 / 2,000 grey images of 28 px, balanced, as `make_fashion_mnist_small` chose them."""
    with np.load(FILE, allow_pickle=False) as arrays:
        splits = {
            split: LabelledImages(arrays[f"{split}_images"][..., None], arrays[f"{split}_labels"].astype(np.int32))
            for split in SPLITS
        }
    return ArrayDataset("fashion_mnist_small", CLASS_NAMES, FASHION_MNIST, splits, augmentation="flip")
