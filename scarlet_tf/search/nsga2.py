"""Constrained, weighted NSGA-II over the genotypes of a space (paper Algorithm 1)."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from scarlet_tf.arch import Genotype, SearchSpace
from scarlet_tf.search.candidates import Candidates, Latency
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.individual import Individual
from scarlet_tf.search.journal import Journal
from scarlet_tf.search.objectives import violated
from scarlet_tf.search.proposals import Proposal, Proposers, RandomStreams
from scarlet_tf.search.selection import GenerationRecord, SearchResult, Selection
from scarlet_tf.search.unsatisfiable import Unsatisfiable

__all__ = ["NSGA2", "GenerationRecord", "Individual", "SearchResult", "check_constraints", "search"]

Evaluate = Callable[[list[Genotype]], Sequence[float]]
"""Accuracies, from 0 to 1, of the genotypes given. Each must not depend on the others of the list, or a
search that was killed and started again, and so asks for fewer at a time, would not end the same."""


def _checked(genotypes: Sequence[Genotype], accuracies: Iterable[float]) -> dict[Genotype, float]:
    accuracies = [float(accuracy) for accuracy in accuracies]
    if len(accuracies) != len(genotypes) or not all(0 <= accuracy <= 1 for accuracy in accuracies):
        raise ValueError(
            f"There must be {len(genotypes)} accuracies from 0 to 1, one a genotype. Received: {accuracies}."
        )
    return dict(zip(genotypes, accuracies, strict=True))


class NSGA2:
    """A search that asks for accuracies and is told them, by whatever finds them out:

        nsga2 = NSGA2(get_space("s2"), SearchConfig(madds_max=400e6))
        while not nsga2.done:
            nsga2.tell([my_accuracy(genotype) for genotype in nsga2.ask()])
        print(nsga2.result.picks(3))

    Generations 0 and 1 are sampled uniformly (P0 and Q0 of Algorithm 1; from half of `max_attempts` on, the
    samples are moved towards the constraints), each later one bred from the survivors of all before it, and after
    each, `population` individuals survive; so nobody of the last is evaluated in vain. Cheap constraints are checked
    first. Where proposals that meet the constraints run out, a generation stays smaller.

    Proposal number i of a generation draws from the random numbers of (seed, generation, i), so a search is a function
    of its settings and of the accuracies. `latency` gives the milliseconds of a genotype, where settings name it.
    Raises InputError where nobody meets the constraints in generation 0, or the space does not suit the settings.
    """

    def __init__(self, space: SearchSpace, config: SearchConfig, latency: Latency | None = None) -> None:
        self._config, self._constraints = config, config.all_constraints
        self._seeds = tuple(space.check(genotype) for genotype in config.initial_population)
        self._candidates = Candidates(space, config, latency)
        self._proposers = Proposers(self._candidates, config)
        self._streams = RandomStreams(config.seed)
        self._selection = Selection(config, self._candidates.largest)
        self._order: dict[Genotype, int] = {}
        self._told: dict[Genotype, float] = {}
        self._run = self._generations()
        self.evaluated: list[Individual] = []
        self._asked: list[Genotype] = next(self._run)  # somebody, or it raises

    @property
    def done(self) -> bool:
        """Whether nothing is left to be asked."""
        return not self._asked

    @property
    def history(self) -> Sequence[GenerationRecord]:
        """The generations that ended."""
        return self._selection.history

    @property
    def result(self) -> SearchResult:
        """What was found, by the last generation that ended."""
        return self._selection.result(self.evaluated)

    def ask(self) -> list[Genotype]:
        """The genotypes whose accuracies are needed now, none of them ever told; the same until they are told."""
        return list(self._asked)

    def tell(self, accuracies: Mapping[Genotype, float] | Iterable[float]) -> None:
        """Takes the accuracies, from 0 to 1, of all genotypes asked for: by genotype, or in the order asked.

        Raises ValueError for others.
        """
        if isinstance(accuracies, Mapping):
            if accuracies.keys() != set(self._asked):
                raise ValueError(f"Accuracies must be of {self._asked}. Received those of {list(accuracies)}.")
            accuracies = [accuracies[genotype] for genotype in self._asked]
        self._told = _checked(self._asked, accuracies)
        self._asked = next(self._run, [])

    def _generations(self) -> Iterator[list[Genotype]]:
        """Yields what to ask, and expects it in `_told` when it goes on."""
        for generation in range(self._config.generations):
            survivors = self._selection.survivors
            if generation < 2:
                proposers = (self._proposers.sample, self._proposers.sample_reduced)
            else:
                proposers = (self._proposers.breed(survivors),)
            met = {one.genotype for one in survivors.individuals}
            offspring: list[Individual] = []
            rejected = Counter({one.measure: 0 for one in self._constraints}, duplicate=0)
            proposals = self._proposals(generation, proposers)
            seeds = self._seeds if generation == 0 else ()
            batch = self._admit((Proposal(genotype, "seed") for genotype in seeds), met, rejected, len(seeds))
            for _ in range(self._config.max_rounds):
                missing = self._config.population - len(offspring) - len(batch)
                batch += self._admit(proposals, met, rejected, missing)
                if not batch:
                    break
                new = [proposal.genotype for proposal in batch if proposal.genotype not in self._order]
                if new:
                    yield new
                for one in self._evaluated(batch, generation):
                    if one.violated:
                        rejected.update(one.violated)
                    else:
                        offspring.append(one)
                batch = []
            if generation == 0 and not offspring:
                raise self._unsatisfiable(met, rejected)
            self._selection.add(offspring, rejected, self._order)

    def _proposals(self, generation: int, proposers: Sequence[Callable]) -> Iterator[Proposal]:
        """`max_attempts` of them, shared out evenly between the `proposers`, in their order."""
        for attempt in range(self._config.max_attempts):
            propose = proposers[attempt * len(proposers) // self._config.max_attempts]
            yield propose(self._streams.at(generation, attempt))

    def _admit(self, proposals: Iterator[Proposal], met: set, rejected: Counter, number: int) -> list[Proposal]:
        """Up to `number` of new `proposals` that meet the cheap constraints; counts the others in `rejected`."""
        batch: list[Proposal] = []
        while len(batch) < number and (proposal := next(proposals, None)):
            if proposal.genotype in met:
                rejected["duplicate"] += 1
                continue
            met.add(proposal.genotype)
            constraint = self._candidates.first_violated(proposal.genotype)
            if constraint:
                rejected[constraint.measure] += 1
            else:
                batch.append(proposal)
        return batch

    def _evaluated(self, batch: Sequence[Proposal], generation: int) -> Iterator[Individual]:
        """The individuals of `batch`: those known from earlier generations as they were, the others as told."""
        for proposal in batch:
            genotype = proposal.genotype
            if genotype not in self._order:
                measures = {"acc": self._told[genotype], **self._candidates.measures(genotype)}
                failed = violated(self._constraints, measures)
                self._order[genotype] = len(self.evaluated)
                self.evaluated.append(
                    Individual(genotype, measures, generation, proposal.operator, proposal.parents, failed)
                )
            yield self.evaluated[self._order[genotype]]

    def _unsatisfiable(self, met: set[Genotype], rejected: Counter) -> Unsatisfiable:
        """What to say where generation 0 met `met`, and nobody among them fits."""
        tried = f"{sum(rejected.values()):,} networks tried"
        if not self.evaluated:
            measures = {genotype: self._candidates.measures(genotype) for genotype in met}
            return Unsatisfiable(self._candidates.constraints, measures, tried, "lower --image_size")
        measures = {one.genotype: one.measures for one in self.evaluated}
        tried += f", {len(measures):,} evaluated"
        constraints = [one for one in self._constraints if one.measure == "acc"]
        return Unsatisfiable(constraints, measures, tried, "train the supernet for longer")


def check_constraints(space: SearchSpace, config: SearchConfig, latency: Latency | None = None) -> None:
    """Raises InputError where nobody whom generation 0 would try meets the cheap constraints. Asks for no accuracy."""
    NSGA2(space, replace(config, population=2), latency)  # two that fit are enough to know


def search(
    space: SearchSpace,
    config: SearchConfig,
    evaluate: Evaluate,
    journal: Journal | None = None,
    on_generation: Callable[[GenerationRecord], None] | None = None,
    latency: Latency | None = None,
) -> SearchResult:
    """Searches `space` as `NSGA2` does, asking `evaluate` for many genotypes at a time and never twice for one.

    With a `journal`, accuracies found there are not asked for again, and new ones are written to it: a
    search that was killed is repeated, and ends as if it had not been. `on_generation` is called after each
    generation.
    """
    nsga2 = NSGA2(space, config, latency)
    known = journal.accuracies if journal else {}
    while not nsga2.done:
        asked = nsga2.ask()
        unknown = [genotype for genotype in asked if genotype not in known]
        start = time.perf_counter()
        found = _checked(unknown, evaluate(unknown) if unknown else ())
        seconds = (time.perf_counter() - start) / max(len(unknown), 1)
        evaluated, ended = len(nsga2.evaluated), len(nsga2.history)
        try:
            nsga2.tell([found[genotype] if genotype in found else known[genotype] for genotype in asked])
        finally:  # what was evaluated is kept, even where nobody meets the constraints
            if journal:
                journal.append_individuals(nsga2.evaluated[evaluated:], seconds)
        for record in nsga2.history[ended:]:
            if journal:
                journal.append_generation(record)
            if on_generation:
                on_generation(record)
    return nsga2.result
