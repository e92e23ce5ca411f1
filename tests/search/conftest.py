"""A space small enough to be enumerated, and every network in it."""

from itertools import product

import pytest

from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem, count


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
