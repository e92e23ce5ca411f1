"""What a bound on accuracy does to a search (paper Fig. 9): how much its survivors skip, and what it finds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scarlet_tf.analysis.estimate import over_seeds
from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.arch.spaces import space_to_data
from scarlet_tf.errors import InputError
from scarlet_tf.figures.constraint_study import constraint_figure
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.hypervolume import Box
from scarlet_tf.search.individual import Individual
from scarlet_tf.search.objectives import Objective
from scarlet_tf.studies.accuracy_sources import AccuracySource
from scarlet_tf.studies.comparison import Comparison
from scarlet_tf.studies.finding import Finding
from scarlet_tf.studies.search_outcome import SearchOutcome
from scarlet_tf.studies.workdir import StudyWorkdir

WITHOUT, WITH = "without", "with"
SEARCHED = ("acc", "madds", "params")
DRAWN = ("acc", "madds")
"""The objectives of which a front is drawn."""


@dataclass(frozen=True)
class ConstraintConfig:
    """Searches that differ in the bound on accuracy, and in their seeds, alone.

    `search` holds the settings of all of them; its own `acc_min` and `seed` do not count. `acc_min` is the bound, or
    None for the median accuracy of random networks: those that the searches without it begin with. Raises InputError,
    naming the flag, where a value is off.
    """

    search: SearchConfig
    acc_min: float | None
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.acc_min == 0:
            raise InputError("--acc_min must be above 0: it is what the other searches leave out. Received: 0.")
        if len(self.seeds) < 2:
            raise InputError(f"--seeds must name two or more, or there is no interval. Received: {len(self.seeds)}.")
        self.searches(self.acc_min or 0.0)  # whose settings check themselves

    def searches(self, acc_min: float) -> list[SearchConfig]:
        """The settings of the searches with this bound, one a seed."""
        return [replace(self.search, acc_min=acc_min, seed=seed) for seed in self.seeds]

    def check(self, source: AccuracySource) -> None:
        """Raises InputError where it is known beforehand that `source` does not suit; changes nothing."""
        if source.space.skip_index is None:
            raise InputError(f"--space must have a skip among its choices. Received: {source.space.name}.")
        source.check([*self.searches(0.0), *(self.searches(self.acc_min) if self.acc_min else ())])


@dataclass(frozen=True)
class ConstraintOutcome:
    """What the searches without and with the bound `acc_min` did, one of each a seed."""

    space: SearchSpace
    objectives: tuple[Objective, ...]
    acc_min: float
    without: tuple[SearchOutcome, ...]
    bounded: tuple[SearchOutcome, ...]

    def skips(self) -> dict[str, np.ndarray]:
        """The share of slots that survivors skip, (seeds, generations)."""
        outcomes = {WITHOUT: self.without, WITH: self.bounded}
        return {name: np.array([one.skips(self.space) for one in each]) for name, each in outcomes.items()}

    def fronts(self) -> dict[str, list[tuple[Individual, ...]]]:
        """What each search found."""
        return {
            WITHOUT: [one.front(self.objectives, 0.0) for one in self.without],
            WITH: [one.front(self.objectives, self.acc_min) for one in self.bounded],
        }

    def unusable(self) -> list[float]:
        """By seed, the share of the front found without the bound that does not exceed it."""
        return [float(np.mean([one.accuracy <= self.acc_min for one in front])) for front in self.fronts()[WITHOUT]]

    def _box(self, objectives: Sequence[Objective], acc_floor: float) -> Box:
        """From the worst values that any of the searches met, of the accuracy from `acc_floor` on, to the best."""
        everyone = [one.measures for each in (*self.without, *self.bounded) for one in each.evaluated]
        reference, ideal = [], []
        for one in objectives:
            values = [row[one.measure] for row in everyone]
            worst, best = (max(values), min(values)) if one.direction == "min" else (min(values), max(values))
            reference.append(max(worst, acc_floor) if one.measure == "acc" else worst)
            ideal.append(best)
        return Box(tuple(objectives), tuple(reference), tuple(ideal))

    def hypervolumes(self, measures: Sequence[str], acc_floor: float = 0.0) -> tuple[list[float], list[float]]:
        """By seed, the share of one box that each search dominates, in the objectives `measures` and above `acc_floor`.

        As many networks count of both searches of a seed, those evaluated first: the bound costs evaluations of
        networks that fail it, and these would else come on top.
        """
        objectives = [one for one in self.objectives if one.measure in measures]
        box = self._box(objectives, acc_floor)
        shares: tuple[list[float], list[float]] = [], []
        for pair in zip(self.without, self.bounded, strict=True):
            count = min(len(one.evaluated) for one in pair)
            for one, found in zip(pair, shares, strict=True):
                found.append(box.hypervolume([each.measures for each in one.front(objectives, acc_floor, count)]))
        return shares

    def comparisons(self) -> dict[str, Comparison]:
        """What is compared, without the bound (base) and with it (other)."""
        without, bounded = (100 * runs for runs in self.skips().values())

        def each(label: str, measure: Callable[[SearchOutcome], float], form: str) -> Comparison:
            return Comparison(label, list(map(measure, self.without)), list(map(measure, self.bounded)), form)

        def median(measure: str) -> Callable[[SearchOutcome], float]:
            return lambda outcome: float(np.median([one.measures[measure] for one in outcome.alive(-1)]))

        return {
            "skips_first": Comparison("slots skipped in generation 0 (%)", without[:, 0], bounded[:, 0], ".1f"),
            "skips_last": Comparison("slots skipped in the end (%)", without[:, -1], bounded[:, -1], ".1f"),
            "drift": Comparison(
                "rise in between (points)", without[:, -1] - without[:, 0], bounded[:, -1] - bounded[:, 0], ".1f"
            ),
            "accuracy": each("median accuracy of the survivors (%)", lambda one: 100 * median("acc")(one), ".1f"),
            "madds": each("median MAdds of the survivors (M)", lambda one: median("madds")(one) / 1e6, ".3g"),
            "hypervolume_above": Comparison(
                "hypervolume above the bound", *self.hypervolumes(DRAWN, self.acc_min), ".4f"
            ),
            "hypervolume": Comparison("hypervolume at any accuracy", *self.hypervolumes(DRAWN), ".4f"),
            "hypervolume_searched_above": Comparison(
                "hypervolume above the bound, with params", *self.hypervolumes(SEARCHED, self.acc_min), ".4f"
            ),
            "evaluated": each("networks evaluated", lambda one: len(one.evaluated), ".0f"),
        }


def run_searches(source: AccuracySource, config: ConstraintConfig, workdir: StudyWorkdir) -> ConstraintOutcome:
    """Does the searches that were not done yet; those without the bound first, which may tell what it is."""

    def outcomes(kind: str, acc_min: float) -> tuple[SearchOutcome, ...]:
        found = []
        for number, settings in enumerate(config.searches(acc_min), 1):
            print(f"search {number} of {len(config.seeds)} {kind} the bound, seed {settings.seed}", flush=True)
            name = f"{kind}_{settings.seed}"

            def done(settings: SearchConfig = settings, name: str = name) -> dict:
                return SearchOutcome.of(source.search(settings, name)).to_dict()

            found.append(SearchOutcome.from_dict(workdir.kept(name, done)))
        return tuple(found)

    without = outcomes(WITHOUT, 0.0)
    acc_min = config.acc_min or float(np.median([value for one in without for value in one.random_accuracies]))
    return ConstraintOutcome(source.space, config.search.objectives, acc_min, without, outcomes(WITH, acc_min))


def _conclusions(outcome: ConstraintOutcome, comparisons: Mapping[str, Comparison]) -> str:
    first, last, drift = (comparisons[name] for name in ("skips_first", "skips_last", "drift"))
    goes = {1: "rises", -1: "falls", 0: "neither clearly rises nor falls"}
    told = [f"Over {len(outcome.without)} seeds, with 95% intervals:"]
    for place, kind in enumerate((WITHOUT, WITH)):
        rise = over_seeds(drift.base if kind == WITHOUT else drift.other)
        told.append(
            f"{kind.capitalize()} the bound, the share of slots that survivors skip {goes[rise.sign]} from "
            f"{first.means[place].value:.1f}% to {last.means[place].value:.1f}%, by {rise.text('+.1f')} points."
        )
    told.append(
        f"The bound changes it in the end by {last.difference.text('+.1f')} points: "
        + {
            -1: "it holds skips back, as the paper reports.",
            1: "it favours skips, contrary to what the paper reports.",
            0: "undecided, as the interval holds zero.",
        }[last.difference.sign]
    )
    unusable = over_seeds(outcome.unusable())
    told.append(f"Of the front found without it, {unusable.percent()}% of the networks do not exceed it.")
    gain = comparisons["hypervolume_above"].difference
    told.append(
        "By as many evaluations, the bound changes the share of accuracy and MAdds above it that a search dominates "
        f"by {gain.text('+.4f')}: "
        + {1: "a search gains by it.", -1: "a search loses by it.", 0: "undecided."}[gain.sign]
    )
    return " ".join(told)


def constraint_finding(outcome: ConstraintOutcome, config: ConstraintConfig, description: str) -> Finding:
    """The numbers, the figure and the conclusions. `description` says what the accuracies are."""
    comparisons = outcome.comparisons()
    skips, fronts, search = outcome.skips(), outcome.fronts(), config.search
    at_random = 1 / outcome.space.num_choices
    chosen = "given" if config.acc_min else "the median of the random networks that the searches without it begin with"
    numbers = {
        "space": space_to_data(outcome.space),
        "accuracies": description,
        "acc_min": outcome.acc_min,
        "acc_min_is": chosen,
        "seeds": list(config.seeds),
        "search": {name: value for name, value in search.to_dict().items() if name not in ("acc_min", "seed")},
        "skips_at_random": at_random,
        "comparisons": {name: one.to_dict() for name, one in comparisons.items()},
        "unusable": over_seeds(outcome.unusable()).to_dict() | {"by_seed": outcome.unusable()},
        "skips": {kind: runs.tolist() for kind, runs in skips.items()},
        "fronts": {
            kind: [[{"genotype": list(one.genotype), **one.measures} for one in front] for front in each]
            for kind, each in fronts.items()
        },
    }
    return Finding(
        title=f"A search with and without a bound on accuracy: {outcome.space.name}",
        question=(
            "The paper keeps networks above 40% one-shot accuracy alone, because a search without such a bound drifts "
            "to networks that skip much: cheap, and inaccurate (Fig. 9). Here the same search, of "
            f"{search.generations} generations and a population of {search.population}, is done with and without "
            f"a bound of {outcome.acc_min:.2%} ({chosen}), by {description}."
        ),
        numbers=numbers,
        header=("", f"{WITHOUT} the bound", f"accuracy > {outcome.acc_min:.1%}", "difference"),
        rows=[one.row for one in comparisons.values()],
        figures={"constraint": constraint_figure(skips, at_random, fronts, outcome.acc_min)},
        captions={
            "constraint": "Left: share of slots that survivors skip, mean and range over the seeds. Middle, and closer "
            "on the right: the fronts, a mark for each network that no cheaper one of its front equals, and the "
            "accuracy that the median seed reaches with so many MAdds."
        },
        conclusions=_conclusions(outcome, comparisons),
        notes=[
            "In brackets: the 95% interval of the mean over seeds (Student's t). Seeds are those of searches, of one "
            "and the same source of accuracies: of other supernets they say nothing.",
            "Hypervolumes are shares of one box for all searches, between the worst and the best values that any of "
            "them met, in accuracy and MAdds unless said otherwise; of both searches of a seed as many networks count, "
            "those evaluated first. At any accuracy, what the bound rules out counts too.",
        ],
    )
