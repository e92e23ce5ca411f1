"""The study of pairs over twenty networks whose answers were computed by hand."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from scarlet_tf.errors import InputError
from scarlet_tf.studies.contrast import Contrast, ContrastConfig, contrast_finding
from scarlet_tf.studies.measured_ranking import MeasuredRanking

ROOT = Path(__file__).parents[2]
SPACE = {
    "name": "five",
    "stem": {"filters": 4},
    "slots": [{"filters": 6, "stride": 2}, *[{"filters": 6}] * 3, {"filters": 8, "stride": 2}],
    "choices": [{"expansion": 3, "kernel": 3}, {"expansion": 6, "kernel": 5}, "skip"],
    "head": {"filters": 16},
}
GENOTYPES = [[int(digit) for digit in f"{number:05b}"] for number in range(18)] + [[0, 0, 0, 0, 2], [2, 2, 2, 2, 2]]
SKIPS = [*[0] * 18, 1, 5]
TRUTH = [round(0.02 * number, 2) for number in range(1, 21)]
RISING = [round(0.01 * number, 2) for number in range(10, 30)]
LAST_FALLS = [*RISING[:19], 0.01]  # 19 pairs wrong, all of them with the last network
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
def run(without_tensorflow):
    """Runs the study on what is written to its ranking."""

    def run(place, ranking, *flags):
        if ranking is not None:
            (place / "ranking").mkdir(exist_ok=True)
            text = ranking if isinstance(ranking, str) else json.dumps(ranking)
            (place / "ranking" / "numbers.json").write_text(text)
        return without_tensorflow("analyze", "contrast", "--workdir=out", *flags, cwd=place)

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
    assert numbers["pairs"] == 190
    assert numbers["seeds"] == [0, 3]
    np.testing.assert_allclose(numbers["errors"]["skip"], [1900 / 190, 1900 / 190])
    np.testing.assert_allclose(numbers["errors"]["els"], [100 / 190, 50 / 190])
    over_seeds = numbers["difference_over_seeds"]
    expected = stats.ttest_1samp([100 / 190 - 10, 50 / 190 - 10], 0.0).confidence_interval(0.95)
    np.testing.assert_allclose((over_seeds["low"], over_seeds["high"]), expected)


def test_the_two_by_two_tables(numbers):
    assert numbers["two_by_two"] == {
        "0": {"both": 0.0, "only_skip": 19.0, "only_els": 1.0, "none": 170.0},
        "3": {"both": 0.0, "only_skip": 19.0, "only_els": 0.5, "none": 170.5},
    }


def test_intervals_are_over_networks(numbers):
    """One network makes all mistakes of plain skips: drawn anew, it is missing from every third set of networks."""
    found = numbers["errors_over_networks"]
    assert found["skip"]["value"] == pytest.approx(10)
    assert found["skip"]["low"] == 0
    assert found["skip"]["high"] > 20
    assert found["difference"]["low"] < 0 < found["difference"]["high"]


def test_the_conclusion_is_undecided_where_one_network_decides(done):
    assert "undecided, as the interval holds zero" in done[1]


def test_the_worst_pair_of_each_kind(numbers):
    (pair,) = numbers["only_skip_wrong"]  # every other one would have the last network in it again
    assert pair["genotypes"] == [[2, 2, 2, 2, 2], [0, 0, 0, 0, 0]]
    assert pair["accuracies"] == {"truth": [0.4, 0.02], "skip": [0.01, 0.1], "els": [0.29, 0.1]}
    assert pair["percentiles"] == {"truth": [95, 0], "skip": [0, 5], "els": [95, 0]}
    assert (pair["skips"], pair["wrong_seeds"]) == ([5, 0], {"skip": 2, "els": 0})
    assert numbers["only_els_wrong"] == []  # in the mean over the seeds, networks 2 and 3 have the same accuracy
    assert numbers["by_seed"]["0"]["only_els_wrong"][0]["networks"] == [3, 2]
    assert numbers["by_seed"]["3"]["only_els_wrong"] == []


def test_skips_of_the_misjudged(numbers):
    """By plain skips the ranks are 2 to 20 and 1 where the truth has 1 to 20, here in hundredths of the networks."""
    x, y, skips = np.arange(5.0, 101, 5), np.array([*range(10, 101, 5), 5.0]), np.array(SKIPS)
    b, a = np.polyfit(x, y, 1)
    residuals = (y - (a + b * x)).round(9)
    np.testing.assert_allclose(numbers["residuals"]["skip"], residuals)
    assert numbers["residual_by_skip"]["skip"]["value"] == pytest.approx(np.polyfit(skips, residuals, 1)[0])
    mean_skips = numbers["mean_skips"]["skip"]
    assert mean_skips["underestimated"] == pytest.approx(skips[residuals < 0].mean())
    assert mean_skips["overestimated"] == pytest.approx(skips[residuals > 0].mean())


def test_how_many_more_slots_the_better_network_skips(numbers):
    more = numbers["more_skips_of_the_better"]
    assert more["only_skip"] == pytest.approx((18 * 5 + 4) / 19)  # the last network's 5, against 18 times 0 and once 1
    assert more["only_els"] == 0
    assert more["all"] == pytest.approx((18 * 5 + 4 + 18 * 1) / 190)


def test_the_report_lists_the_pair(done):
    report = (done[0] / "out" / "report.md").read_text()
    assert (
        "| skip 1 | 2 2 2 2 2 > 0 0 0 0 0 | 40.0% > 2.0% | 1.0% < 10.0% | 29.0% > 10.0% | 5, 0 | 2, 0 of 2 |" in report
    )
    assert (done[0] / "out" / "contrast.png").stat().st_size > 0


def test_a_wider_margin_leaves_fewer_pairs(tmp_path):
    contrast = Contrast(MeasuredRanking.read(written(tmp_path, RANKING)), ContrastConfig(margin=10))
    assert contrast.pairs.sum() == 190 - (19 + 18 + 17 + 16)
    assert contrast.tables()[0] == {"both": 0.0, "only_skip": 15.0, "only_els": 0.0, "none": 105.0}


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
    conclusions = contrast_finding(contrast).conclusions
    assert said in conclusions
    assert "One seed says nothing of supernets trained with others." in conclusions


@pytest.mark.parametrize(
    ("ranking", "said"),
    [
        ("{", "must be a JSON file that holds what"),
        ("[]", "must hold what `python -m scarlet_tf.analyze ranking` found"),
        (changed(space="s9"), "numbers.json: a space must be one of"),
        (changed(truth=TRUTH[1:]), "one accuracy for each of the 20 networks"),
        (changed(truth=[50, *TRUTH[1:]]), "accuracies must be from 0 to 1, not 50"),
        (changed(genotypes=[[0, 0], *GENOTYPES[1:]]), "has 5 choices"),
        (changed(supernets=[]), "numbers.json must hold what"),
        (changed(images="many"), "numbers.json must hold what"),
    ],
)
def test_numbers_that_are_no_ranking(tmp_path, ranking, said):
    with pytest.raises(InputError, match=re.escape(said)):
        MeasuredRanking.read(written(tmp_path, ranking))


def of_nineteen():
    supernets = {name: one | {"accuracies": one["accuracies"][:19]} for name, one in RANKING["supernets"].items()}
    return changed(genotypes=GENOTYPES[:19], truth=TRUTH[:19], supernets=supernets)


@pytest.mark.parametrize(
    ("ranking", "config", "said"),
    [
        (changed(truth=[0.5] * 20), {}, "--margin must leave pairs to be ordered"),
        (RANKING, {"margin": 39}, "within 38.00 points. Received: 39"),
        (RANKING, {"method": "spos"}, "Received: fair els 0, fair els 3, fair els 7, fair skip 0"),
        (of_nineteen(), {}, "--ranking must hold at least 20 networks"),
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
        (RANKING, ("--ranking=ranking", "--margin=39"), "--margin must leave pairs"),
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
