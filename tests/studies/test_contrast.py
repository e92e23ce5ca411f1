"""The study of pairs over ten networks whose answers were computed by hand."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.studies.contrast import Contrast, ContrastConfig, contrast_finding
from scarlet_tf.studies.measured_ranking import MeasuredRanking

ROOT = Path(__file__).parents[2]
SPACE = {
    "name": "three",
    "stem": {"filters": 4},
    "slots": [{"filters": 6, "stride": 2}, {"filters": 6}, {"filters": 8, "stride": 2}],
    "choices": [{"expansion": 3, "kernel": 3}, {"expansion": 6, "kernel": 5}, "skip"],
    "head": {"filters": 16},
}
GENOTYPES = [
    [0, 0, 0],
    [0, 0, 1],
    [0, 1, 0],
    [1, 0, 0],
    [0, 1, 1],
    [1, 0, 1],
    [1, 1, 0],
    [1, 1, 1],
    [0, 0, 2],
    [2, 2, 2],
]
TRUTH = [round(0.05 * number, 2) for number in range(1, 11)]
RISING = [round(0.01 * number, 2) for number in range(10, 20)]
LAST_FALLS = [*RISING[:9], 0.01]  # 9 pairs wrong, all of them with the last network
TWO_SWAPPED = [*RISING[:2], RISING[3], RISING[2], *RISING[4:]]  # networks 3 and 2: 1 pair wrong
TIED = [RISING[0], RISING[0], *RISING[2:]]  # networks 1 and 0: half a pair wrong


def supernet(stabilizer, seed, accuracies, method="fair"):
    return {"stabilizer": stabilizer, "method": method, "seed": seed, "accuracies": accuracies}


RANKING = {
    "space": SPACE,
    "genotypes": GENOTYPES,
    "truth": TRUTH,
    "truth_source": "by hand",
    "images": 100,
    "supernets": {
        "fair_skip_0": supernet("skip", 0, LAST_FALLS),
        "fair_els_0": supernet("els", 0, TWO_SWAPPED),
        "fair_skip_3": supernet("skip", 3, LAST_FALLS),
        "fair_els_3": supernet("els", 3, TIED),
        "fair_els_7": supernet("els", 7, LAST_FALLS),  # a seed without plain skips
        "spos_skip_0": supernet("skip", 0, RISING, "spos"),
    },
}


def changed(**entries):
    return RANKING | entries


def written(place, ranking):
    (place / "numbers.json").write_text(ranking if isinstance(ranking, str) else json.dumps(ranking))
    return place


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs the study where TensorFlow cannot be imported, on what is written to its ranking."""
    blocked = tmp_path_factory.mktemp("blocked")
    for name in ("tensorflow", "keras"):
        (blocked / f"{name}.py").write_text(f"raise RuntimeError('{name} was imported')\n")
    environment = os.environ | {"PYTHONPATH": f"{blocked}{os.pathsep}{ROOT}"}

    def run(place, ranking, *flags):
        if ranking is not None:
            (place / "ranking").mkdir(exist_ok=True)
            text = ranking if isinstance(ranking, str) else json.dumps(ranking)
            (place / "ranking" / "numbers.json").write_text(text)
        line = [sys.executable, "-m", "scarlet_tf.analyze", "contrast", "--workdir=out", *flags]
        return subprocess.run(line, cwd=place, env=environment, capture_output=True, text=True)

    return run


@pytest.fixture(scope="module")
def done(run, tmp_path_factory):
    place = tmp_path_factory.mktemp("contrast")
    done = run(place, RANKING, "--ranking=ranking")
    assert (done.returncode, done.stderr) == (0, "")
    return place, done.stdout


@pytest.fixture(scope="module")
def numbers(done):
    return json.loads((done[0] / "out" / "numbers.json").read_text())


def test_shares_of_wrong_orders(numbers):
    assert numbers["pairs"] == 45
    assert numbers["seeds"] == [0, 3]
    errors = numbers["errors"]
    np.testing.assert_allclose(errors["base"]["by_seed"], [900 / 45, 900 / 45])
    np.testing.assert_allclose(errors["other"]["by_seed"], [100 / 45, 50 / 45])
    assert errors["difference"]["value"] == pytest.approx((100 + 50) / 90 - 20)
    assert errors["difference"]["kind"] == "range over 2 seeds"


def test_the_two_by_two_tables(numbers):
    assert numbers["two_by_two"] == {
        "0": {"both": 0.0, "only_skip": 9.0, "only_els": 1.0, "none": 35.0},
        "3": {"both": 0.0, "only_skip": 9.0, "only_els": 0.5, "none": 35.5},
    }


def test_intervals_are_over_networks(numbers):
    """One network makes all mistakes of plain skips: drawn anew, it is missing from every third set of ten."""
    spreads = numbers["errors_over_networks"]
    assert spreads["skip"]["value"] == pytest.approx(20)
    assert spreads["skip"]["low"] == 0
    assert spreads["skip"]["high"] > 40
    assert spreads["difference"]["low"] < 0 < spreads["difference"]["high"]


def test_the_conclusion_is_undecided_where_one_network_decides(done):
    assert "undecided, as the interval holds zero" in done[1]
    assert "So few seeds give no interval over trainings" in done[1]


def test_the_worst_pair_of_each_kind(numbers):
    (pair,) = numbers["only_skip_wrong"]  # every other one would have the last network in it again
    assert pair["genotypes"] == [[2, 2, 2], [0, 0, 0]]
    assert pair["accuracies"] == {"truth": [0.5, 0.05], "skip": [0.01, 0.1], "els": [0.19, 0.1]}
    assert pair["percentiles"] == {"truth": [90, 0], "skip": [0, 10], "els": [90, 0]}
    assert (pair["skips"], pair["wrong_seeds"]) == ([3, 0], {"skip": 2, "els": 0})
    assert numbers["only_els_wrong"] == []  # in the mean over the seeds, networks 2 and 3 have the same accuracy
    assert numbers["by_seed"]["0"]["only_els_wrong"][0]["networks"] == [3, 2]
    assert numbers["by_seed"]["3"]["only_els_wrong"] == []


def test_skips_of_the_misjudged(numbers):
    """By plain skips the ranks are 2 to 10 and 1 where the truth has 1 to 10, in tenths; the skips 0, ..., 0, 1, 3."""
    x, y, skips = np.arange(10.0, 101, 10), np.array([*range(20, 101, 10), 10.0]), np.array([0] * 8 + [1, 3])
    b, a = np.polyfit(x, y, 1)
    residuals = y - (a + b * x)
    np.testing.assert_allclose(numbers["residuals"]["skip"], residuals)
    assert numbers["residual_by_skip"]["skip"]["value"] == pytest.approx(np.polyfit(skips, residuals, 1)[0])
    mean_skips = numbers["mean_skips"]["skip"]
    assert mean_skips["underestimated"] == pytest.approx(skips[residuals < 0].mean())
    assert mean_skips["overestimated"] == pytest.approx(skips[residuals > 0].mean())


def test_how_many_more_slots_the_better_network_skips(numbers):
    more = numbers["more_skips_of_the_better"]
    assert more["only_skip"] == pytest.approx((8 * 3 + 2) / 9)  # the last network's 3, against eight times 0 and once 1
    assert more["only_els"] == 0
    assert more["all"] == pytest.approx((8 * 3 + 2 + 8 * 1) / 45)


def test_the_report_lists_the_pair(done):
    report = (done[0] / "out" / "report.md").read_text()
    assert "| skip 1 | 2 2 2 > 0 0 0 | 50.0% > 5.0% | 1.0% < 10.0% | 19.0% > 10.0% | 3, 0 | 2, 0 of 2 |" in report
    assert (done[0] / "out" / "contrast.png").stat().st_size > 0


def test_a_wider_margin_leaves_fewer_pairs(tmp_path):
    contrast = Contrast(MeasuredRanking.read(written(tmp_path, RANKING)), ContrastConfig(margin=10))
    assert contrast.pairs.sum() == 45 - 9
    assert contrast.tables()[0] == {"both": 0.0, "only_skip": 8.0, "only_els": 0.0, "none": 28.0}


def test_a_space_without_a_skip_has_no_slope(tmp_path):
    space = SPACE | {"choices": [*SPACE["choices"][:2], {"expansion": 3, "kernel": 5}]}
    contrast = Contrast(MeasuredRanking.read(written(tmp_path, changed(space=space))), ContrastConfig())
    finding = contrast_finding(contrast)
    assert finding.numbers["residual_by_skip"] is None
    assert "skips explain no mistake" in finding.conclusions


@pytest.mark.parametrize(
    ("skip", "els", "said"),
    [
        (RISING[::-1], RISING, "fewer orders are wrong with ELS, as the paper reports"),
        (RISING, RISING[::-1], "more orders are wrong with ELS, contrary to what the paper reports"),
        (RISING, RISING, "undecided, as the interval holds zero"),
    ],
)
def test_the_conclusion_follows_the_numbers(tmp_path, skip, els, said):
    ranking = changed(supernets={"a": supernet("skip", 0, skip), "b": supernet("els", 0, els)})
    contrast = Contrast(MeasuredRanking.read(written(tmp_path, ranking)), ContrastConfig())
    assert said in contrast_finding(contrast).conclusions


@pytest.mark.parametrize(
    ("ranking", "said"),
    [
        ("{", "must be a JSON file that holds what"),
        ("[]", "must hold what `python -m scarlet_tf.analyze ranking` found"),
        (changed(space="s9"), "numbers.json: a space must be one of"),
        (changed(truth=TRUTH[1:]), "one accuracy for each of the 10 networks"),
        (changed(truth=[50, *TRUTH[1:]]), "accuracies must be from 0 to 1, not 50"),
        (changed(genotypes=[[0, 0], *GENOTYPES[1:]]), "has 3 choices"),
        (changed(supernets=[]), "numbers.json must hold what"),
        (changed(images="many"), "numbers.json must hold what"),
    ],
)
def test_numbers_that_are_no_ranking(tmp_path, ranking, said):
    with pytest.raises(InputError, match=re.escape(said)):
        MeasuredRanking.read(written(tmp_path, ranking))


def of_nine():
    supernets = {name: one | {"accuracies": one["accuracies"][:9]} for name, one in RANKING["supernets"].items()}
    return changed(genotypes=GENOTYPES[:9], truth=TRUTH[:9], supernets=supernets)


@pytest.mark.parametrize(
    ("ranking", "config", "said"),
    [
        (changed(truth=[0.5] * 10), {}, "--margin must leave pairs to be ordered"),
        (RANKING, {"margin": 46}, "within 45.00 points. Received: 46"),
        (RANKING, {"method": "spos"}, "Received: fair els 0, fair els 3, fair els 7, fair skip 0"),
        (of_nine(), {}, "--ranking must hold at least 10 networks"),
    ],
)
def test_rankings_that_do_not_suit(tmp_path, ranking, config, said):
    with pytest.raises(InputError, match=re.escape(said)):
        Contrast(MeasuredRanking.read(written(tmp_path, ranking)), ContrastConfig(**config))


@pytest.mark.parametrize("config", [{"margin": -1}, {"margin": 100}, {"margin": float("nan")}, {"pairs": 0}])
def test_settings_out_of_range(config):
    with pytest.raises(InputError, match=f"--{next(iter(config))} must be at least"):
        ContrastConfig(**config)


@pytest.mark.parametrize(
    ("ranking", "flags", "said"),
    [
        (None, (), "--ranking must be given"),
        (None, ("--ranking=nowhere",), "--ranking must be the --workdir of a study `ranking` that has ended"),
        (RANKING, ("--ranking=ranking", "--margin=46"), "--margin must leave pairs"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(run, tmp_path, ranking, flags, said):
    done = run(tmp_path, ranking, *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_workdir_of_another_margin_is_refused(run, done, digest):
    place, _ = done
    before = digest(place)
    again = run(place, None, "--ranking=ranking", "--margin=2")
    assert again.returncode == 2
    assert "--margin: 1.0 -> 2.0" in again.stderr
    assert digest(place) == before


def test_help_needs_no_tensorflow(run, tmp_path):
    done = run(tmp_path, None, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--margin" in done.stdout


def test_the_flagfile_runs(run, tmp_path):
    flagfile = ROOT / "flags" / "analyze_contrast.flags"
    assert "python -m scarlet_tf.analyze contrast --flagfile=flags/analyze_contrast.flags" in flagfile.read_text()
    done = run(tmp_path, RANKING, f"--flagfile={flagfile}", "--ranking=ranking")
    assert done.returncode == 0, done.stderr
    settings = json.loads((tmp_path / "out" / "study.json").read_text())["settings"]
    assert settings == {"ranking": "ranking", "pairs": 5, "margin": 1.0, "method": "fair"}
