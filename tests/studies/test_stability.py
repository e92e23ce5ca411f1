"""The study of stability, on supernets of a few dozen steps."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from scarlet_tf.analysis.ranking import probe_paths
from scarlet_tf.data import load_dataset
from scarlet_tf.errors import InputError
from scarlet_tf.studies import stability
from scarlet_tf.studies.stability import Measurement
from scarlet_tf.studies.supernets import StudySupernet, with_equal_updates
from scarlet_tf.train.config import TrainConfig

PATHS, IMAGES = 12, 200
FLAGS = ("--dataset=synthetic", "--image_size=16", "--batch_size=100", "--epochs=2", "--learning_rate=0.2")
FLAGS += (f"--paths={PATHS}", f"--images={IMAGES}", "--probe_paths=5", "--probe_images=50", "--probe_bn=moving")
FLAGS += ("--methods=fair,spos", "--stabilizers=els,skip")


@pytest.fixture(scope="module")
def flags(mini_files):
    return (f"--space={mini_files / 'space.json'}", *FLAGS)


@pytest.fixture(scope="module")
def done(flags, run_command, tmp_path_factory):
    """Workdir of a study that was not stopped, and what it printed."""
    workdir = tmp_path_factory.mktemp("stability") / "study"
    ended = run_command("analyze", "stability", *flags, f"--workdir={workdir}")
    assert ended.returncode == 0, ended.stderr
    return workdir, ended.stdout


@pytest.fixture(scope="module")
def numbers(done):
    return json.loads((done[0] / "numbers.json").read_text())


def test_sampled_paths_get_as_many_updates_of_a_block(mini_space):
    config = TrainConfig("synthetic", 16, space=mini_space, epochs=4, warmup_epochs=0.5, probe_epochs=2)
    assert with_equal_updates(StudySupernet("fair", config)).config == config
    sampled = replace(config, method="spos")
    assert with_equal_updates(StudySupernet("spos", sampled)) == StudySupernet(
        "spos", replace(sampled, epochs=12, warmup_epochs=1.5, probe_epochs=6)
    )
    assert with_equal_updates(StudySupernet("spos", replace(sampled, steps=7))).config.steps == 21


def test_each_combination_is_trained_and_measured(numbers):
    trained = [(one["name"], one["steps"], len(one["accuracies"])) for one in numbers["supernets"]]
    fair, sampled = 40, 120
    assert trained == [
        ("fair_els_0", fair, PATHS),
        ("fair_skip_0", fair, PATHS),
        ("spos_els_0", sampled, PATHS),
        ("spos_skip_0", sampled, PATHS),
    ]
    assert len(set(numbers["paths"])) == PATHS
    assert numbers["images"] == IMAGES


def test_curves_of_both_methods_go_by_updates_of_a_block(numbers, done):
    for one in numbers["supernets"]:
        assert [point["updates"] for point in one["curve"]] == pytest.approx([10, 30])
        assert [point["updates"] for point in one["probes"]] == pytest.approx([20, 40])
    lines = [json.loads(line) for line in (done[0] / "fair_els_0" / "metrics.jsonl").read_text().splitlines()]
    assert [point["loss"] for point in numbers["supernets"][0]["curve"]] == pytest.approx(
        [line["loss"] for line in lines]
    )


def test_probes_are_those_of_the_trainings(numbers, done):
    for one in numbers["supernets"]:
        lines = [json.loads(line) for line in (done[0] / one["name"] / "probes.jsonl").read_text().splitlines()]
        assert [point["health"] for point in one["probes"]] == [line["health"] for line in lines]
        last = lines[-1]
        assert one["probes"][-1]["health"]["mean"] == pytest.approx(np.mean(last["accuracies"]))


def test_accuracies_are_those_of_the_supernets_paths(numbers, done, mini_space):
    from scarlet_tf.models import load_supernet

    dataset = load_dataset("synthetic")
    supernet = load_supernet(done[0] / "spos_skip_0")
    ((images, labels),) = dataset.evaluation_batches("validation", IMAGES, 16, IMAGES)
    paths = probe_paths(mini_space, PATHS, stability.PATHS_SEED)
    assert numbers["paths"] == ["-".join(map(str, path)) for path in paths]
    found = next(one for one in numbers["supernets"] if one["name"] == "spos_skip_0")["accuracies"]
    for path, accuracy in zip(paths, found, strict=True):
        logits = supernet(images, path=path).numpy()
        assert accuracy == pytest.approx(np.mean(logits.argmax(1) == labels.numpy()), abs=1.01 / IMAGES)


def test_differences_are_els_less_skip(numbers):
    accuracies = {one["name"]: np.array(one["accuracies"]) for one in numbers["supernets"]}
    assert [one["method"] for one in numbers["differences"]] == ["fair", "spos"]
    for one in numbers["differences"]:
        els, skip = (accuracies[f"{one['method']}_{stabilizer}_0"] for stabilizer in ("els", "skip"))
        assert one["mean"]["value"] == pytest.approx(els.mean() - skip.mean())
        assert one["std"]["value"] == pytest.approx(els.std(ddof=1) - skip.std(ddof=1))
        assert one["mean"]["low"] <= one["mean"]["value"] <= one["mean"]["high"]
    assert numbers["conclusive_differences"] == numbers["differences"]  # one seed


def test_report_shows_all_of_it(done):
    workdir, printed = done
    report = (workdir / "report.md").read_text()
    assert "python -m scarlet_tf.analyze stability --space=" in report
    assert (workdir / "stability.png").stat().st_size > 10_000
    for text in ("Strictly fair: els minus skip is", "One sampled path a step: els minus skip is", "another seed"):
        assert text in report
        assert text in printed
    assert "12 random paths on 200 held-out images, with BN statistics gathered in training" in report


def test_stopped_study_goes_on_to_the_same_numbers(done, flags, run_command, tmp_path):
    workdir = tmp_path / "stopped"
    shutil.copytree(done[0], workdir)
    for name in ("report.md", "numbers.json", "stability.png"):
        (workdir / name).unlink()
    for name in ("fair_skip_0", "spos_skip_0"):  # as if it had been killed when it had measured just the others
        (workdir / "kept" / f"{name}_accuracies.json").unlink()
    shutil.rmtree(workdir / "spos_skip_0")  # or was about to train this one
    ended = run_command("analyze", "stability", *flags, f"--workdir={workdir}")
    assert ended.returncode == 0, ended.stderr
    assert f"{PATHS} paths of fair_els_0" not in ended.stdout
    assert f"{PATHS} paths of fair_skip_0" in ended.stdout
    assert (workdir / "numbers.json").read_bytes() == (done[0] / "numbers.json").read_bytes()
    assert (workdir / "report.md").is_file()


def test_one_stabilizer_has_nothing_to_compare_with(done, numbers, mini_space):
    config = TrainConfig.read(done[0] / "fair_els_0" / "config.json")
    dataset = load_dataset("synthetic")
    paths = probe_paths(mini_space, PATHS, stability.PATHS_SEED)
    only = StudySupernet(done[0] / "fair_els_0", config)
    course = stability._course(only, numbers["supernets"][0]["accuracies"], IMAGES, 10)
    finding = stability.stability_finding([course], config, paths, IMAGES, dataset)
    assert finding.conclusions.startswith("One stabilizer was trained: there is nothing to compare it with.")
    assert finding.numbers["differences"] == []


def test_another_setting_is_refused_and_nothing_changed(done, flags, without_tensorflow, digest):
    before = digest(done[0])
    ended = without_tensorflow("analyze", "stability", *flags, "--paths=13", f"--workdir={done[0]}")
    assert ended.returncode == 2
    assert "--paths: 12 -> 13" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert digest(done[0]) == before


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("--stabilizers=els,els", "--stabilizers must be different ones of els, skip, els_relu"),
        ("--stabilizers=", "--stabilizers"),
        ("--methods=darts", "--methods must be different ones of fair, spos"),
        ("--seeds=0,x", "--seeds must be different whole numbers from 0 on"),
        ("--probe_epochs=0", "--probe_epochs"),
        ("--batch_size=5000", "--batch_size must be at most 2000"),
    ],
)
def test_bad_flags_are_refused_in_a_line(bad, said, flags, without_tensorflow, tmp_path):
    ended = without_tensorflow("analyze", "stability", *flags, bad, f"--workdir={tmp_path / 'out'}")
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_too_few_paths_or_images_are_refused():
    with pytest.raises(InputError, match=r"--paths must be at least 10: .* Received: 9"):
        Measurement(9)
    with pytest.raises(InputError, match=r"--images must be at least 1. Received: 0"):
        Measurement(images=0)


@pytest.mark.parametrize("study", ["stability", "extremes"])
def test_command_does_not_start_tensorflow_before_its_flags_are_read(study):
    check = f"import sys, scarlet_tf.studies.commands.{study}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
