"""Means with 95% intervals, of what several trainings were measured on the same images. Never imports TensorFlow."""

from dataclasses import dataclass

import numpy as np
import scipy

from scarlet_tf.analysis.estimate import CONFIDENCE

MIN_IMAGES = 20
"""Fewer resample into too few different means for a bootstrap to say how far these spread."""
_RESAMPLES, _BATCH = 9999, 50


def bootstrap_interval(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """The 95% percentile bootstrap interval of the mean over the first axis: (2, ...) of values (n, ...).

    What is measured on one image is resampled together. A pure function of its arguments.
    """
    interval = scipy.stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=_RESAMPLES,
        batch=_BATCH,
        confidence_level=CONFIDENCE,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return np.stack([interval.low, interval.high])


def student_interval(values: np.ndarray) -> np.ndarray:
    """Student's 95% interval of the mean over the first axis: (2, ...) of values (n, ...), at least 2."""
    half = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * scipy.stats.sem(values)
    return values.mean(axis=0) + np.multiply.outer([-1.0, 1.0], half)


@dataclass(frozen=True, eq=False)
class MeanEstimate:
    """A mean (...) and its 95% intervals (2, ...).

    `over_images` says how far it would spread on other images with these very trainings. `over_seeds`, None of a single
    one, how far with trainings of other seeds: Student's, of the trainings' own means.
    """

    mean: np.ndarray
    over_images: np.ndarray
    over_seeds: np.ndarray | None

    @classmethod
    def of(cls, values: np.ndarray) -> "MeanEstimate":
        """That of values (seeds, images, ...), each seed on the same images."""
        over_seeds = student_interval(values.mean(axis=1)) if len(values) > 1 else None
        return cls(values.mean(axis=(0, 1)), bootstrap_interval(values.mean(axis=0)), over_seeds)

    @property
    def interval(self) -> np.ndarray:
        """What a claim about the method has to hold against: the interval over seeds, or of one seed over images."""
        return self.over_images if self.over_seeds is None else self.over_seeds

    def at(self, index: object) -> "MeanEstimate":
        """That of a part of the axes beyond the images."""
        over_seeds = None if self.over_seeds is None else self.over_seeds[:, index]
        return MeanEstimate(self.mean[index], self.over_images[:, index], over_seeds)

    def sign(self) -> int:
        """1 or -1 where the interval of one number is all above or all below zero, else 0."""
        low, high = self.interval
        return int(low > 0) - int(high < 0)

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        over_seeds = None if self.over_seeds is None else self.over_seeds.tolist()
        return {"mean": self.mean.tolist(), "over_images": self.over_images.tolist(), "over_seeds": over_seeds}
