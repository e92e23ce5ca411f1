"""How offspring are made: tournament, crossover, and the paper's hierarchical mutation.

A mutation changes exactly one slot. The space must have at least two choices.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scarlet_tf.arch import Genotype
from scarlet_tf.errors import InputError


@dataclass(frozen=True)
class MutationRates:
    """Probabilities of the hierarchical mutation (paper section 4.2, names of the paper in brackets).

    `ratio`: of mutating at all. Then of one of `random` (p_rm), `reinforced` (p_re), `prior_regulated`
    (p_pr), which sum to 1. `by_madds` (p_M): of regulating by MAdds; otherwise by params (p_K-M is the rest
    to 1).
    """

    ratio: float = 0.8
    random: float = 0.2
    reinforced: float = 0.65
    prior_regulated: float = 0.15
    by_madds: float = 0.7

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                flag = "prior_by_madds" if name == "by_madds" else f"mutation_{name}"
                raise InputError(f"--{flag} must be a probability from 0 to 1. Received: {value!r}.")
        total = self.random + self.reinforced + self.prior_regulated
        if abs(total - 1) > 1e-6:
            raise InputError(
                "--mutation_random, --mutation_reinforced and --mutation_prior_regulated must sum to 1. Received: "
                f"{self.random:g}, {self.reinforced:g} and {self.prior_regulated:g}, a sum of {total:g}."
            )


def tournament(ranks: Sequence[int], crowding: Sequence[float], rng: np.random.Generator) -> int:
    """Index of the winner of a binary tournament: of two individuals drawn at random, the one of lower
    rank, else the one with the larger crowding distance, else either. A single individual always wins."""
    if len(ranks) == 1:
        return 0
    first, second = rng.integers(len(ranks)), rng.integers(len(ranks) - 1)
    second += second >= first  # two that differ, in random order
    # min takes the first of equals: ties are broken at random.
    return int(min(first, second, key=lambda index: (ranks[index], -crowding[index])))


def crossover(first: Genotype, second: Genotype, rng: np.random.Generator) -> Genotype:
    """One-point crossover: the slots of `first` before a uniformly drawn cut, those of `second` from there
    on.

    The paper leaves the kind open. One point keeps a prefix of `first` whole, which the evaluator shares
    between the candidates of a generation, where uniform crossover would break it up.
    """
    if len(first) == 1:
        return first
    cut = int(rng.integers(1, len(first)))
    return first[:cut] + second[cut:]


def choice_frequencies(parents: Sequence[Genotype], num_choices: int) -> np.ndarray:
    """(num_slots, num_choices): how often the parents hold each choice, one added to each count (Laplace)."""
    held = np.asarray(parents)[:, :, None] == np.arange(num_choices)  # (parents, slots, choices)
    return (held.sum(axis=0) + 1) / (len(parents) + num_choices)


def _roulette(odds: np.ndarray, rng: np.random.Generator) -> int:
    """An index drawn by `odds` of any sum above 0. The law of `rng.choice` with `p`, without its checks."""
    upper = np.cumsum(odds)
    # Odds of 0 are never drawn: a draw falls into [upper[i - 1], upper[i]), empty for them.
    return int(np.searchsorted(upper, rng.random() * upper[-1], side="right"))


def _replace(genotype: Genotype, slot: int, choice: int) -> Genotype:
    return (*genotype[:slot], int(choice), *genotype[slot + 1 :])


def _other_choice(genotype: Genotype, slot: int, num_choices: int, rng: np.random.Generator) -> Genotype:
    choice = rng.integers(num_choices - 1)
    return _replace(genotype, slot, choice + (choice >= genotype[slot]))


def random_mutation(genotype: Genotype, num_choices: int, rng: np.random.Generator) -> Genotype:
    """Gives one uniformly drawn slot another choice, uniformly drawn."""
    return _other_choice(genotype, int(rng.integers(len(genotype))), num_choices, rng)


def reinforced_mutation(genotype: Genotype, frequencies: np.ndarray, rng: np.random.Generator) -> Genotype:
    """Gives one slot another choice, drawn from what the survivors hold there.

    Our reading of the paper, which does not spell it out: the distribution learned from the survivors is
    `choice_frequencies` of the current parents. Draw a slot uniformly and a choice from its frequencies,
    until it differs from the present one. So a slot at which the genotype departs from the survivors is the
    likelier to change, and towards them. frequencies: (num_slots, num_choices).
    """
    # The law of that repeated draw, in one: pairs of slot and choice, without those that change nothing.
    pairs = frequencies.copy()
    pairs[np.arange(len(genotype)), genotype] = 0
    return _replace(genotype, *divmod(_roulette(pairs.ravel(), rng), pairs.shape[1]))


def prior_regulated_mutation(
    genotype: Genotype, slot_costs: np.ndarray, num_choices: int, rng: np.random.Generator
) -> Genotype:
    """Gives one slot another choice, uniformly drawn; the costlier the slot, the likelier it is taken.

    Our reading of the paper, which does not spell it out: the slot is drawn by roulette wheel, with odds of
    `slot_costs`, (num_slots,), the MAdds or the params that leaving it out would save. A skipped slot is
    never drawn, unless all are: then uniformly.
    """
    slot = _roulette(slot_costs if slot_costs.any() else np.ones(len(genotype)), rng)
    return _other_choice(genotype, slot, num_choices, rng)


def hierarchical_mutation(
    genotype: Genotype,
    frequencies: np.ndarray,
    slot_costs: Callable[[Genotype], np.ndarray],
    rates: MutationRates,
    rng: np.random.Generator,
) -> tuple[Genotype, str | None]:
    """Mutates by one of the three mutations, or not at all, and says which: "random", "reinforced",
    "prior_regulated", None.

    frequencies: (num_slots, num_choices). `slot_costs` gives (num_slots, 2), MAdds and params of each slot,
    and is only asked where needed.
    """
    if rng.random() >= rates.ratio:
        return genotype, None
    num_choices = frequencies.shape[1]
    draw = rng.random()
    if draw < rates.random:
        return random_mutation(genotype, num_choices, rng), "random"
    if draw < rates.random + rates.reinforced:
        return reinforced_mutation(genotype, frequencies, rng), "reinforced"
    measure = 0 if rng.random() < rates.by_madds else 1
    costs = slot_costs(genotype)[:, measure]
    return prior_regulated_mutation(genotype, costs, num_choices, rng), "prior_regulated"
