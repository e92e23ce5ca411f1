"""A measure of two kinds of runs, seed by seed, and how much they differ in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scarlet_tf.analysis.estimate import Estimate, over_seeds


@dataclass(frozen=True)
class Comparison:
    """Values of a `base` and of an `other` kind of runs, one of each a seed, of at least two seeds, in the unit that
    `label` names; `form` is the format of a value, as .1f."""

    label: str
    base: Sequence[float]
    other: Sequence[float]
    form: str

    @property
    def means(self) -> tuple[Estimate, Estimate]:
        """Of the base and of the other, over seeds."""
        return over_seeds(self.base), over_seeds(self.other)

    @property
    def difference(self) -> Estimate:
        """The other less the base of the same seed, over seeds."""
        return over_seeds(np.subtract(self.other, self.base))

    @property
    def row(self) -> tuple[str, ...]:
        """The label, the means and the difference, as a row of a table."""
        return self.label, *(mean.text(self.form) for mean in self.means), self.difference.text(f"+{self.form}")

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        base, other = self.means
        return {
            "label": self.label,
            "base": {"by_seed": list(map(float, self.base)), **base.to_dict()},
            "other": {"by_seed": list(map(float, self.other)), **other.to_dict()},
            "difference": self.difference.to_dict(),
        }
