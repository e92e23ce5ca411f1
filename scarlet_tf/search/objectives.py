"""What a search optimises and what it demands, as data and as the text of flags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scarlet_tf.errors import InputError
from scarlet_tf.numbers import is_number

MEASURES = {"acc": "accuracy {:.4f}", "madds": "{:,.0f} MAdds", "params": "{:,.0f} params", "latency": "{:.4g} ms"}
"""What can be optimised or constrained, and how a value reads: accuracy from 0 to 1, whole counts, milliseconds. All
but the accuracy are cheap, and checked in this order."""

DIRECTIONS = ("min", "max")
OWN_FLAGS = {("madds", "max"): "--madds_max", ("acc", "min"): "--acc_min"}
"""Constraints that are not given by `--constraints`."""

_WEIGHT_TOLERANCE = 1e-6


def _check(flag: str, measure: object, direction: object) -> None:
    if measure not in MEASURES or direction not in DIRECTIONS:
        raise InputError(
            f"--{flag} must name one of {', '.join(MEASURES)}, and min or max. Received: {measure}:{direction}."
        )


@dataclass(frozen=True)
class Objective:
    """A measure to be minimised ("min") or maximised ("max"), and its weight in the crowding distance."""

    measure: str
    direction: str
    weight: float

    def __post_init__(self) -> None:
        _check("objectives", self.measure, self.direction)
        if not is_number(self.weight) or self.weight < 0:
            raise InputError(
                f"The weight of {self.measure} in --objectives must be a number of at least 0. "
                f"Received: {self.weight!r}."
            )

    def to_minimise(self, value: float) -> float:
        """`value`, negated where it is to be maximised."""
        return value if self.direction == "min" else -value


@dataclass(frozen=True)
class Constraint:
    """A strict bound: the value must stay below it ("max") or exceed it ("min")."""

    measure: str
    direction: str
    bound: float

    def __post_init__(self) -> None:
        _check("constraints", self.measure, self.direction)
        if not is_number(self.bound):
            raise InputError(
                f"The bound of {self.measure} in --constraints must be a finite number. Received: {self.bound!r}."
            )

    def met(self, value: float) -> bool:
        return value < self.bound if self.direction == "max" else value > self.bound

    def miss(self, value: float) -> float:
        """By how much `value` lies on the wrong side of the bound; 0 where it is on the right side, or on it."""
        return max(0, value - self.bound if self.direction == "max" else self.bound - value)

    @property
    def flag(self) -> str:
        """How a user gives it."""
        own = OWN_FLAGS.get((self.measure, self.direction))
        return f"{own}={self.bound:g}" if own else f"--constraints={self.measure}:{self.direction}:{self.bound:g}"


EQUATION_4 = (Objective("acc", "max", 0.4), Objective("madds", "min", 0.4), Objective("params", "max", 0.2))
"""The paper's objectives (Eq. 4), parameters among what is maximised, with its weights."""


def _parts(flag: str, text: str, form: str) -> list[list[str]]:
    """The pieces of `text`, a list of colon-separated names, the last piece of each a number."""
    entries = [entry.split(":") for entry in text.split(",")]
    if not all(len(entry) == form.split(",")[0].count(":") + 1 and all(entry) for entry in entries):
        raise InputError(f"--{flag} must have the form {form}. Received: {text!r}.")
    return entries


def _number(flag: str, text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--{flag} must end each entry with a number, as 0.4. Received: {whole!r}.") from None


def check_objectives(objectives: Sequence[Objective]) -> tuple[Objective, ...]:
    """Returns them in the order of MEASURES.

    Raises InputError where one comes twice, or the weights do not sum to 1.
    """
    measures = [objective.measure for objective in objectives]
    if not measures or len(set(measures)) < len(measures):
        raise InputError(f"--objectives must name each measure once. Received: {', '.join(measures) or 'none'}.")
    total = sum(objective.weight for objective in objectives)
    if abs(total - 1) > _WEIGHT_TOLERANCE:
        weights = ", ".join(f"{objective.measure} {objective.weight:g}" for objective in objectives)
        raise InputError(f"The weights of --objectives must sum to 1. Received: {weights}, a sum of {total:g}.")
    order = list(MEASURES)
    return tuple(sorted(objectives, key=lambda objective: order.index(objective.measure)))


def parse_objectives(text: str) -> tuple[Objective, ...]:
    """Reads the form `acc:max:0.4,madds:min:0.4,params:max:0.2`. Raises InputError for anything else."""
    entries = _parts("objectives", text, "acc:max:0.4,madds:min:0.4,params:max:0.2")
    return check_objectives(
        [Objective(measure, direction, _number("objectives", weight, text)) for measure, direction, weight in entries]
    )


def parse_constraints(text: str) -> tuple[Constraint, ...]:
    """Reads the form `latency:max:20,params:max:5e6`; none of an empty text. Raises InputError for anything else."""
    entries = _parts("constraints", text, "latency:max:20,params:max:5e6") if text else []
    return tuple(Constraint(measure, side, _number("constraints", bound, text)) for measure, side, bound in entries)


def reweighted(objectives: Sequence[Objective], text: str) -> tuple[Objective, ...]:
    """`objectives` with the weights that `text` gives, in the form `acc:0.4,madds:0.4,params:0.2`.

    Raises InputError where it does not name exactly these, each once.
    """
    entries = _parts("weights", text, "acc:0.4,madds:0.4,params:0.2")
    weights = {measure: _number("weights", weight, text) for measure, weight in entries}
    measures = [objective.measure for objective in objectives]
    if sorted(measures) != sorted(measure for measure, _ in entries):
        raise InputError(f"--weights must give each of {', '.join(measures)} once. Received: {text!r}.")
    for weight in weights.values():
        if not is_number(weight) or weight < 0:
            raise InputError(f"--weights must be finite numbers of at least 0. Received: {text!r}.")
    total = sum(weights.values())
    if abs(total - 1) > _WEIGHT_TOLERANCE:
        raise InputError(f"--weights must sum to 1. Received: {text!r}, a sum of {total:g}.")
    return tuple(replace(objective, weight=weights[objective.measure]) for objective in objectives)


def violated(constraints: Sequence[Constraint], measures: Mapping[str, float]) -> tuple[str, ...]:
    """The measures whose constraint is not met, each once."""
    failed = (constraint.measure for constraint in constraints if not constraint.met(measures[constraint.measure]))
    return tuple(dict.fromkeys(failed))
