"""The settings of a search, checked, and named in errors as the flags that give them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scarlet_tf.arch import Genotype, SearchSpace
from scarlet_tf.arch.spaces import space_to_data
from scarlet_tf.errors import InputError
from scarlet_tf.search.objectives import (
    EQUATION_4,
    MEASURES,
    OWN_FLAGS,
    Constraint,
    Objective,
    check_objectives,
    is_number,
)
from scarlet_tf.search.operators import MutationRates

_LOWEST = {
    "population": 2,
    "generations": 1,
    "seed": 0,
    "image_size": 1,
    "num_classes": 1,
    "max_attempts": 1,
    "max_rounds": 1,
}


@dataclass(frozen=True)
class SearchConfig:
    """What a search does; the defaults are the paper's (section 4.2, Eq. 4 and Table 7).

    `population` individuals survive a generation, and each of `generations` fills up as many places anew:
    70 x 120 are the paper's 8,400 models. Kept are those with MAdds below `madds_max` and accuracy above
    `acc_min`, who meet the further `constraints` too; costs are counted at `image_size` pixels with `num_classes`.
    `crossover_ratio` of the offspring mix two parents; the others start as a copy of the first. `initial_population`
    takes part in generation 0, before anyone random. A generation gives up, with fewer, after `max_attempts`
    proposals or `max_rounds` requests to the evaluator. Raises InputError, naming the flag, where a value is off.
    """

    population: int = 70
    generations: int = 120
    madds_max: float = 500e6
    acc_min: float = 0.4
    constraints: tuple[Constraint, ...] = ()
    objectives: tuple[Objective, ...] = EQUATION_4
    crossover_ratio: float = 1.0
    mutation: MutationRates = field(default_factory=MutationRates)
    initial_population: tuple[Genotype, ...] = ()
    seed: int = 0
    image_size: int = 224
    num_classes: int = 1000
    max_attempts: int = 10_000
    max_rounds: int = 10

    def __post_init__(self) -> None:
        for name, bound in _LOWEST.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < bound:
                raise InputError(f"--{name} must be a whole number of at least {bound}. Received: {value!r}.")
        if not is_number(self.madds_max) or self.madds_max <= 0:
            raise InputError(f"--madds_max must be a finite number above 0. Received: {self.madds_max!r}.")
        if not is_number(self.acc_min) or not 0 <= self.acc_min < 1:
            raise InputError(f"--acc_min must be at least 0 and below 1, as 0.4 for 40%. Received: {self.acc_min!r}.")
        if not is_number(self.crossover_ratio) or not 0 <= self.crossover_ratio <= 1:
            raise InputError(f"--crossover_ratio must be from 0 to 1. Received: {self.crossover_ratio!r}.")
        object.__setattr__(self, "objectives", check_objectives(self.objectives))  # the class is frozen
        sides = [(constraint.measure, constraint.direction) for constraint in self.constraints]
        for side, constraint in zip(sides, self.constraints, strict=True):
            if side in OWN_FLAGS:
                raise InputError(
                    f"--constraints must leave {':'.join(side)} to {OWN_FLAGS[side]}. Received: {constraint.bound:g}."
                )
            if sides.count(side) > 1:
                raise InputError(f"--constraints must give {':'.join(side)} once. Received: {sides.count(side)} times.")

    @property
    def all_constraints(self) -> tuple[Constraint, ...]:
        """With those of `madds_max` and `acc_min`: the cheap ones first, in the order of MEASURES."""
        own = (Constraint("madds", "max", self.madds_max), Constraint("acc", "min", self.acc_min))
        order = [*list(MEASURES)[1:], "acc"]
        return tuple(sorted((*own, *self.constraints), key=lambda constraint: order.index(constraint.measure)))

    @property
    def needs_latency(self) -> bool:
        return any(one.measure == "latency" for one in (*self.objectives, *self.constraints))

    def to_dict(self) -> dict:
        """As plain data: objectives by measure, constraints by measure and direction."""
        data = asdict(self)
        data["objectives"] = {
            one.measure: {"direction": one.direction, "weight": one.weight} for one in self.objectives
        }
        data["constraints"] = {f"{one.measure}:{one.direction}": one.bound for one in self.constraints}
        data["initial_population"] = [list(genotype) for genotype in self.initial_population]
        return data

    @classmethod
    def from_dict(cls, data: Mapping, where: str | Path) -> "SearchConfig":
        """The reverse of `to_dict`. Raises InputError, naming `where`, where it is no such data."""
        try:
            objectives = [Objective(measure, **rest) for measure, rest in data["objectives"].items()]
            constraints = [Constraint(*key.split(":"), bound) for key, bound in data["constraints"].items()]
            structured = {
                "objectives": tuple(objectives),
                "constraints": tuple(constraints),
                "mutation": MutationRates(**data["mutation"]),
                "initial_population": tuple(map(tuple, data["initial_population"])),
            }
            return cls(**{**data, **structured})
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{where} must hold the settings of a search. Received: {error!r}.") from error


def journal_header(
    space: SearchSpace, config: SearchConfig, evaluator: Mapping[str, object], latency_table: str | None = None
) -> dict:
    """What must agree for a search to go on from its journal: space, settings, and what gives the measures.

    `evaluator` says what the accuracies depend on: weights, validation images, how BN is handled; or a table.
    `latency_table`: a digest of it. The number of generations is left out, because a finished search may go on for
    more.
    """
    settings = config.to_dict()
    del settings["generations"]
    return {
        "space": space_to_data(space),
        "config": settings,
        "evaluator": dict(evaluator),
        "latency_table": latency_table,
    }
