"""The settings of a search, checked, and named in errors as the flags that give them."""

import math
import re
from dataclasses import asdict, dataclass, field, fields

from scarlet_tf.arch import SearchSpace
from scarlet_tf.arch.spaces import space_to_data
from scarlet_tf.errors import InputError
from scarlet_tf.search.operators import MutationRates


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


@dataclass(frozen=True)
class ObjectiveWeights:
    """Weight of each objective in the crowding distance."""

    acc: float = 0.4
    madds: float = 0.4
    params: float = 0.2

    def __post_init__(self) -> None:
        values = tuple(vars(self).values())
        if not all(_is_number(value) and value >= 0 for value in values) or not any(values):
            raise InputError(
                "--weights must be finite numbers of at least 0, one of them above. Received: "
                + ",".join(f"{name}:{value}" for name, value in vars(self).items())
                + "."
            )


def parse_weights(text: str) -> ObjectiveWeights:
    """Reads the form `acc:0.4,madds:0.4,params:0.2`, in any order. Raises InputError for anything else."""
    names = [f.name for f in fields(ObjectiveWeights)]
    pairs = re.findall(r"(\w+):([^,]+)(?:,|$)", text)
    try:
        values = {name: float(value) for name, value in pairs}
    except ValueError:
        values = {}
    rebuilt = ",".join(f"{name}:{value}" for name, value in pairs)
    if rebuilt != text or sorted(values) != sorted(names) or len(pairs) != len(names):
        raise InputError(
            f"--weights must give each of {', '.join(names)} once, as acc:0.4,madds:0.4,params:0.2. Received: {text!r}."
        )
    return ObjectiveWeights(**values)


@dataclass(frozen=True)
class SearchConfig:
    """What a search does; the defaults are the paper's (section 4.2).

    `population` individuals survive a generation, and each of `generations` fills up as many places anew:
    70 x 120 are the paper's 8,400 models. Kept are those with MAdds below `madds_max` and accuracy above
    `acc_min`, counted at `image_size` pixels with `num_classes`. A generation gives up, with fewer, after
    `max_attempts` proposals or `max_rounds` requests to the evaluator. Raises InputError, naming the flag,
    where a value is off.
    """

    population: int = 70
    generations: int = 120
    madds_max: float = 500e6
    acc_min: float = 0.4
    weights: ObjectiveWeights = field(default_factory=ObjectiveWeights)
    mutation: MutationRates = field(default_factory=MutationRates)
    seed: int = 0
    image_size: int = 224
    num_classes: int = 1000
    max_attempts: int = 10_000
    max_rounds: int = 10

    def __post_init__(self) -> None:
        lowest = {
            "population": 2,
            "generations": 1,
            "seed": 0,
            "image_size": 1,
            "num_classes": 1,
            "max_attempts": 1,
            "max_rounds": 1,
        }
        for name, bound in lowest.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < bound:
                raise InputError(f"--{name} must be a whole number of at least {bound}. Received: {value!r}.")
        if not _is_number(self.madds_max) or self.madds_max <= 0:
            raise InputError(f"--madds_max must be a finite number above 0. Received: {self.madds_max!r}.")
        if not _is_number(self.acc_min) or not 0 <= self.acc_min < 1:
            raise InputError(f"--acc_min must be at least 0 and below 1, as 0.4 for 40%. Received: {self.acc_min!r}.")


def journal_header(space: SearchSpace, config: SearchConfig, supernet: str) -> dict:
    """What must agree for a search to go on from its journal: space, settings, and what gives the accuracies.

    `supernet` stands for the latter: weights, validation images, how BN is handled. The number of
    generations is left out, because a finished search may go on for more.
    """
    settings = asdict(config)
    del settings["generations"]
    return {"space": space_to_data(space), "config": settings, "supernet": supernet}
