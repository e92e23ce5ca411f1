"""What is done to the pixels of a data set between the file and the network, as data."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of RGB pixels in [0, 1]; networks eat `(pixel - mean) / std`."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def applied_to(self, pixels: "tf.Tensor") -> "tf.Tensor":
        """What networks eat: float32 (..., 3). pixels: float32 (..., 1 or 3) in [0, 255]; grey repeats."""
        std = np.array(self.std)
        scale, offset = np.float32(1 / (255 * std)), np.float32(self.mean / std)
        row = (pixels.shape[-2] or 1, 3)  # TensorFlow is slow to broadcast three numbers at a time
        # two passes over the pixels, where the definition takes three
        return pixels * np.broadcast_to(scale, row) - np.broadcast_to(offset, row)


IMAGENET = Normalisation(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
CIFAR10 = Normalisation(mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616))
FASHION_MNIST = Normalisation(mean=(0.2860, 0.2860, 0.2860), std=(0.3530, 0.3530, 0.3530))
