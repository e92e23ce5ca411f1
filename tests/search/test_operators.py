from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from scarlet_tf.errors import InputError
from scarlet_tf.search.operators import (
    MutationRates,
    choice_frequencies,
    crossover,
    hierarchical_mutation,
    prior_regulated_mutation,
    random_mutation,
    reinforced_mutation,
    tournament,
)

DRAWS = 4000


def assert_distributed(observed, probabilities):
    """Fits a chi-square test at 1e-4; what has probability 0 was never drawn."""
    observed, probabilities = np.asarray(observed, float), np.asarray(probabilities, float)
    possible = probabilities > 0
    assert not observed[~possible].any()
    expected = probabilities[possible] / probabilities.sum() * observed.sum()
    assert chisquare(observed[possible], expected).pvalue > 1e-4


def changes(before, after):
    return [(slot, new) for slot, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]


def count_changes(genotype, num_choices, mutate):
    """(slots, choices): how often each change was made; each mutation makes exactly one."""
    table = np.zeros((len(genotype), num_choices))
    for _ in range(DRAWS):
        ((slot, choice),) = changes(genotype, mutate(genotype))
        table[slot, choice] += 1
    return table


def test_tournament_prefers_rank_then_crowding():
    rng = np.random.default_rng(0)
    ranks, crowding = [1, 0, 0, 1], [9.0, 1.0, np.inf, 0.5]
    wins = Counter(tournament(ranks, crowding, rng) for _ in range(DRAWS))
    # of the 6 pairs, row 2 wins all 3 of its own, row 1 the 2 others of its, row 0 the one against row 3
    assert_distributed([wins[index] for index in range(4)], [1, 2, 3, 0])


def test_ties_of_a_tournament_are_broken_at_random():
    rng = np.random.default_rng(1)
    wins = Counter(tournament([0, 0, 0], [np.inf] * 3, rng) for _ in range(DRAWS))
    assert_distributed([wins[index] for index in range(3)], [1, 1, 1])
    assert tournament([0], [1.0], rng) == 0


def test_crossover_joins_a_head_and_a_tail_at_any_inner_cut():
    rng = np.random.default_rng(2)
    first, second = (0, 1, 2, 3), (9, 8, 7, 6)
    children = Counter(crossover(first, second, rng) for _ in range(DRAWS))
    assert_distributed([children[first[:cut] + second[cut:]] for cut in (1, 2, 3)], [1, 1, 1])
    assert children.total() == sum(children[first[:cut] + second[cut:]] for cut in (1, 2, 3))
    assert crossover((3,), (5,), rng) == (3,)


def test_choice_frequencies_by_hand():
    parents = [(0, 2), (0, 1), (1, 1)]
    expected = [[3 / 6, 2 / 6, 1 / 6], [1 / 6, 3 / 6, 2 / 6]]
    np.testing.assert_allclose(choice_frequencies(parents, 3), expected)


def test_random_mutation_is_uniform_over_slots_and_other_choices():
    rng = np.random.default_rng(3)
    table = count_changes((0, 2, 3), 4, lambda genotype: random_mutation(genotype, 4, rng))
    possible = np.ones((3, 4))
    possible[[0, 1, 2], [0, 2, 3]] = 0
    assert_distributed(table.ravel(), possible.ravel())


def test_reinforced_mutation_follows_the_survivors():
    rng = np.random.default_rng(4)
    frequencies = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    table = count_changes((0, 1), 3, lambda genotype: reinforced_mutation(genotype, frequencies, rng))
    assert_distributed(table.ravel(), [0, 0.2, 0.1, 0.1, 0, 0.8])


def test_reinforced_mutation_has_the_law_of_drawing_until_something_changes():
    rng = np.random.default_rng(5)
    frequencies = choice_frequencies([(0, 1, 2)] * 3 + [(0, 0, 2)], 3)
    genotype = (0, 2, 2)

    def draw_until_changed(genotype):
        while True:
            slot = rng.integers(3)
            choice = int(rng.choice(3, p=frequencies[slot]))
            if choice != genotype[slot]:
                return (*genotype[:slot], choice, *genotype[slot + 1 :])

    reference = count_changes(genotype, 3, draw_until_changed).ravel()
    table = count_changes(genotype, 3, lambda one: reinforced_mutation(one, frequencies, rng)).ravel()
    possible = reference > 0
    np.testing.assert_array_equal(table > 0, possible)
    np.testing.assert_allclose(table[possible], reference[possible], atol=5 * DRAWS**0.5)


def test_prior_regulated_mutation_draws_slots_by_cost():
    rng = np.random.default_rng(6)
    costs = np.array([1.0, 0.0, 3.0])
    table = count_changes((0, 1, 1), 3, lambda one: prior_regulated_mutation(one, costs, 3, rng))
    assert_distributed(table.sum(axis=1), [1, 0, 3])
    assert_distributed(table[2], [1, 0, 1])


def test_prior_regulated_mutation_of_a_network_without_blocks_is_uniform():
    rng = np.random.default_rng(7)
    table = count_changes((2, 2), 3, lambda one: prior_regulated_mutation(one, np.zeros(2), 3, rng))
    assert_distributed(table.sum(axis=1), [1, 1])


def test_hierarchical_mutation_mixes_as_in_the_paper():
    rng = np.random.default_rng(8)
    genotype, frequencies = (0, 0, 0), np.full((3, 2), 0.5)
    slot_costs = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])  # MAdds only in slot 0, params only in slot 1
    kinds, regulated = Counter(), Counter()
    for _ in range(DRAWS):
        child, kind = hierarchical_mutation(genotype, frequencies, lambda _: slot_costs, MutationRates(), rng)
        kinds[kind] += 1
        changed = changes(genotype, child)
        assert len(changed) == (kind is not None)
        if kind == "prior_regulated":
            regulated[changed[0][0]] += 1
    names = [None, "random", "reinforced", "prior_regulated"]
    assert_distributed([kinds[name] for name in names], [0.2, 0.8 * 0.2, 0.8 * 0.65, 0.8 * 0.15])
    assert_distributed([regulated[slot] for slot in range(3)], [0.7, 0.3, 0])


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_mutation_ratio_at_its_ends(ratio):
    rng = np.random.default_rng(9)
    rates = MutationRates(ratio=ratio, random=1, reinforced=0, prior_regulated=0)
    children = [hierarchical_mutation((0, 0), np.full((2, 2), 0.5), None, rates, rng) for _ in range(100)]
    assert all((kind == "random") == bool(ratio) and (child != (0, 0)) == bool(ratio) for child, kind in children)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ratio": 1.2}, "--mutation_ratio must be a probability"),
        ({"by_madds": -0.1}, "--prior_by_madds must be a probability"),
        ({"random": float("nan")}, "--mutation_random must be a probability"),
        ({"random": 0.3}, "--mutation_prior_regulated must sum to 1. Received: 0.3, 0.65 and 0.15, a sum of 1.1"),
    ],
)
def test_impossible_rates_are_refused(fields, message):
    with pytest.raises(InputError, match=message):
        MutationRates(**fields)
