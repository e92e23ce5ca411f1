"""What is said of one-shot accuracies beside the truth: by numbers made up so that the answer is known."""

import json

import numpy as np
import pytest

from scarlet_tf.analysis.correlation import kendall_tau
from scarlet_tf.arch.spaces import SMALL
from scarlet_tf.studies.one_shot import OneShot
from scarlet_tf.studies.ranking_finding import mean_tau_gain, measures, ranking_finding
from scarlet_tf.studies.truth import Truth, drawn_truth
from scarlet_tf.train.config import TrainConfig


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr("scarlet_tf.analysis.correlation.RESAMPLES", 100)


CONFIG = TrainConfig("fashion_mnist_small", 28, space=SMALL, steps=10)


def scores(truth, noise, seed):
    """Accuracies that order networks the worse, the more noise there is."""
    rng = np.random.default_rng(seed)
    return tuple(np.clip(truth + rng.normal(size=len(truth)) * noise, 0, 1))


def finding(els_noise, skip_noise, seeds=1):
    rng = np.random.default_rng(1)
    genotypes = tuple(SMALL.sample(rng) for _ in range(120))
    truth = np.linspace(0.3, 0.9, 120)
    supernets = [
        OneShot(stabilizer, "fair", seed, scores(truth, noise, 10 * seed + index))
        for seed in range(seeds)
        for index, (stabilizer, noise) in enumerate((("els", els_noise), ("skip", skip_noise)))
    ]
    return ranking_finding(supernets, Truth(genotypes, tuple(truth), "made up"), CONFIG, 500, "batch", 10)


def test_conclusion_is_favourable_where_els_orders_better():
    found = finding(0.02, 0.5)
    assert found.numbers["tau_gain"]["mean"]["low"] > 0
    assert "those with ELS order networks better" in found.conclusions
    assert "One seed says nothing of supernets trained with others" in found.conclusions


def test_conclusion_is_unfavourable_where_skips_order_better():
    found = finding(0.5, 0.02)
    assert found.numbers["tau_gain"]["mean"]["high"] < 0
    assert "those with plain skips order networks better" in found.conclusions


def test_conclusion_is_open_where_the_interval_holds_zero():
    found = finding(0.2, 0.2)
    gain = found.numbers["tau_gain"]["mean"]
    assert gain["low"] < 0 < gain["high"]
    assert "neither kind is shown to order networks better" in found.conclusions


def test_several_seeds_give_an_interval_over_seeds():
    found = finding(0.05, 0.5, seeds=3)
    gains = found.numbers["tau_gain"]
    taus = {name: entry["kendall_tau"]["value"] for name, entry in found.numbers["supernets"].items()}
    assert gains["by_seed"] == [taus[f"fair_els_{seed}"] - taus[f"fair_skip_{seed}"] for seed in range(3)]
    assert gains["over_seeds"]["value"] == pytest.approx(np.mean(gains["by_seed"]))
    assert gains["over_seeds"]["low"] > 0
    assert "over seeds" in found.conclusions
    assert "ELS orders better" in found.conclusions


def test_gain_is_the_difference_of_mean_taus():
    truth = np.linspace(0, 1, 60)
    els, skip = [scores(truth, 0.2, seed) for seed in (0, 1)], [scores(truth, 0.4, seed) for seed in (2, 3)]
    expected = np.mean([kendall_tau(one, truth) for one in els]) - np.mean([kendall_tau(one, truth) for one in skip])
    assert mean_tau_gain(els, skip, truth).value == pytest.approx(expected, abs=1e-12)


def test_measures_leave_out_a_k_of_all_networks():
    truth = np.linspace(0, 1, 50)
    assert set(measures(truth, truth)) == {
        "kendall_tau",
        "spearman_rho",
        "top_1_regret",
        "top_5_regret",
        "top_10_regret",
    }


def test_numbers_are_plain_and_hold_what_the_figure_shows(tmp_path):
    found = finding(0.1, 0.3, seeds=2)
    report = found.write(tmp_path, "python -m scarlet_tf.analyze ranking")
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["space"] == "small"
    assert len(numbers["genotypes"]) == len(numbers["truth"]) == 120
    assert [len(one["accuracies"]) for one in numbers["supernets"].values()] == [120] * 4
    assert (tmp_path / "ranking.png").stat().st_size > 10_000
    text = report.read_text()
    assert found.conclusions in text
    assert "(ranking.png)" in text
    assert "python -m scarlet_tf.analyze ranking" in text


def test_networks_are_drawn_from_a_table():
    table = {(index,): index / 100 for index in range(100)}
    some, same, all_of_them = (drawn_truth(table, count, "a table") for count in (20, 20, 500))
    assert len(some.genotypes) == 20
    assert len(set(some.genotypes)) == 20
    assert some == same
    assert some.accuracies == tuple(table[genotype] for genotype in some.genotypes)
    assert all_of_them.genotypes == tuple(table)
