"""The study of equivariance: what it trains, what it makes of the outcome, and that it goes on after a stop."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.data import load_dataset
from scarlet_tf.errors import InputError
from scarlet_tf.studies import equivariance
from scarlet_tf.studies.equivariance import equivariance_finding, equivariance_numbers, study_equivariance
from scarlet_tf.studies.stabilized_networks import (
    VARIANTS,
    check_networks,
    epoch_losses,
    planned_networks,
    trained_and_tested,
)
from scarlet_tf.studies.workdir import StudyWorkdir
from scarlet_tf.train.config import TrainConfig

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
IMAGES = 500


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("synthetic")


@pytest.fixture(scope="module")
def base(mini_arch):
    """4 steps an epoch, two and a half epochs."""
    return TrainConfig("synthetic", 8, model=mini_arch, batch_size=500, steps=10, learning_rate=0.2)


@pytest.fixture(scope="module")
def networks(base):
    return planned_networks(base, VARIANTS, [0], 90)


@pytest.fixture(scope="module")
def done(networks, dataset, tmp_path_factory):
    """Directory of a study that was never stopped."""
    workdir = StudyWorkdir(tmp_path_factory.mktemp("study") / "whole", "equivariance", {"seeds": ["0"]})
    study_equivariance(networks, workdir, dataset).write(workdir.path, "command")
    return workdir.path


def result(*, seed=0, accuracy=0.8, removal=None, **others):
    """What a training of 2 epochs may give: drawn answers to 500 images."""
    rng = np.random.default_rng(seed)
    names = {"trained": accuracy} | others
    correct = {name: "".join("01"[int(right)] for right in rng.random(IMAGES) < share) for name, share in names.items()}
    return {
        "losses": [{"epoch": 1.0, "loss": 1.0}, {"epoch": 2.0, "loss": 0.5}],
        "validation": [
            {"step": 4 * epoch, "epoch": float(epoch), "images": 90, "correct": 40 + epoch + seed % 7}
            for epoch in (1, 2)
        ],
        "correct": correct,
        "removal": removal or {},
    }


EXACT = {"condition_number": 2.0, "same_class": IMAGES, "max_abs_error": 1e-6, "max_rel_error": 1e-7}


def outcome(base, dataset, els=0.8, els_relu=0.8, none=0.8, seeds=(0,), without_relu=0.1, removal=EXACT):
    """Numbers of a study of such results, ELS removed without a change unless `removal` says otherwise."""
    networks, results = planned_networks(base, VARIANTS, seeds, 90), {}
    for seed in seeds:
        made = {
            "els": result(seed=10 + seed, accuracy=els, removal=removal),
            "els_relu": result(seed=20 + seed, accuracy=els_relu, without_relu=without_relu),
            "none": result(seed=30 + seed, accuracy=none),
        }
        if "refused" not in removal:
            made["els"]["correct"]["removed"] = made["els"]["correct"]["trained"]
        results |= {f"{variant}_{seed}": made[variant] for variant in VARIANTS}
    return equivariance_numbers(networks, results, dataset), results


def rights(results, name, kind="trained"):
    return np.array([character == "1" for character in results[name]["correct"][kind]])


def test_networks_differ_in_what_stands_in_skipped_slots_and_in_the_seed_alone(base):
    networks = planned_networks(base, ["none", "els_relu"], [3, 1], 90)
    assert [network.name for network in networks] == ["none_3", "els_relu_3", "none_1", "els_relu_1"]
    assert [network.config.kept_stabilizer for network in networks] == [None, "els_relu"] * 2
    assert {(network.config.probe_epochs, network.config.probe_images) for network in networks} == {(1, 90)}


@pytest.mark.parametrize("variants", [[], ["none"], ["els", "els_relu"], ["none", "none"], ["none", "skip"]])
def test_variants_that_compare_nothing_are_refused(base, variants):
    with pytest.raises(InputError, match=f"--stabilizers must be .* Received: '{','.join(variants)}'"):
        planned_networks(base, variants, [0], 90)


def test_network_that_skips_nothing_is_refused(mini_space):
    base = TrainConfig("synthetic", 8, model=NamedArch(mini_space, (0, 1, 0), "whole"))
    with pytest.raises(InputError, match=r"--model must skip a slot .* Received: whole"):
        planned_networks(base, VARIANTS, [0], 90)


def test_losses_are_means_over_the_steps_of_an_epoch():
    records = [{"step": step, "loss": loss} for step, loss in ((20, 4.0), (30, 1.0), (50, 0.5), (55, 0.1))]
    assert epoch_losses(records, 30) == [{"epoch": 1.0, "loss": 3.0}, {"epoch": 55 / 30, "loss": 0.42}]


def test_study_trains_and_tests_all_and_writes_what_it_found(done):
    numbers = json.loads((done / "numbers.json").read_text())
    assert [(run["variant"], run["seed"]) for run in numbers["runs"]] == [("els", 0), ("els_relu", 0), ("none", 0)]
    for run in numbers["runs"]:
        assert [line["epoch"] for line in run["losses"]] == [1.0, 2.0, 2.5]
        assert [line["epoch"] for line in run["validation"]] == [1, 2, 2.5]
        assert run["losses"][-1]["loss"] < run["losses"][0]["loss"]
    removal = numbers["runs"][0]["removal"]
    assert removal["same_class"] == 500
    assert 0 < removal["max_rel_error"] < 1e-5
    assert removal["condition_number"] > 1
    assert numbers["accuracy"]["removed"] == numbers["accuracy"]["els"]
    assert numbers["difference_from_none"].keys() == {"els", "removed", "els_relu", "without_relu"}
    assert (done / "equivariance.png").read_bytes().startswith(b"\x89PNG")
    report = (done / "report.md").read_text()
    assert "the same up to rounding." in report
    assert "| ELS-ReLU, then without ReLU | " in report


def test_study_stopped_in_a_training_and_after_one_ends_with_the_same_numbers(
    done, networks, dataset, tmp_path, monkeypatch
):
    class Killed(BaseException):
        pass

    def killed_before_it_is_kept(network, path, dataset):
        measured = trained_and_tested(network, path, dataset)
        if network.variant == "els_relu":
            raise Killed
        return measured

    workdir = StudyWorkdir(tmp_path / "out", "equivariance", {"seeds": ["0"]})
    with monkeypatch.context() as patch:
        patch.setattr(equivariance, "trained_and_tested", killed_before_it_is_kept)
        with pytest.raises(Killed):
            study_equivariance(networks, workdir, dataset)
    assert [path.name for path in (tmp_path / "out" / "kept").iterdir()] == ["els_0.json"]
    trained = []
    monkeypatch.setattr(
        equivariance,
        "trained_and_tested",
        lambda network, *rest: (trained.append(network.name), trained_and_tested(network, *rest))[1],
    )
    check_networks(networks, workdir.path, dataset)
    study_equivariance(networks, workdir, dataset).write(workdir.path, "command")
    assert trained == ["els_relu_0", "none_0"]
    assert (workdir.path / "numbers.json").read_text() == (done / "numbers.json").read_text()


def test_network_trained_otherwise_is_not_gone_on_with(done, base, dataset):
    others = planned_networks(TrainConfig(**vars(base) | {"batch_size": 250}), VARIANTS, [0], 90)
    with pytest.raises(InputError, match="--batch_size: 500 -> 250"):
        check_networks(others, done, dataset)


def test_one_seed_has_intervals_over_the_images(base, dataset):
    numbers, results = outcome(base, dataset, els_relu=0.9)
    correct = rights(results, "els_relu_0")
    ends = stats.binomtest(int(correct.sum()), IMAGES).proportion_ci(0.95, "wilson")
    received = numbers["accuracy"]["els_relu"]
    assert received["over"] == "images"
    assert (received["value"], received["low"], received["high"]) == pytest.approx(
        (correct.mean(), ends.low, ends.high)
    )
    paired = stats.ttest_rel(correct.astype(float), rights(results, "none_0").astype(float)).confidence_interval(0.95)
    received = numbers["difference_from_none"]["els_relu"]
    assert (received["low"], received["high"]) == pytest.approx((paired.low, paired.high))
    curves = numbers["curves_from_none"]["els"]
    assert curves["accuracy"] == {"value": pytest.approx((10 % 7 - 30 % 7) / 90)}
    assert curves["largest"] == pytest.approx((10 % 7 - 30 % 7) / 90)
    assert curves["loss"] == {"value": 0.0}


def test_several_seeds_have_intervals_over_the_seeds(base, dataset):
    numbers, results = outcome(base, dataset, els_relu=0.9, seeds=(0, 1, 2))
    differences = [
        rights(results, f"els_relu_{seed}").mean() - rights(results, f"none_{seed}").mean() for seed in range(3)
    ]
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    received = numbers["difference_from_none"]["els_relu"]
    assert received["over"] == "seeds"
    assert received["value"] == pytest.approx(np.mean(differences))
    assert (received["low"], received["high"]) == pytest.approx((expected.low, expected.high))
    assert [one["value"] for one in received["of_seeds"]] == pytest.approx(differences)
    report = equivariance_finding(numbers)
    assert "95% intervals over seeds" in report.captions["equivariance"]
    assert "another seed" not in report.conclusions


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({}, ["no difference is seen, as the paper claims", "is not seen here, though not ruled out"]),
        ({"els": 0.95}, ["it becomes better, where the paper claims no difference"]),
        ({"els": 0.6}, ["it becomes worse, against the paper's claim"]),
        ({"els_relu": 0.95}, ["an overestimate, as the paper claims"]),
        ({"els_relu": 0.6}, ["an underestimate, where the paper finds an overestimate"]),
        ({"without_relu": 0.1}, ["they do not carry over to the final network"]),
        ({"without_relu": 0.9}, ["no less than the network trained without"]),
        ({"removal": EXACT}, ["500 of 500 test images the same class", "the same up to rounding"]),
        ({"removal": EXACT | {"max_rel_error": 0.02}}, ["off by at most 2.0e-02", "more than the 1e-04"]),
        ({"removal": {"refused": "Slot 5 is singular."}}, ["Not every ELS could be removed. Slot 5 is singular."]),
    ],
)
def test_conclusions_follow_from_the_numbers(base, dataset, shares, said):
    finding = equivariance_finding(outcome(base, dataset, **shares)[0])
    for words in said:
        assert words in finding.conclusions
    assert "another seed" in finding.conclusions


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ((0.7, 0.71, 0.72), "the training images are fitted worse, so"),
        ((0.3, 0.31, 0.32), "the training images are fitted better, so"),
        ((0.3, 0.51, 0.72), "no difference is seen in how well the training images are fitted"),
    ],
)
def test_conclusions_tell_training_losses_apart(base, dataset, losses, said):
    numbers, results = outcome(base, dataset, seeds=(0, 1, 2))
    for seed, loss in enumerate(losses):
        results[f"els_{seed}"]["losses"][-1]["loss"] = loss
    numbers = equivariance_numbers(planned_networks(base, VARIANTS, (0, 1, 2), 90), results, dataset)
    expected = stats.ttest_1samp(np.array(losses) - 0.5, 0).confidence_interval(0.95)
    received = numbers["curves_from_none"]["els"]["loss"]
    assert (received["low"], received["high"]) == pytest.approx((expected.low, expected.high))
    assert said in equivariance_finding(numbers).conclusions


def test_opposite_outcomes_are_told_in_opposite_words(base, dataset):
    over, under = (equivariance_finding(outcome(base, dataset, els_relu=share)[0]).conclusions for share in (0.95, 0.6))
    assert "overestimate, as the paper claims" not in under
    assert "an underestimate" not in over


def test_part_of_the_variants_is_a_study_too(base, dataset):
    networks = planned_networks(base, ["none", "els_relu"], [0], 90)
    results = {"none_0": result(), "els_relu_0": result(seed=1, without_relu=0.1)}
    finding = equivariance_finding(equivariance_numbers(networks, results, dataset))
    assert [row[0] for row in finding.rows] == ["none", "ELS-ReLU", "ELS-ReLU, then without ReLU"]
    assert "With ELS the" not in finding.conclusions


def test_stabilizer_that_float32_cannot_remove_is_reported(base, dataset, tmp_path, monkeypatch):
    from scarlet_tf.export import extract, fold

    def refuse(*arguments):
        raise fold.IllConditionedError("The stabilizer of slot 1 cannot be removed exactly.")

    monkeypatch.setattr(extract, "remove_stabilizers", refuse)
    (network,) = planned_networks(base, ["els", "none"], [0], 90)[:1]
    measured = trained_and_tested(network, tmp_path, dataset)
    assert measured["removal"] == {"refused": "The stabilizer of slot 1 cannot be removed exactly."}
    assert measured["correct"].keys() == {"trained"}


FLAGS = ("--dataset=synthetic", "--image_size=16", "--workdir=out")
BAD_FLAGS = [
    ([], ["--workdir must be given"]),
    ([*FLAGS, "--model=scarlet_z"], ["--model", "'scarlet_z'"]),
    ([*FLAGS, "--model=whole.json"], ["--model must skip a slot", "whole"]),
    ([*FLAGS, "--model=arch.json", "--stabilizers=els"], ["--stabilizers must be", "'els'"]),
    ([*FLAGS, "--model=arch.json", "--seeds=0,x"], ["--seeds must be different whole numbers", "'0,x'"]),
    ([*FLAGS, "--model=arch.json", "--seeds=1,1"], ["--seeds must be different whole numbers", "'1,1'"]),
    ([*FLAGS, "--model=arch.json", "--image_size=3"], ["--image_size must be at least 4", "3"]),
    ([*FLAGS, "--model=arch.json", "--strategy=multiworker"], ["--strategy", "multiworker"]),
    ([*FLAGS, "--model=arch.json", "--workdir=begun"], ["--workdir=begun", "ranking"]),
    ([*FLAGS, "--model=arch.json", "--workdir=arch.json"], ["--workdir must be a directory"]),
]


@pytest.mark.parametrize(("flags", "said"), BAD_FLAGS, ids=[" ".join(flags[-1:]) or "alone" for flags, _ in BAD_FLAGS])
def test_bad_flags_are_refused_in_a_line_before_tensorflow_starts(
    flags, said, without_tensorflow, tmp_path, mini_arch, mini_space, digest
):
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "study.json").write_text('{"study": "ranking", "settings": {}}')
    mini_arch.write(tmp_path / "arch.json")
    NamedArch(mini_space, (0, 1, 0), "whole").write(tmp_path / "whole.json")
    before = digest(tmp_path)
    done = without_tensorflow("analyze", "equivariance", *flags, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.startswith("error: ")
    for words in said:
        assert words in done.stderr
    assert digest(tmp_path) == before


def test_flagfile_gives_the_full_size():
    name = "flags/analyze_equivariance.flags"
    code = (
        "import json, sys\nfrom absl import flags\nfrom scarlet_tf.studies.commands import equivariance\n"
        f"flags.FLAGS(['x', '--flagfile={name}', '--workdir=out'])\nequivariance.FLAGS.read()\n"
        "print(json.dumps(equivariance.FLAGS.settings()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["model"], said["dataset"], said["image_size"], said["epochs"]) == (
        "scarlet_c",
        "imagenet2012",
        224,
        60,
    )
    assert (said["stabilizers"], said["seeds"]) == (list(VARIANTS), ["0", "1", "2"])
    header = " ".join(line for line in (ROOT / name).read_text().splitlines() if line.startswith("#"))
    assert f"python -m scarlet_tf.analyze equivariance --flagfile={name}" in header
    assert re.search("Needs .* Expect .* Not run by us at full size", header)
