"""Who is proposed for evaluation: samples of the space, and offspring of the survivors."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scarlet_tf.arch import Genotype
from scarlet_tf.search.candidates import Candidates
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.operators import choice_frequencies, crossover, hierarchical_mutation, tournament
from scarlet_tf.search.selection import Survivors


@dataclass(frozen=True)
class Proposal:
    """A genotype, what made it, and of whom, as an `Individual` has them."""

    genotype: Genotype
    operator: str
    parents: tuple[Genotype, ...] = ()


Propose = Callable[[np.random.Generator], Proposal]


class RandomStreams:
    """Random numbers that depend on (seed, generation, proposal) alone.

    Philox counts: that key and counter are its whole state. Setting them costs a fifth of a new generator.
    """

    def __init__(self, seed: int) -> None:
        key = np.random.SeedSequence(seed).generate_state(2, np.uint64)
        self._bits = np.random.Philox(key=key)
        self._rng = np.random.Generator(self._bits)
        self._start = self._bits.state

    def at(self, generation: int, proposal: int) -> np.random.Generator:
        """The generator of that proposal, good until the next is asked for."""
        self._start["state"]["counter"][:] = (0, 0, proposal, generation)
        self._bits.state = self._start
        return self._rng


class Proposers:
    """What makes proposals, from random numbers and, for offspring, from the survivors."""

    def __init__(self, candidates: Candidates, config: SearchConfig) -> None:
        self._candidates, self._config, self._space = candidates, config, candidates.space

    def sample(self, rng: np.random.Generator) -> Proposal:
        """A genotype drawn uniformly."""
        return Proposal(self._space.sample(rng), "sample")

    def sample_reduced(self, rng: np.random.Generator) -> Proposal:
        """A genotype drawn uniformly and then moved towards the cheap constraints.

        In random order, slots take the choice that is best in the first measure out of bounds, until none is: under a
        MAdds budget, their cheapest. Where it is tight, uniform draws alone would hardly ever fit.
        """
        genotype = self._space.sample(rng)
        for slot in rng.permutation(self._space.num_slots):
            constraint = self._candidates.first_violated(genotype)
            if constraint is None:
                break
            others = [(*genotype[:slot], choice, *genotype[slot + 1 :]) for choice in range(self._space.num_choices)]
            best = min if constraint.direction == "max" else max
            genotype = best(others, key=lambda other: self._candidates.measure(other, constraint.measure))
        return Proposal(genotype, "sample_reduced")

    def breed(self, parents: Survivors) -> Propose:
        """What makes an offspring of `parents`: tournament, crossover, mutation."""
        config, slot_costs = self._config, self._candidates.costs.slot_costs
        genotypes = [one.genotype for one in parents.individuals]
        frequencies = choice_frequencies(genotypes, self._space.num_choices)
        ranks, crowding = parents.ranks.tolist(), parents.crowding.tolist()

        def propose(rng: np.random.Generator) -> Proposal:
            pair = tuple(genotypes[tournament(ranks, crowding, rng)] for _ in range(2))
            child = crossover(*pair, rng) if rng.random() < config.crossover_ratio else pair[0]
            child, mutation = hierarchical_mutation(child, frequencies, slot_costs, config.mutation, rng)
            return Proposal(child, mutation or "crossover", pair)

        return propose
