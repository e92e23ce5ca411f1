"""The study `ranking` end to end on a space of 27 networks, and what it refuses."""

import json
import shutil

import numpy as np
import pytest

from scarlet_tf.arch.space import Genotype
from scarlet_tf.data import load_dataset
from scarlet_tf.studies.truth import trained_truth
from scarlet_tf.studies.workdir import StudyWorkdir
from scarlet_tf.train.config import TrainConfig

GENOTYPES: list[Genotype] = [(a, b, c) for a in range(3) for b in range(3) for c in range(3)]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The truth about all networks: the fewer skips, the better, no two the same."""
    path = tmp_path_factory.mktemp("table") / "table.json"
    accuracies = {genotype: 0.9 - 0.1 * genotype.count(2) - 0.001 * i for i, genotype in enumerate(GENOTYPES)}
    path.write_text(json.dumps({"-".join(map(str, genotype)): value for genotype, value in accuracies.items()}))
    return path


@pytest.fixture(scope="module")
def flags(mini_files, table):
    training = ("--dataset=synthetic", "--image_size=16", "--batch_size=50", "--steps=20", "--learning_rate=0.2")
    return (f"--space={mini_files / 'space.json'}", f"--benchmark_file={table}", *training, "--seeds=0", "--images=50")


@pytest.fixture(scope="module")
def study(run_command, flags, tmp_path_factory):
    """The workdir of a study that has ended, and what it printed."""
    workdir = tmp_path_factory.mktemp("ranking") / "study"
    done = run_command("analyze", "ranking", *flags, f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    return workdir, done.stdout


def test_study_leaves_numbers_a_figure_and_a_report(study):
    workdir, said = study
    numbers = json.loads((workdir / "numbers.json").read_text())
    assert sorted(map(tuple, numbers["genotypes"])) == GENOTYPES
    assert set(numbers["supernets"]) == {"fair_els_0", "fair_skip_0"}
    for entry in numbers["supernets"].values():
        assert len(entry["accuracies"]) == 27
        assert np.mod(np.multiply(entry["accuracies"], 50), 1) == pytest.approx(0, abs=1e-3)  # of 50 images
    assert "Kendall's tau is" in said
    assert "top-10 regret (points)" in said  # the table is printed whole
    assert f"written: {workdir}/report.md" in said
    assert (workdir / "ranking.png").is_file()


def test_stopped_study_ends_with_the_same_numbers(study, run_command, flags, tmp_path):
    """With one supernet trained and measured, and nothing of the other."""
    workdir, _ = study
    stopped = tmp_path / "stopped"
    shutil.copytree(
        workdir, stopped, ignore=shutil.ignore_patterns("*fair_skip_0*", "numbers.json", "report.md", "*.png")
    )
    done = run_command("analyze", "ranking", *flags, f"--workdir={stopped}")
    assert done.returncode == 0, done.stderr
    assert (stopped / "numbers.json").read_text() == (workdir / "numbers.json").read_text()


def test_other_settings_are_refused_in_its_workdir(study, without_tensorflow, flags, digest):
    workdir, _ = study
    before = digest(workdir)
    done = without_tensorflow("analyze", "ranking", *flags, "--images=60", f"--workdir={workdir}")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: --workdir={workdir} holds this study with other settings. Changed: --images")
    assert digest(workdir) == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--paths=19",), "--paths must be at least 20: fewer networks give no interval. Received: 19."),
        (("--seeds=0,0",), "--seeds must be different whole numbers from 0 on"),
        (("--benchmark_file=nowhere.json",), "nowhere.json must be a JSON file"),
        (("--space=small",), "Give a table of small."),
    ],
)
def test_bad_input_is_refused_in_a_line(without_tensorflow, flags, tmp_path, changed, said):
    done = without_tensorflow("analyze", "ranking", *flags, *changed, f"--workdir={tmp_path / 'study'}")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("value", [1.2, "good", None])
def test_malformed_entry_of_the_table_is_named(without_tensorflow, flags, table, tmp_path, value):
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(json.loads(table.read_text()) | {"1-2-0": value}))
    done = without_tensorflow(
        "analyze", "ranking", *flags, f"--benchmark_file={bad}", f"--workdir={tmp_path / 'study'}"
    )
    assert done.returncode == 2
    assert f"{bad}, entry '1-2-0'" in done.stderr


def test_short_table_is_refused(without_tensorflow, flags, table, tmp_path):
    short = tmp_path / "short.json"
    short.write_text(json.dumps(dict(list(json.loads(table.read_text()).items())[:10])))
    done = without_tensorflow(
        "analyze", "ranking", *flags, f"--benchmark_file={short}", f"--workdir={tmp_path / 'study'}"
    )
    assert done.returncode == 2
    assert f"Received: {short}, with 10." in done.stderr


def test_truth_is_the_test_accuracy_of_networks_trained_alone(mini_space, tmp_path, monkeypatch):
    dataset = load_dataset("synthetic", None)
    config = TrainConfig("synthetic", 16, space=mini_space, batch_size=50, steps=20, learning_rate=0.2)
    workdir = StudyWorkdir(tmp_path, "ranking", {})
    truth = trained_truth([(0, 2, 1), (1, 1, 1)], config, workdir, dataset)
    assert all(0.1 <= accuracy <= 1 for accuracy in truth.accuracies)
    assert (tmp_path / "alone" / "0-2-1" / "model.keras").is_file()
    assert "20 steps" in truth.source
    monkeypatch.setattr("scarlet_tf.train.training.train", None)  # what was trained is not trained again
    assert trained_truth([(0, 2, 1), (1, 1, 1)], config, workdir, dataset) == truth
