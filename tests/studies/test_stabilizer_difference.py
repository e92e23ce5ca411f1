"""Differences between stabilizers, by hand, and what is made of them."""

import numpy as np
import pytest

from scarlet_tf.analysis.course import Course
from scarlet_tf.analysis.estimate import Estimate
from scarlet_tf.analysis.ranking import RankingHealth
from scarlet_tf.studies.stabilizer_difference import (
    StabilizerDifference,
    differences_over_seeds,
    stabilizer_differences,
)

ABOVE, BELOW, OPEN = Estimate(0.02, 0.01, 0.03), Estimate(-0.02, -0.03, -0.01), Estimate(0.01, -0.01, 0.03)


def course(stabilizer: str, accuracies, method: str = "fair", seed: int = 0) -> Course:
    health = RankingHealth.of(accuracies, 1000, 10)
    return Course(method, stabilizer, seed, 10, curve=(), probes=(), accuracies=tuple(accuracies), health=health)


def difference(mean: Estimate, std: Estimate, seed: int = 0, method: str = "fair") -> StabilizerDifference:
    return StabilizerDifference(method, "els", "skip", (seed,), mean, std)


def test_els_comes_first_whatever_the_order():
    rng = np.random.default_rng(0)
    els, skip = rng.normal(0.6, 0.05, 100), rng.normal(0.5, 0.1, 100)
    (found,) = stabilizer_differences([course("skip", skip), course("els", els)])
    assert (found.method, found.first, found.second, found.seeds) == ("fair", "els", "skip", (0,))
    assert found.mean.value == pytest.approx(els.mean() - skip.mean())
    assert found.std.value == pytest.approx(els.std(ddof=1) - skip.std(ddof=1))
    assert (found.mean.sign, found.std.sign) == (1, -1)


def test_paths_are_paired():
    rng = np.random.default_rng(0)
    els = rng.normal(0.6, 0.1, 100)
    skip = els - 0.002 + rng.normal(0, 0.001, 100)
    (found,) = stabilizer_differences([course("els", els), course("skip", skip)])
    assert found.mean.sign == 1  # which 100 paths that were not paired would leave open


def test_methods_and_seeds_are_not_mixed():
    accuracies = np.linspace(0.2, 0.6, 20)
    courses = [
        course(stabilizer, accuracies, method, seed)
        for seed in (0, 1)
        for method in ("fair", "spos")
        for stabilizer in ("els_relu", "els", "skip")
    ]
    found = stabilizer_differences(courses)
    named = [(one.method, *one.seeds, one.first, one.second) for one in found]
    pairs = [("els", "skip"), ("els", "els_relu"), ("skip", "els_relu")]
    assert sorted(named) == sorted((m, s, *pair) for m in ("fair", "spos") for s in (0, 1) for pair in pairs)
    assert stabilizer_differences(courses[:1]) == []


def test_several_seeds_are_one_difference_over_them():
    twice = [difference(Estimate(value, 0, 1), Estimate(-value, -1, 0), seed) for seed, value in ((3, 0.1), (5, 0.3))]
    alone = difference(ABOVE, BELOW, method="spos")
    merged, kept = differences_over_seeds([twice[0], alone, twice[1]])
    assert kept == alone
    assert (merged.method, merged.seeds) == ("fair", (3, 5))
    half = 12.7062 * 0.1  # Student's quantile for a degree of freedom, times the standard error
    assert (merged.mean.value, merged.mean.low, merged.mean.high) == pytest.approx((0.2, 0.2 - half, 0.2 + half))
    assert merged.std.value == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [
        (ABOVE, BELOW, "Higher and less spread with els, as the paper has it."),
        (BELOW, ABOVE, "Neither higher nor less spread with els, but the contrary of both."),
        (OPEN, OPEN, "Both intervals hold zero: undecided."),
        (ABOVE, ABOVE, "Higher with els, as the paper has it; not less spread with els, but the contrary."),
        (BELOW, BELOW, "Not higher with els, but the contrary; less spread with els, as the paper has it."),
        (OPEN, BELOW, "Higher or not: undecided; less spread with els, as the paper has it."),
        (OPEN, ABOVE, "Higher or not: undecided; not less spread with els, but the contrary."),
        (ABOVE, OPEN, "Higher with els, as the paper has it; less spread or not: undecided."),
    ],
)
def test_verdict_follows_the_intervals(mean, std, said):
    assert difference(mean, std).verdict == said


def test_other_stabilizers_are_not_said_to_be_as_the_paper_has_it():
    assert StabilizerDifference("fair", "skip", "els_relu", (0,), ABOVE, BELOW).verdict == (
        "Higher and less spread with skip."
    )
