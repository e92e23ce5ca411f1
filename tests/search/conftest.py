"""A space small enough to be enumerated, and every network in it."""

from itertools import product

import numpy as np
import pytest

from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem, count
from scarlet_tf.search import Individual, SearchResult
from scarlet_tf.search.objectives import EQUATION_4
from scarlet_tf.search.selection import GenerationRecord


@pytest.fixture(scope="session")
def tiny_space():
    """4 slots of 3 choices: 81 networks."""
    return SearchSpace(
        "tiny",
        Stem(4),
        (Slot(6, stride=2), Slot(6), Slot(8, stride=2), Slot(8)),
        (Choice(3, 3), Choice(6, 5), SKIP),
        Head(16),
    )


@pytest.fixture(scope="session")
def tiny_costs(tiny_space):
    """MAdds and params of all 81, at 32 pixels with 10 classes."""
    return {
        genotype: count(tiny_space.decode(genotype), 32, 10)
        for genotype in product(range(tiny_space.num_choices), repeat=tiny_space.num_slots)
    }


def _dominates(one: Individual, other: Individual) -> bool:
    signs = [1 if objective.direction == "max" else -1 for objective in EQUATION_4]
    gains = [
        sign * (one.measures[objective.measure] - other.measures[objective.measure])
        for sign, objective in zip(signs, EQUATION_4, strict=True)
    ]
    return min(gains) >= 0 and max(gains) > 0


@pytest.fixture(scope="session")
def searched(tiny_space, tiny_costs):
    """A search of 60 networks made up by hand: five generations of 12, of which the ten most accurate survive."""
    rng = np.random.default_rng(11)
    genotypes = [list(tiny_costs)[place] for place in rng.permutation(len(tiny_costs))[:60]]
    evaluated: list[Individual] = []
    history = []
    survivors: list[int] = []
    for generation in range(5):
        for genotype in genotypes[12 * generation : 12 * (generation + 1)]:
            cost = tiny_costs[genotype]
            acc = 0.35 + 0.2 * (cost.madds / 1e6) ** 0.5 + rng.normal(0, 0.04)
            pair = rng.choice(survivors, 2) if generation > 1 else ()
            evaluated.append(
                Individual(
                    genotype,
                    {"acc": acc, "madds": cost.madds, "params": cost.params, "latency": 0.2 + cost.madds / 7e6},
                    generation,
                    "reinforced" if generation > 1 else "sample",
                    tuple(evaluated[index].genotype for index in pair),
                    () if acc > 0.4 else ("acc",),
                )
            )
        able = [index for index, one in enumerate(evaluated) if not one.violated]
        survivors = sorted(able, key=lambda index: -evaluated[index].accuracy)[:10]
        history.append(
            GenerationRecord(
                generation,
                len(evaluated),
                12,
                {"madds": 1, "duplicate": 2},
                tuple(survivors),
                3,
                0.7,
                0.5 + generation / 20,
            )
        )
    able = [one for one in evaluated if not one.violated]
    front = [one for one in able if not any(_dominates(other, one) for other in able)]
    return SearchResult(
        EQUATION_4,
        tuple(sorted(front, key=lambda one: one.madds)),
        tuple(evaluated[index] for index in survivors),
        tuple(evaluated),
        {"madds": 5, "duplicate": 10, "acc": len(evaluated) - len(able)},
        tuple(history),
    )
