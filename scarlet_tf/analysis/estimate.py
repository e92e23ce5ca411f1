"""A number with its 95% interval: over resampled items, over seeds, or of a share. Never imports TensorFlow."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import scipy

CONFIDENCE = 0.95
RESAMPLES = 9999
_ITEMS_AT_A_TIME = 1_000_000  # of all resamples that are in memory together


@dataclass(frozen=True)
class Estimate:
    """`value`, and the ends of its 95% interval, `low` and `high`."""

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the whole interval is above or below zero, 0 where it holds zero: undecided."""
        return int(self.low > 0) - int(self.high < 0)

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        return asdict(self)

    def text(self, form: str) -> str:
        """As `12.3 [11.9, 12.8]`, each number in the format `form`, such as z.1f."""
        value, low, high = (format(number, form) for number in (self.value, self.low, self.high))
        return f"{value} [{low}, {high}]"

    def percent(self, decimals: int = 1, signed: bool = False) -> str:
        """The same of a share, in percent."""
        of_100 = Estimate(100 * self.value, 100 * self.low, 100 * self.high)
        return of_100.text(f"{'+' if signed else ''}z.{decimals}f")


def bootstrapped(statistic: Callable[..., np.ndarray], *samples: Sequence[float], seed: int = 0) -> Estimate:
    """`statistic` of `samples`, with the bias-corrected and accelerated bootstrap's interval (Efron 1987) over items.

    samples: (n,) each, of the same n items, which are resampled together: several are compared item by item. statistic:
    of arrays and their `axis`. Where all resamples give the same, the interval is that.
    """
    arrays = [np.asarray(sample, np.float64) for sample in samples]
    value = float(statistic(*arrays, axis=-1))

    at_a_time = max(1, _ITEMS_AT_A_TIME // arrays[0].size)
    settings = {"n_resamples": RESAMPLES, "batch": at_a_time, "confidence_level": CONFIDENCE}

    def interval(method: str) -> tuple[float, float]:
        rng = np.random.default_rng(seed)
        found = scipy.stats.bootstrap(
            arrays, statistic, vectorized=True, paired=True, method=method, random_state=rng, **settings
        )
        return float(found.confidence_interval.low), float(found.confidence_interval.high)

    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", scipy.stats.DegenerateDataWarning)
        found = interval("BCa")
    if not np.isfinite(found).all():  # the acceleration is 0 / 0 where leaving an item out changes nothing
        found = interval("percentile")
    return Estimate(value, *found)


def over_seeds(values: Sequence[float]) -> Estimate:
    """The mean of what at least two seeds gave, with Student's t interval. Raises ValueError for fewer."""
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"values must be those of at least 2 seeds. Received: shape {values.shape}.")
    mean, error = float(values.mean()), float(scipy.stats.sem(values))
    low, high = scipy.stats.t.interval(CONFIDENCE, len(values) - 1, mean, error) if error > 0 else (mean, mean)
    return Estimate(mean, float(low), float(high))


def proportion(successes: int, total: int) -> Estimate:
    """The share `successes` / `total`, in [0, 1], with Wilson's interval (1927) of a binomial share."""
    found = scipy.stats.binomtest(successes, total).proportion_ci(CONFIDENCE, "wilson")
    return Estimate(successes / total, float(found.low), float(found.high))
