"""Constrained, weighted NSGA-II over the genotypes of a space (paper Algorithm 1)."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Literal

import numpy as np

from scarlet_tf.arch import Genotype, SearchSpace
from scarlet_tf.errors import InputError
from scarlet_tf.search.config import ObjectiveWeights, SearchConfig
from scarlet_tf.search.costs import CostTable
from scarlet_tf.search.journal import Journal
from scarlet_tf.search.operators import choice_frequencies, crossover, hierarchical_mutation, tournament
from scarlet_tf.search.pareto import crowding_distance, non_dominated_sort, pick_equidistant

Reason = Literal["madds", "duplicate", "accuracy"]
Evaluate = Callable[[list[Genotype]], Sequence[float]]
"""Accuracies, from 0 to 1, of the genotypes given. Each must not depend on the others of the list, or a
search that was killed and started again, and so asks for fewer at a time, would not end the same."""


@dataclass(frozen=True)
class Individual:
    """A candidate with its objectives. `operator` that made it: "sample" or "sample_reduced" (to the
    budget), "crossover" alone, or the mutation after the crossover. `parents`: none, or two."""

    genotype: Genotype
    accuracy: float
    madds: int
    params: int
    generation: int
    operator: str
    parents: tuple[Genotype, ...]


@dataclass(frozen=True)
class Survivors:
    """A population, with the front each is in (0 the best) and how far its neighbours there are."""

    individuals: tuple[Individual, ...]
    ranks: np.ndarray
    crowding: np.ndarray


@dataclass(frozen=True)
class GenerationRecord:
    """Where a search stands after a generation: `evaluations` so far, `offspring` that met the constraints,
    proposals `rejected` in this generation, and the `front_size` and `best_accuracy` of the survivors."""

    generation: int
    evaluations: int
    offspring: int
    rejected: Mapping[Reason, int]
    front_size: int
    best_accuracy: float


@dataclass(frozen=True)
class SearchResult:
    """What a search found. `front`: the first front, by MAdds, of all that met the constraints, so that nobody whom
    the final population had no room for is lost; `evaluated`: everyone whose accuracy was asked for, in that order, the
    inaccurate too; `rejected`: proposals, by reason."""

    front: tuple[Individual, ...]
    population: tuple[Individual, ...]
    evaluated: tuple[Individual, ...]
    rejected: Mapping[Reason, int]
    history: tuple[GenerationRecord, ...]

    def picks(self, k: int) -> tuple[Individual, ...]:
        """`k` networks at equal distance along the front, by MAdds (fewer, where the front has fewer).

        The first front of three objectives is no line. Along which it is walked is our reading: along its
        members that no other beats in both accuracy and MAdds, where they are at least `k`, and else along
        all. Parameters guide the search, but are no reason to pick a network that is slower and less
        accurate.
        """
        plane = np.array([(one.madds, -one.accuracy) for one in self.front])
        curve = non_dominated_sort(plane)[0]
        if len(curve) < k:
            curve = np.arange(len(self.front))
        return tuple(self.front[index] for index in curve[pick_equidistant(plane[curve], k)])


@dataclass(frozen=True)
class _Proposal:
    genotype: Genotype
    operator: str
    parents: tuple[Genotype, ...]


_Propose = Callable[[np.random.Generator], _Proposal]


def _objectives(individuals: Sequence[Individual]) -> np.ndarray:
    """Accuracy and params are maximised, MAdds minimised (paper Eq. 4). (n, 3), all to be minimised."""
    return np.array([(-one.accuracy, one.madds, -one.params) for one in individuals])


def first_front(individuals: Sequence[Individual]) -> tuple[Individual, ...]:
    """Those whom nobody beats in every objective, by MAdds."""
    front = [individuals[index] for index in non_dominated_sort(_objectives(individuals))[0]]
    return tuple(sorted(front, key=lambda one: (one.madds, one.genotype)))


def survive(individuals: Sequence[Individual], size: int, weights: ObjectiveWeights) -> Survivors:
    """The `size` best: by front, and within the front that does not fit, by weighted crowding distance."""
    objectives = _objectives(individuals)
    chosen, ranks, crowding = [], [], []
    for rank, front in enumerate(non_dominated_sort(objectives)):
        distance = crowding_distance(objectives[front], astuple(weights))
        kept = np.argsort(-distance, kind="stable")[: size - len(chosen)]
        chosen.extend(front[kept])
        ranks.extend([rank] * len(kept))
        crowding.extend(distance[kept])
        if len(chosen) == size:
            break
    return Survivors(tuple(individuals[index] for index in chosen), np.array(ranks), np.array(crowding))


class _Search:
    """One run: what is known so far, and how a generation is filled."""

    def __init__(self, space: SearchSpace, config: SearchConfig, evaluate: Evaluate, journal: Journal | None) -> None:
        self.space, self.config = space, config
        self.costs = CostTable(space, config.image_size, config.num_classes)
        self.evaluated: dict[Genotype, Individual] = {}
        self.smallest_madds: int | None = None
        self._evaluate, self._journal = evaluate, journal

    def sample(self, rng: np.random.Generator) -> _Proposal:
        """Returns a genotype drawn uniformly."""
        return _Proposal(self.space.sample(rng), "sample", ())

    def sample_reduced(self, rng: np.random.Generator) -> _Proposal:
        """Returns a genotype drawn uniformly and then cut down to the budget: in random order, slots take
        their cheapest choice until it fits. Under a tight budget uniform draws alone would hardly ever
        fit."""
        genotype = self.space.sample(rng)
        for slot in rng.permutation(self.space.num_slots):
            if self.costs.cost(genotype).madds < self.config.madds_max:
                break
            others = [(*genotype[:slot], choice, *genotype[slot + 1 :]) for choice in range(self.space.num_choices)]
            genotype = min(others, key=lambda other: self.costs.cost(other).madds)
        return _Proposal(genotype, "sample_reduced", ())

    def breed(self, parents: Survivors) -> _Propose:
        """Returns what makes an offspring of `parents`: tournament, crossover, mutation."""
        genotypes = [one.genotype for one in parents.individuals]
        frequencies = choice_frequencies(genotypes, self.space.num_choices)
        ranks, crowding = parents.ranks.tolist(), parents.crowding.tolist()

        def propose(rng: np.random.Generator) -> _Proposal:
            pair = tuple(genotypes[tournament(ranks, crowding, rng)] for _ in range(2))
            child, mutation = hierarchical_mutation(
                crossover(*pair, rng), frequencies, self.costs.slot_costs, self.config.mutation, rng
            )
            return _Proposal(child, mutation or "crossover", pair)

        return propose

    def fill(
        self,
        generation: int,
        parents: Sequence[Individual],
        proposers: Sequence[_Propose],
    ) -> tuple[list[Individual], Counter]:
        """Up to a population of new individuals that meet the constraints, and proposals rejected by reason.

        Proposal number i of the generation draws from the generator of (seed, generation, i), so a search
        is a function of its settings and of the accuracies, whatever was known before it started. The
        attempts are shared out evenly between the `proposers`, in their order.
        """
        config = self.config
        offspring: list[Individual] = []
        rejected: Counter = Counter(madds=0, duplicate=0, accuracy=0)
        met = {one.genotype for one in parents}
        attempts = iter(range(config.max_attempts))
        for _ in range(config.max_rounds):
            batch = []
            while len(offspring) + len(batch) < config.population:
                attempt = next(attempts, None)
                if attempt is None:
                    break
                propose = proposers[attempt * len(proposers) // config.max_attempts]
                proposal = propose(np.random.default_rng([config.seed, generation, attempt]))
                reason = self._reject(proposal.genotype, met)
                met.add(proposal.genotype)
                if reason is None:
                    batch.append(proposal)
                else:
                    rejected[reason] += 1
            if not batch:
                break
            individuals = self._ask(batch, generation)
            accurate = [one for one in individuals if one.accuracy > config.acc_min]
            rejected["accuracy"] += len(individuals) - len(accurate)
            offspring += accurate
        return offspring, rejected

    def _reject(self, genotype: Genotype, met: set[Genotype]) -> Reason | None:
        """Why not to evaluate `genotype`, cheapest constraint first; None where nothing speaks against it."""
        madds = self.costs.cost(genotype).madds
        self.smallest_madds = min(madds, self.smallest_madds or madds)
        if madds >= self.config.madds_max:
            return "madds"
        return "duplicate" if genotype in met else None

    def _ask(self, batch: Sequence[_Proposal], generation: int) -> list[Individual]:
        """Individuals of `batch`; the evaluator is asked for those that neither search nor journal knows."""
        # What the journal knows passes for evaluated only when its turn comes, or a replay would differ.
        new = [proposal.genotype for proposal in batch if proposal.genotype not in self.evaluated]
        journaled = self._journal.accuracies if self._journal else {}
        unknown = [genotype for genotype in new if genotype not in journaled]
        start = time.perf_counter()
        answers = [float(accuracy) for accuracy in self._evaluate(unknown)] if unknown else []
        seconds = (time.perf_counter() - start) / max(len(unknown), 1)
        if len(answers) != len(unknown) or not all(0 <= accuracy <= 1 for accuracy in answers):
            raise ValueError(
                f"evaluate must return {len(unknown)} accuracies from 0 to 1, one a genotype. Received: {answers}."
            )
        accuracies = dict(zip(unknown, answers, strict=True))
        individuals = []
        for proposal in batch:
            genotype = proposal.genotype
            cost = self.costs.cost(genotype)
            if genotype in self.evaluated:
                accuracy = self.evaluated[genotype].accuracy
            else:
                accuracy = accuracies[genotype] if genotype in accuracies else journaled[genotype]
            individual = Individual(
                genotype, accuracy, cost.madds, cost.params, generation, proposal.operator, proposal.parents
            )
            individuals.append(individual)
            self.evaluated.setdefault(genotype, individual)
            if genotype in accuracies and self._journal:
                self._journal.append({**vars(individual), "seconds": round(seconds, 6)})
        return individuals

    def infeasible(self, rejected: Counter) -> InputError:
        """What to say where the first generation found nobody."""
        config = self.config
        if self.evaluated:
            best = max(one.accuracy for one in self.evaluated.values())
            return InputError(
                f"No network has an accuracy above --acc_min={config.acc_min:g}: of {len(self.evaluated)} "
                f"evaluated, the best has {best:.4f}. Lower --acc_min, or train the supernet for longer."
            )
        return InputError(
            f"No network has fewer MAdds than --madds_max={config.madds_max:g}: of {rejected['madds']} "
            f"tried, the smallest has {self.smallest_madds:,}. Raise --madds_max, or lower --image_size."
        )


def check_budget(space: SearchSpace, config: SearchConfig) -> None:
    """Raises InputError where no network that generation 0 would try is below `madds_max`. Asks no evaluator."""
    few = replace(config, population=2)  # two that fit are enough to know
    run = _Search(space, few, lambda genotypes: [1.0] * len(genotypes), None)
    offspring, rejected = run.fill(0, (), (run.sample, run.sample_reduced))
    if not offspring:
        raise run.infeasible(rejected)


def search(
    space: SearchSpace,
    config: SearchConfig,
    evaluate: Evaluate,
    journal: Journal | None = None,
    on_generation: Callable[[GenerationRecord], None] | None = None,
) -> SearchResult:
    """Searches `space`, asking `evaluate` for many genotypes at a time and never twice for one.

    Generations 0 and 1 are sampled uniformly (P0 and Q0 of Algorithm 1; from half of `max_attempts` on, the
    samples are cut down to the budget), each later one bred from the survivors of all before it, and after
    each, `population` individuals survive; so nobody of the last is evaluated in vain. MAdds are checked
    first. Where proposals that meet the constraints run out, a generation stays smaller.

    With a `journal`, accuracies found there are not asked for again, and new ones are written to it: a
    search that was killed is repeated, and ends as if it had not been. `on_generation` is called after each
    generation. Raises InputError where nobody meets the constraints in generation 0, or the space does not
    suit the settings.
    """
    if space.num_choices < 2:
        raise InputError(f"The space {space.name} has a single network: there is nothing to search.")
    if config.image_size < space.min_image_size:
        raise InputError(
            f"--image_size must be at least {space.min_image_size}, the product of the strides of "
            f"{space.name}. Received: {config.image_size}."
        )
    run = _Search(space, config, evaluate, journal)
    survivors = Survivors((), np.array([]), np.array([]))
    total: Counter = Counter()
    history = []
    for generation in range(config.generations):
        proposers = (run.sample, run.sample_reduced) if generation < 2 else (run.breed(survivors),)
        offspring, rejected = run.fill(generation, survivors.individuals, proposers)
        if generation == 0 and not offspring:
            raise run.infeasible(rejected)
        survivors = survive((*survivors.individuals, *offspring), config.population, config.weights)
        total.update(rejected)
        record = GenerationRecord(
            generation=generation,
            evaluations=len(run.evaluated),
            offspring=len(offspring),
            rejected=dict(rejected),
            front_size=int(np.count_nonzero(survivors.ranks == 0)),
            best_accuracy=max(one.accuracy for one in survivors.individuals),
        )
        history.append(record)
        if on_generation:
            on_generation(record)
    evaluated = tuple(run.evaluated.values())
    return SearchResult(
        front=first_front([one for one in evaluated if one.accuracy > config.acc_min]),
        population=survivors.individuals,
        evaluated=evaluated,
        rejected=dict(total),
        history=tuple(history),
    )
