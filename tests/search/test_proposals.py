import numpy as np
import pytest
from scipy.stats import kstest

from scarlet_tf.search import Individual, SearchConfig, parse_constraints
from scarlet_tf.search.candidates import Candidates
from scarlet_tf.search.objectives import EQUATION_4
from scarlet_tf.search.proposals import Proposers, RandomStreams
from scarlet_tf.search.selection import survive

SIZE = {"image_size": 32, "num_classes": 10}


def test_random_numbers_depend_on_seed_generation_and_proposal_alone():
    streams = RandomStreams(5)
    draws = {(g, p): streams.at(g, p).random(3).tolist() for g in range(3) for p in range(3)}
    assert len({value for row in draws.values() for value in row}) == 27
    streams.at(1, 1).integers(7)  # half of a word is left over
    assert streams.at(2, 1).random(3).tolist() == draws[2, 1]
    assert RandomStreams(5).at(0, 2).random(3).tolist() == draws[0, 2]
    assert RandomStreams(6).at(0, 2).random(3).tolist() != draws[0, 2]


def test_first_numbers_of_neighbouring_proposals_are_independent():
    streams = RandomStreams(0)
    first = np.array([[streams.at(g, p).random() for p in range(200)] for g in range(20)])
    assert kstest(first.ravel(), "uniform").pvalue > 1e-3
    for one, other in ((first[:, 1:], first[:, :-1]), (first[1:], first[:-1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(one.size)


@pytest.mark.parametrize("text", ["params:max:2500", "params:min:4000", "latency:max:3.5", "latency:min:7.5"])
def test_reduced_samples_meet_whatever_one_bound_there_is(tiny_space, text):
    config = SearchConfig(constraints=parse_constraints(text), **SIZE)
    candidates = Candidates(tiny_space, config, lambda genotype: 1.0 + sum(genotype))
    proposers, streams = Proposers(candidates, config), RandomStreams(1)
    reduced = [proposers.sample_reduced(streams.at(0, p)).genotype for p in range(50)]
    sampled = [proposers.sample(streams.at(1, p)).genotype for p in range(50)]
    assert all(candidates.first_violated(genotype) is None for genotype in reduced)
    assert not all(candidates.first_violated(genotype) is None for genotype in sampled)
    assert len(set(reduced)) > 3


@pytest.mark.parametrize(("ratio", "mixed"), [(1.0, True), (0.0, False)])
def test_offspring_without_crossover_differ_from_one_parent_in_one_slot(tiny_space, tiny_costs, ratio, mixed):
    config = SearchConfig(crossover_ratio=ratio, **SIZE)
    proposers, streams = Proposers(Candidates(tiny_space, config), config), RandomStreams(2)
    parents = [
        Individual(genotype, {"acc": 0.5, **vars(tiny_costs[genotype])}, 0, "sample", ())
        for genotype in ((0, 0, 0, 0), (1, 1, 1, 1), (2, 2, 2, 2))
    ]
    propose = proposers.breed(survive(parents, 3, EQUATION_4))
    made = [propose(streams.at(2, p)) for p in range(200)]
    changes = [
        sum(a != b for a, b in zip(one.genotype, one.parents[0], strict=True)) - (one.operator != "crossover")
        for one in made
    ]
    assert (max(changes) > 0) == mixed
