"""The study of a bound on accuracy: over a table of accuracies and over outcomes made up by hand."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem
from scarlet_tf.errors import InputError
from scarlet_tf.search import Individual, SearchConfig, SearchResult, search
from scarlet_tf.search.objectives import EQUATION_4
from scarlet_tf.search.table import AccuracyTable
from scarlet_tf.studies.accuracy_sources import TableSource
from scarlet_tf.studies.constraint import ConstraintConfig, ConstraintOutcome, constraint_finding, run_searches
from scarlet_tf.studies.search_outcome import SearchOutcome
from scarlet_tf.studies.workdir import StudyWorkdir

SLOTS = (Slot(6, stride=2), Slot(6), Slot(8, stride=2), Slot(8))
SPACE = SearchSpace("tiny", Stem(4), SLOTS, (Choice(3, 3), Choice(6, 5), SKIP), Head(16))
GENOTYPES = [f"{a}{b}{c}{d}" for a in range(3) for b in range(3) for c in range(3) for d in range(3)]
SEARCH = SearchConfig(population=8, generations=4, image_size=32, num_classes=10)


@dataclass(frozen=True)
class CountedSource(TableSource):
    """A table that remembers which searches were done, and is interrupted in the one that is named."""

    interrupted_in: str = ""
    done: list[str] = field(default_factory=list)

    def search(self, config: SearchConfig, name: str) -> SearchResult:
        if name == self.interrupted_in:
            raise KeyboardInterrupt
        self.done.append(name)
        return super().search(config, name)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Accuracies of all 81 networks: 0.9 without a skip, and 0.2 less for each."""
    path = tmp_path_factory.mktemp("constraint") / "table.json"
    path.write_text(json.dumps({text: round(0.9 - 0.2 * text.count("2"), 1) for text in GENOTYPES}))
    return AccuracyTable(path, SPACE)


@pytest.fixture
def source(table):
    return CountedSource(SPACE, 32, 10, table, "accuracies by hand")


@pytest.fixture
def workdir(tmp_path):
    return StudyWorkdir(tmp_path / "study", "constraint", {})


def test_where_only_networks_without_skips_are_accurate_nobody_skips(source, workdir):
    outcome = run_searches(source, ConstraintConfig(SEARCH, 0.8, (0, 1)), workdir)
    skips = outcome.skips()
    assert skips["without"].shape == skips["with"].shape == (2, 4)
    assert (skips["with"] == 0).all()
    assert (skips["without"] > 0).all()


def test_at_most_one_skip_of_four_slots_is_a_quarter(source, workdir):
    outcome = run_searches(source, ConstraintConfig(SEARCH, 0.6, (0, 1)), workdir)
    assert 0 < outcome.skips()["with"].max() <= 0.25
    assert {one.accuracy for one in outcome.fronts()["with"][0]} <= {0.7, 0.9}


def test_without_a_bound_the_median_of_random_networks_is_it(source, table, workdir):
    config = ConstraintConfig(replace(SEARCH, population=5), None, (0, 3))
    outcome = run_searches(source, config, workdir)
    drawn = []
    for seed in (0, 3):  # ten of each, and no more, as two generations alone have
        result = search(SPACE, replace(SEARCH, population=5, generations=2, acc_min=0, seed=seed), table)
        drawn += [one.accuracy for one in result.evaluated]
    assert len(drawn) == 20
    assert outcome.acc_min == np.median(drawn)
    assert "the median of the random networks" in constraint_finding(outcome, config, "by hand").numbers["acc_min_is"]


def test_an_interrupted_study_goes_on_and_ends_the_same(source, table, workdir, tmp_path):
    config = ConstraintConfig(SEARCH, 0.6, (0, 1))
    whole = constraint_finding(run_searches(source, config, StudyWorkdir(tmp_path / "whole", "x", {})), config, "")
    with pytest.raises(KeyboardInterrupt):
        run_searches(replace(source, interrupted_in="with_0"), config, workdir)
    again = replace(source, done=[])
    found = constraint_finding(run_searches(again, config, workdir), config, "")
    assert again.done == ["with_0", "with_1"]
    assert json.dumps(found.numbers) == json.dumps(whole.numbers)
    assert found.conclusions == whole.conclusions


def outcome(*rows):
    """A search that evaluated networks of these accuracies and MAdds (M), all of which survived."""
    evaluated = [
        Individual((0, 0, 0, place % 3), {"acc": acc, "madds": madds * 1e6, "params": 1000}, 0, "sample", ())
        for place, (acc, madds) in enumerate(rows)
    ]
    return SearchOutcome(tuple(evaluated), (tuple(range(len(rows))),) * 2)


def test_hypervolumes_are_of_one_box_and_of_as_many_networks():
    """In a box from 0.2 and 3 M to 0.8 and 1 M, each scaled to 1. The third network of the search with the bound is not
    counted, as the other evaluated two."""
    made = ConstraintOutcome(
        SPACE, EQUATION_4, 0.5, (outcome((0.2, 1), (0.5, 2.5)),), (outcome((0.6, 2), (0.3, 3), (0.8, 2.5)),)
    )
    # of (0.5, 2.5): half the accuracy and a quarter of the MAdds; of (0.6, 2): two thirds and a half
    np.testing.assert_allclose(made.hypervolumes(("acc", "madds")), [[1 / 8], [1 / 3]])
    # above 0.5, where the accuracy goes from 0.5 to 0.8
    np.testing.assert_allclose(made.hypervolumes(("acc", "madds"), 0.5), [[0.0], [1 / 3 / 2]])


def test_a_front_may_hold_networks_that_do_not_exceed_the_bound():
    free = outcome((0.2, 1), (0.5, 2), (0.8, 3), (0.1, 3))  # the last one is on no front
    made = ConstraintOutcome(SPACE, EQUATION_4, 0.5, (free, free), (outcome((0.8, 3)),) * 2)
    assert made.unusable() == pytest.approx([2 / 3, 2 / 3])


SKIPPING, FULL = (2, 2, 2, 2), (0, 0, 0, 0)


def kept(first, last, acc):
    """A search whose survivors go from genotype `first` to `last`, all of accuracy `acc`."""
    evaluated = tuple(
        Individual(genotype, {"acc": acc, "madds": 1e6 + place, "params": 1000}, 0, "sample", ())
        for place, genotype in enumerate((first, last))
    )
    return SearchOutcome(evaluated, ((0,), (1,)))


@pytest.mark.parametrize(
    ("without", "bounded", "said"),
    [
        ((FULL, SKIPPING), (FULL, FULL), "it holds skips back, as the paper reports"),
        ((FULL, FULL), (FULL, SKIPPING), "it favours skips, contrary to what the paper reports"),
        ((FULL, FULL), (FULL, FULL), "undecided, as the interval holds zero"),
    ],
)
def test_the_conclusion_follows_the_numbers(without, bounded, said):
    free, bound = (kept(*without, 0.7),) * 2, (kept(*bounded, 0.7),) * 2
    made = ConstraintOutcome(SPACE, EQUATION_4, 0.5, free, bound)
    finding = constraint_finding(made, ConstraintConfig(SEARCH, 0.5, (0, 1)), "by hand")
    assert said in finding.conclusions
    assert finding.numbers["comparisons"]["skips_last"]["base"]["by_seed"] == [100.0 * (without[1] == SKIPPING)] * 2


def test_outcomes_come_back_from_json(table):
    result = search(SPACE, replace(SEARCH, acc_min=0.0), table)
    there = SearchOutcome.of(result)
    back = SearchOutcome.from_dict(json.loads(json.dumps(there.to_dict())))
    assert back.survivors == there.survivors
    assert [(one.genotype, dict(one.measures), one.operator) for one in back.evaluated] == [
        (one.genotype, dict(one.measures), one.operator) for one in result.evaluated
    ]
    assert back.front(EQUATION_4, 0.0) == tuple(replace(one, parents=()) for one in result.front)


def test_a_space_without_a_skip_is_refused(source, table):
    space = replace(SPACE, choices=(Choice(3, 3), Choice(6, 5), Choice(6, 3)))
    with pytest.raises(InputError, match="--space must have a skip"):
        ConstraintConfig(SEARCH, 0.5, (0, 1)).check(replace(source, space=space))


def test_a_bound_that_no_network_exceeds_is_refused_beforehand(source):
    with pytest.raises(InputError, match=r"--acc_min=0\.95.*has accuracy 0\.9"):
        ConstraintConfig(SEARCH, 0.95, (0, 1)).check(source)


@pytest.mark.parametrize(("acc_min", "said"), [(0.0, "--acc_min must be above 0"), (1.0, "--acc_min must be at least")])
def test_bounds_out_of_range(acc_min, said):
    with pytest.raises(InputError, match=said):
        ConstraintConfig(SEARCH, acc_min, (0, 1))


def test_one_seed_is_refused():
    with pytest.raises(InputError, match="--seeds must name two or more"):
        ConstraintConfig(SEARCH, 0.5, (0,))
