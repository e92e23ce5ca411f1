"""A quantity, and how far it is known: from so many seeds, or from so many networks."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
FEWEST_SEEDS = 5
"""Below which a range is given in place of an interval."""
FEWEST_NETWORKS = 10
RESAMPLES = 4000
_AT_A_TIME = 200  # resamples
_ONE_SEED = "one seed"


@dataclass(frozen=True)
class Spread:
    """`value`, and from `low` to `high` what `kind` says."""

    value: float
    low: float
    high: float
    kind: str

    @property
    def direction(self) -> int:
        """1 where all from `low` to `high` is above zero, -1 where it is below, else 0: undecided."""
        return int(self.low > 0) - int(self.high < 0)

    def cell(self, form: str) -> str:
        """The value and the spread in the format `form`, for a table."""
        value, low, high = map(form.format, (self.value, self.low, self.high))
        return value if self.kind == _ONE_SEED else f"{value} [{low}, {high}]"

    def phrase(self, form: str, unit: str = "") -> str:
        """The value and the spread in the format `form`, and what it is, for a sentence."""
        value, low, high = map(form.format, (self.value, self.low, self.high))
        return f"{value}{unit} ({self.kind}{'' if self.kind == _ONE_SEED else f' {low} to {high}'})"

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        return asdict(self)


def over_seeds(values: Sequence[float] | np.ndarray) -> Spread:
    """The mean of `values`, one a seed: from five seeds on with its 95% interval by Student's t (a bootstrap of so few
    would be too narrow), else with their range. Raises ValueError where there is none, or one that is no number."""
    values = np.asarray(values, float)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"values must be finite numbers, one a seed. Received: {values.tolist()}.")
    mean, low, high, number = float(values.mean()), float(values.min()), float(values.max()), len(values)
    if number < FEWEST_SEEDS:
        return Spread(mean, low, high, _ONE_SEED if number == 1 else f"range over {number} seeds")
    if high > low:
        low, high = map(float, stats.t.interval(CONFIDENCE, number - 1, mean, stats.sem(values)))
    return Spread(mean, low, high, f"95% interval over {number} seeds")


def over_networks(statistic: Callable[[np.ndarray], np.ndarray], number: int) -> Spread:
    """`statistic` of networks 0 to `number` - 1, with its 95% interval by a bootstrap of the networks.

    statistic: indices of networks (..., number) -> values (...). NaN, as of a resample that it is not defined for, is
    passed over. Raises ValueError below ten networks, which are too few for an interval.
    """
    if number < FEWEST_NETWORKS:
        raise ValueError(f"number must be at least {FEWEST_NETWORKS}. Received: {number}.")
    networks = np.arange(number)
    with warnings.catch_warnings():  # of NaN, which SciPy's own interval would not pass over
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        drawn = stats.bootstrap(
            (networks,),
            lambda indices, axis: statistic(indices),
            n_resamples=RESAMPLES,
            batch=_AT_A_TIME,
            method="percentile",
            vectorized=True,
            random_state=np.random.default_rng(0),
        ).bootstrap_distribution
    low, high = np.nanquantile(drawn, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return Spread(float(statistic(networks)), float(low), float(high), f"95% interval over {number} networks")
