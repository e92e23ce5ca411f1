"""Probe sets, update counts and the health of a ranking, against hand-made answers and simulation."""

import subprocess
import sys
from itertools import product

import numpy as np
import pytest

from scarlet_tf.analysis.ranking import RankingHealth, probe_paths, update_counts
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.nets.supernet import fair_paths, fair_permutations


def test_probe_paths_differ_and_depend_on_the_seed_alone():
    space = get_space("s2")
    paths = probe_paths(space, 64, seed=5)
    assert len(set(paths)) == 64
    assert all(space.check(path) == path for path in paths)
    assert probe_paths(space, 64, seed=5) == paths
    assert not set(probe_paths(space, 64, seed=6)) & set(paths)
    assert np.ptp(update_counts(paths, space.num_choices), axis=1).max() < 20  # of 64 / 13 on the average


def test_small_space_is_probed_whole(mini_space):
    assert probe_paths(mini_space, 27, seed=1) == list(product(range(3), repeat=3))
    assert probe_paths(mini_space, 1000, seed=1) == list(product(range(3), repeat=3))
    assert len(set(probe_paths(mini_space, 26, seed=1))) == 26


def test_update_counts_by_hand():
    paths = [(0, 2), (0, 1), (2, 2), (0, 2)]
    np.testing.assert_array_equal(update_counts(paths, 4), [[3, 0, 1, 0], [0, 1, 3, 0]])


def test_fair_steps_train_every_choice_alike(mini_space):
    steps = 5
    paths = [path for step in range(steps) for path in fair_paths(fair_permutations(3, step, 3, 3).numpy())]
    np.testing.assert_array_equal(update_counts(paths, 3), np.full((3, 3), steps))


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ([(0, 3)], "from 0 to 2. Received: 0 to 3"),
        ([(-1, 0)], "from 0 to 2. Received: -1 to 0"),
        ([0, 1], r"\(n, slots\)\. Received: int64 \(2,\)"),
        ([(0.0, 1.0)], "float64"),
    ],
)
def test_paths_that_are_none_are_refused(paths, said):
    with pytest.raises(ValueError, match=said):
        update_counts(paths, 3)


def test_health_by_hand():
    health = RankingHealth.of([0.1, 0.5, 0.6], num_images=100, num_classes=10)
    assert (health.mean, health.min, health.max) == (pytest.approx(0.4), 0.1, 0.6)
    assert health.std == pytest.approx(np.sqrt((0.09 + 0.01 + 0.04) / 2))
    assert health.noise == pytest.approx(np.sqrt((0.09 + 0.25 + 0.24) / 3 / 100))
    assert health.at_chance == pytest.approx(1 / 3)  # at most 0.1 + 2 sqrt(0.09 / 100) = 0.16


def test_noise_is_the_spread_of_networks_of_one_quality():
    accuracies = np.random.default_rng(0).binomial(400, 0.55, size=20_000) / 400
    health = RankingHealth.of(accuracies, num_images=400, num_classes=10)
    assert health.std == pytest.approx(health.noise, rel=0.03)


def simulated(qualities: np.ndarray, num_images: int) -> RankingHealth:
    accuracies = np.random.default_rng(1).binomial(num_images, qualities) / num_images
    return RankingHealth.of(accuracies, num_images, num_classes=10)


def test_networks_that_differ_by_more_than_the_noise_are_no_cause_for_a_warning():
    assert simulated(np.linspace(0.4, 0.6, 64), num_images=1000).warning is None


def test_networks_too_alike_for_so_few_images_are_warned_of():
    alike = RankingHealth.of([0.50, 0.52, 0.51, 0.49], num_images=200, num_classes=10)
    assert alike.warning == (
        "the accuracies of the paths differ by 1.29% (standard deviation), no more than the 3.53% that so few images "
        "leave open: they rank nothing yet."
    )
    assert RankingHealth.of([0.50, 0.52, 0.51, 0.49], num_images=20_000, num_classes=10).warning is None


def test_many_paths_at_chance_are_warned_of():
    few, many = (np.r_[np.full(number, 0.08), np.linspace(0.4, 0.7, 64 - number)] for number in (3, 16))
    assert simulated(few, num_images=2000).warning is None
    assert simulated(many, num_images=2000).warning.startswith("25% of the paths are no better than chance")


def test_one_accuracy_is_no_distribution():
    with pytest.raises(ValueError, match="at least 2 paths"):
        RankingHealth.of([0.5], 100, 10)


def test_no_tensorflow_is_imported():
    check = "import sys, scarlet_tf.analysis.ranking, scarlet_tf.figures; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
