"""A quantity that was measured once for each seed: its mean, and how far seeds spread."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy import stats

FEWEST_FOR_INTERVAL = 5
"""Seeds below which a range is given in place of an interval."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class SeedSpread:
    """`mean` over `num_seeds` seeds, and from `low` to `high` the 95% interval of that mean by Student's t or, of fewer
    than five seeds, the range of their values. A bootstrap of so few values would be too narrow."""

    mean: float
    low: float
    high: float
    num_seeds: int

    @property
    def few(self) -> bool:
        """Whether there are too few seeds for an interval."""
        return self.num_seeds < FEWEST_FOR_INTERVAL

    @property
    def kind(self) -> str:
        """What `low` and `high` are."""
        if self.num_seeds == 1:
            return "one seed"
        named = "range" if self.few else "95% interval"
        return f"{named} over {self.num_seeds} seeds"

    @property
    def direction(self) -> int:
        """1 where all from `low` to `high` is above zero, -1 where it is below, else 0: undecided."""
        return int(self.low > 0) - int(self.high < 0)

    def cell(self, form: str) -> str:
        """The mean and the spread in the format `form`, for a table."""
        mean, low, high = map(form.format, (self.mean, self.low, self.high))
        return mean if self.num_seeds == 1 else f"{mean} [{low}, {high}]"

    def phrase(self, form: str, unit: str = "") -> str:
        """The mean and the spread in the format `form`, and what it is, for a sentence."""
        mean, low, high = map(form.format, (self.mean, self.low, self.high))
        return f"{mean}{unit} ({self.kind}{'' if self.num_seeds == 1 else f' {low} to {high}'})"

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        return asdict(self) | {"kind": self.kind}


def over_seeds(values: Sequence[float] | np.ndarray) -> SeedSpread:
    """The spread of `values`, one a seed. Raises ValueError where there is none, or one that is no number."""
    values = np.asarray(values, float)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"values must be finite numbers, one a seed. Received: {values.tolist()}.")
    mean, low, high = float(values.mean()), float(values.min()), float(values.max())
    if len(values) >= FEWEST_FOR_INTERVAL and high > low:
        low, high = map(float, stats.t.interval(CONFIDENCE, len(values) - 1, mean, stats.sem(values)))
    return SeedSpread(mean, low, high, len(values))
