"""What to say where nobody meets the constraints: what was tried, and who came closest."""

from collections.abc import Mapping, Sequence

from scarlet_tf.arch import Genotype
from scarlet_tf.errors import InputError
from scarlet_tf.search.objectives import MEASURES, Constraint


class Unsatisfiable(InputError):
    """Nobody who was tried meets the constraints."""

    def __init__(
        self,
        constraints: Sequence[Constraint],
        candidates: Mapping[Genotype, Mapping[str, float]],
        tried: str,
        mend: str,
    ) -> None:
        """`candidates`: measures by genotype, each failing one of `constraints`; `tried`: how many, in words; `mend`:
        what else a user can do than to loosen a constraint."""

        def distance(genotype: Genotype) -> tuple[float, Genotype]:
            misses = ((one.miss(candidates[genotype][one.measure]), abs(one.bound) or 1) for one in constraints)
            return sum(by / bound for by, bound in misses), genotype

        closest = min(candidates, key=distance)
        measures = candidates[closest]
        failed = [one for one in constraints if not one.met(measures[one.measure])]
        values = ", ".join(MEASURES[measure].format(value) for measure, value in measures.items())
        misses = ", ".join(
            f"{one.flag} by {MEASURES[one.measure].format(one.miss(measures[one.measure]))}" for one in failed
        )
        super().__init__(
            f"No network meets {' and '.join(one.flag for one in constraints)}: {tried}. "
            f"The closest, {'-'.join(map(str, closest))}, has {values}, and misses {misses}. "
            f"Loosen {' or '.join(dict.fromkeys(one.flag.partition('=')[0] for one in failed))}, or {mend}."
        )
