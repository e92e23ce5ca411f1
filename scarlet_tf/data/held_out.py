"""Which training examples become the validation split of a data set that has none."""

from collections.abc import Sequence

import numpy as np


def every_tenth(labels: Sequence[int]) -> np.ndarray:
    """True where an example is held out: the second, twelfth, ... of each class. Returns bool (n,).

    That is about a tenth of every class, and leaves none without training images.
    """
    labels = np.asarray(labels)
    held_out = np.zeros(labels.shape, bool)
    for label in np.unique(labels):
        held_out[np.flatnonzero(labels == label)[1::10]] = True
    return held_out
