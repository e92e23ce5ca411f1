"""What each choice of a slot makes of one image."""

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scarlet_tf.nets.supernet import Supernet


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """The outputs `maps` (choices, h, w, channels) of the choices of a slot for one image and one input."""

    maps: np.ndarray

    @classmethod
    def of(cls, supernet: "Supernet", image: np.ndarray, slot: int) -> "FeatureMaps":
        """Those of `slot` of `supernet` for `image`, float32 (size, size, 3) as the network eats it; what the slot
        reads is as in `choice_outputs`."""
        from scarlet_tf.analysis.choice_outputs import choice_outputs  # imports TensorFlow

        outputs = next(islice(choice_outputs(supernet, image[np.newaxis]), slot, None))
        return cls(np.stack([np.asarray(output[0], np.float64) for output in outputs]))

    @property
    def norms(self) -> np.ndarray:
        """(choices,): Euclidean, over pixels and channels."""
        return np.sqrt((self.maps**2).sum(axis=(1, 2, 3)))

    @property
    def cosines(self) -> np.ndarray:
        """Cosine similarities (choices, choices), pixels and channels as one vector; 0 to a map of zeros."""
        flat = self.maps.reshape(len(self.maps), -1)
        norms = self.norms[:, np.newaxis]
        unit = np.divide(flat, norms, out=np.zeros_like(flat), where=norms > 0)
        return unit @ unit.T

    def strongest_channels(self, choice: int, count: int) -> np.ndarray:
        """The `count` channels, or all, of which `choice` has the largest mean absolute value over the pixels, the
        largest first."""
        strengths = np.abs(self.maps[choice]).mean(axis=(0, 1))
        return np.argsort(-strengths, kind="stable")[:count]
