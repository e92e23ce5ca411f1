"""By how much one network is more accurate than another on the same images. Never imports TensorFlow."""

import numpy as np
import scipy

from scarlet_tf.analysis.estimate import CONFIDENCE, Estimate


def accuracy_difference(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Accuracy of the first minus that of the second network, with Student's interval over the images, which are
    paired.

    first, second: whether each image gets its label, bool (n,), n at least 2; or of several networks of a kind, the
    share of them that give it, in [0, 1]. Where the difference is the same on all images, the interval reaches as far
    to both sides as that of Clopper and Pearson for none of n. Raises ValueError for fewer images.
    """
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    if differences.ndim != 1 or len(differences) < 2:
        raise ValueError(f"first and second must be of at least 2 images. Received: shape {differences.shape}.")
    mean = float(differences.mean())
    if np.ptp(differences) == 0.0:
        reach = float(scipy.stats.binomtest(0, len(differences)).proportion_ci(CONFIDENCE).high)
        return Estimate(mean, mean - reach, mean + reach)
    interval = scipy.stats.ttest_1samp(differences, 0.0).confidence_interval(CONFIDENCE)
    return Estimate(mean, float(interval.low), float(interval.high))
