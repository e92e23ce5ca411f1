"""A measure of two kinds of runs, seed by seed, and how much they differ in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scarlet_tf.studies.spread import Spread, over_seeds


@dataclass(frozen=True)
class Comparison:
    """Values of a `base` and of an `other` kind of runs, one of each a seed, in the unit that `label` names; `form` is
    the format of a value, as .1f."""

    label: str
    base: Sequence[float]
    other: Sequence[float]
    form: str

    @property
    def spreads(self) -> tuple[Spread, Spread, Spread]:
        """Of the base, of the other, and of the other less the base of the same seed."""
        return over_seeds(self.base), over_seeds(self.other), over_seeds(np.subtract(self.other, self.base))

    @property
    def difference(self) -> Spread:
        return self.spreads[2]

    @property
    def row(self) -> tuple[str, ...]:
        """The label and the three spreads, as a row of a table."""
        forms = (f"{{:{self.form}}}", f"{{:{self.form}}}", f"{{:+{self.form}}}")
        return self.label, *(spread.cell(form) for spread, form in zip(self.spreads, forms, strict=True))

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        base, other, difference = (spread.to_dict() for spread in self.spreads)
        return {
            "label": self.label,
            "base": base | {"by_seed": list(map(float, self.base))},
            "other": other | {"by_seed": list(map(float, self.other))},
            "difference": difference,
        }
