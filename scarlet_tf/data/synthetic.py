"""Images that need no files, for dry runs: ten textures that a small network learns in a few dozen steps."""

import numpy as np

from scarlet_tf.data.arrays import ArrayDataset, LabelledImages
from scarlet_tf.data.preprocessing import Normalisation

IMAGE_SIZE = 32
NUM_EXAMPLES = {"train": 2000, "validation": 500, "test": 500}

# Waves across and down the image, a class each. A flip leaves their class alone, as crop_flip needs.
_WAVES = ((0, 1), (1, 0), (1, 1), (0, 3), (3, 0), (1, 3), (3, 1), (3, 3), (0, 6), (6, 0))
_NOISE = 0.1


def load_synthetic() -> ArrayDataset:
    """2,000 / 500 / 500 balanced RGB images of 32 px, the same in every process."""
    splits = {
        split: _examples(count, np.random.default_rng([2019, number]))
        for number, (split, count) in enumerate(NUM_EXAMPLES.items())
    }
    normalisation = Normalisation(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    class_names = tuple(f"waves_{across}x{down}" for across, down in _WAVES)
    return ArrayDataset("synthetic", class_names, normalisation, splits)


def _examples(count: int, rng: np.random.Generator) -> LabelledImages:
    labels = np.arange(count, dtype=np.int32) % len(_WAVES)
    waves = np.asarray(_WAVES)[labels]  # (n, 2)
    angle = 2 * np.pi * np.arange(IMAGE_SIZE) / IMAGE_SIZE
    # A wave of frequency 0 is constant: its phase must not fade it.
    phase = np.where(waves > 0, rng.uniform(0, 2 * np.pi, waves.shape), 0)
    cosines = np.cos(waves[..., None] * angle + phase[..., None])  # (n, 2, size)
    pattern = cosines[:, 1, :, None, None] * cosines[:, 0, None, :, None]  # (n, size, size, 1)
    tint = rng.uniform(0.2, 0.4, (count, 1, 1, 3))
    pixels = 0.5 + tint * pattern + rng.normal(0, _NOISE, (count, IMAGE_SIZE, IMAGE_SIZE, 3))
    return LabelledImages(np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8), labels)
