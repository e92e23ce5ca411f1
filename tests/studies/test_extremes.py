"""The study of the smallest and the largest network, on networks of a few dozen steps."""

import json
import shutil

import numpy as np
import pytest

from scarlet_tf.analysis.estimate import Estimate, proportion
from scarlet_tf.arch.cost import Cost, count
from scarlet_tf.arch.named import resolve
from scarlet_tf.data import load_dataset
from scarlet_tf.figures.extremes_study import MeasuredNetwork
from scarlet_tf.studies.extreme_networks import all_skip, largest
from scarlet_tf.studies.extremes import NetworkTraining, _conclusions, extremes_finding
from scarlet_tf.train.config import TrainConfig

FLAGS = ("--dataset=synthetic", "--image_size=16", "--batch_size=100", "--steps=30", "--learning_rate=0.2")
FLAGS += ("--optimizer=sgd", "--warmup_epochs=0", "--ema_decay=0", "--seeds=0,3")
NAMES = ["all_skip_0", "all_e2k3_0", "all_skip_3", "all_e2k3_3"]


@pytest.fixture(scope="module")
def flags(mini_files):
    return (f"--space={mini_files / 'space.json'}", *FLAGS)


@pytest.fixture(scope="module")
def done(flags, run_command, tmp_path_factory):
    """Workdir of a study that was not stopped, and what it printed."""
    workdir = tmp_path_factory.mktemp("extremes") / "study"
    ended = run_command("analyze", "extremes", *flags, f"--workdir={workdir}")
    assert ended.returncode == 0, ended.stderr
    return workdir, ended.stdout


@pytest.fixture(scope="module")
def numbers(done):
    return json.loads((done[0] / "numbers.json").read_text())


def test_accuracies_are_those_of_the_trained_networks(numbers, done):
    from scarlet_tf.evaluate import accuracy
    from scarlet_tf.export.runtimes import load_artifact

    for network in numbers["networks"]:
        assert [one["seed"] for one in network["accuracies"]] == [0, 3]
        for one in network["accuracies"]:
            model = load_artifact(done[0] / f"{network['name']}_{one['seed']}" / "model.keras")
            right, total = accuracy(model.predict, load_dataset("synthetic"), "test", 16)
            expected = proportion(right, total)
            assert one["value"] == pytest.approx(expected.value, abs=1.01 / total)  # another runtime's rounding
            assert one["high"] - one["low"] == pytest.approx(expected.high - expected.low, rel=0.05)


def test_costs_are_at_the_size_of_the_training_and_at_that_of_the_paper(numbers, done):
    for network in numbers["networks"]:
        arch = resolve(str(done[0] / f"{network['name']}_0")).arch
        here, paper = count(arch, 16, 10), count(arch, 224, 1000)
        assert (network["madds"], network["params"]) == (here.madds, here.params)
        assert network["at_224_px_1000_classes"] == {"madds": paper.madds, "params": paper.params}


def test_gap_is_over_seeds(numbers):
    small, large = ([one["value"] for one in network["accuracies"]] for network in numbers["networks"])
    gaps = np.subtract(large, small)
    assert [one["value"] for one in numbers["gap_by_seed"]] == pytest.approx(list(gaps))
    assert numbers["gap"]["value"] == pytest.approx(gaps.mean())
    assert numbers["gap"]["high"] == pytest.approx(gaps.mean() + 12.7062 * abs(gaps[1] - gaps[0]) / 2, rel=1e-4)


def test_report_shows_every_seed(done):
    workdir, printed = done
    report = (workdir / "report.md").read_text()
    rows = [line.split(" | ")[:2] for line in report.splitlines() if line.startswith("| all_")]
    assert rows == [["| all_skip", "0"], ["| all_skip", "3"], ["| all_e2k3", "0"], ["| all_e2k3", "3"]]
    assert "python -m scarlet_tf.analyze extremes --space=" in report
    assert "times the multiply-adds" in printed
    assert (workdir / "extremes.png").stat().st_size > 10_000


def test_stopped_study_goes_on_to_the_same_numbers(done, flags, run_command, tmp_path):
    workdir = tmp_path / "stopped"
    shutil.copytree(done[0], workdir)
    for name in (
        "report.md",
        "numbers.json",
        "kept/all_skip_3_right_answers.json",
        "kept/all_e2k3_3_right_answers.json",
    ):
        (workdir / name).unlink()
    shutil.rmtree(workdir / "all_e2k3_3")
    ended = run_command("analyze", "extremes", *flags, f"--workdir={workdir}")
    assert ended.returncode == 0, ended.stderr
    assert (workdir / "numbers.json").read_bytes() == (done[0] / "numbers.json").read_bytes()
    assert (workdir / "report.md").is_file()


def test_pairs_of_answers_leave_less_open_than_their_counts(mini_space):
    rng = np.random.default_rng(0)
    of_small = rng.random(2000) < 0.8
    of_large = of_small | (rng.random(2000) < 0.05)  # right wherever the small one is, and a little more
    configs = [TrainConfig("synthetic", 16, model=model) for model in (all_skip(mini_space), largest(mini_space, 16))]
    answered = [
        [(NetworkTraining.below("work", config), right)]
        for config, right in zip(configs, (of_small, of_large), strict=True)
    ]
    finding = extremes_finding(*answered, load_dataset("synthetic"))
    gap = finding.numbers["gap"]
    assert gap["value"] == pytest.approx(of_large.mean() - of_small.mean())
    assert gap["low"] > 0
    small, large = (network["accuracies"][0] for network in finding.numbers["networks"])
    assert small["high"] > large["low"]  # which do not tell them apart by themselves
    assert "one training each, interval over images" in finding.conclusions


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (
            Estimate(0.1, 0.05, 0.15),
            "+10.00 [+5.00, +15.00] points (one training each, interval over images): what the",
        ),
        (Estimate(0.1, -0.05, 0.15), "is undecided"),
        (Estimate(-0.1, -0.15, -0.05), "buys no accuracy here"),
    ],
)
def test_conclusions_follow_the_interval(gap, said):
    accuracy = Estimate(0.8, 0.7, 0.9)
    small, large = (
        MeasuredNetwork(name, cost, (0,), (accuracy,))
        for name, cost in (("small", Cost(1000, 200)), ("large", Cost(5000, 500)))
    )
    text = _conclusions(small, large, gap)
    assert said in text
    assert "large takes 5.0 times the multiply-adds and 2.5 times the parameters of small." in text


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("--seeds=", "--seeds must be different whole numbers"),
        ("--space=s9", "s1, s2, small"),
        ("--image_size=3", "--image_size must be at least 4"),
        ("--ema_decay=1.5", "--ema_decay must be at least 0 and below 1.0"),
    ],
)
def test_bad_flags_are_refused_in_a_line(bad, said, flags, without_tensorflow, tmp_path):
    ended = without_tensorflow("analyze", "extremes", *flags, bad, f"--workdir={tmp_path / 'out'}")
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
