"""The whole road in miniature by the command line: a user's own space, a supernet, a search, exports, accuracies."""

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scarlet_tf.arch.cost import count
from scarlet_tf.arch.named import resolve

SEARCH = ("--population=4", "--generations=4", "--acc_min=0.2", "--eval_batch_size=50", "--pick=2", "--seed=7")
NUM_IMAGES = 500  # the test split of synthetic
ARTIFACTS = {
    "model.tflite": 1,  # by how many images the accuracy may differ
    "model_fp16.tflite": 10,
    "model.onnx": 1,
    "model.keras": 1,
    "savedmodel": 1,
}


@pytest.fixture(scope="module")
def do(run_command) -> Callable[..., str]:
    """Runs a command that must end well and in silence on stderr; returns what it printed."""

    def do(*command: str) -> str:
        done = run_command(*command)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return do


@pytest.fixture(scope="module")
def search(mini_supernet, tmp_path_factory, do) -> Path:
    """Workdir of a search without a stop."""
    workdir = tmp_path_factory.mktemp("road") / "search"
    do("search", f"--supernet={mini_supernet}", f"--workdir={workdir}", *SEARCH)
    return workdir


@pytest.fixture(scope="module")
def pick(search) -> Path:
    """The arch.json of the larger of the two picks."""
    return search / "picks" / "pick_2.json"


@pytest.fixture(scope="module")
def exported(mini_supernet, pick, tmp_path_factory, do) -> Path:
    """The pick in every format, with the supernet's weights."""
    output_dir = tmp_path_factory.mktemp("road") / "exported"
    do(
        "export",
        f"--model={pick}",
        f"--weights={mini_supernet}",
        "--format=savedmodel,tflite,onnx,keras",
        "--quantize=none,fp16",
        f"--output_dir={output_dir}",
    )
    return output_dir


def correct(output: str) -> int:
    """How many test images were right, of all of them."""
    return int(re.search(rf"(\d+) of {NUM_IMAGES} test images of synthetic", output)[1])


@pytest.fixture(scope="module")
def correct_in_supernet(mini_supernet, pick, do) -> int:
    return correct(do("evaluate", f"--model={pick}", f"--weights={mini_supernet}"))


def test_search_finds_networks_within_the_limits(search, mini_space):
    front = json.loads((search / "pareto.json").read_text())
    assert front
    for one in front:
        cost = count(mini_space.decode(one["genotype"]), 16, 10)
        assert (one["madds"], one["params"]) == (cost.madds, cost.params)
        assert one["accuracy"] > 0.2
    genotypes = [tuple(one["genotype"]) for one in front]
    for number in (1, 2):
        named = resolve(str(search / "picks" / f"pick_{number}.json"))
        assert named.space == mini_space
        assert named.genotype in genotypes
        assert (search / "picks" / f"pick_{number}.png").stat().st_size > 0
    for picture in ("pareto.png", "search_history.png"):
        assert (search / picture).stat().st_size > 0


def exports_of(workdir: Path) -> dict:
    """What the commands of a search's report name."""
    report = (workdir / "report.html").read_text()
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', report)
    return json.loads(data)["export"]


def test_reports_of_a_search_and_its_replay_export_from_the_supernet(search, mini_supernet, tmp_path, do):
    assert exports_of(search) == {"model": str(search / "space.json"), "weights": str(mini_supernet)}
    do("search", f"--replay={search}", f"--supernet={mini_supernet}", f"--workdir={tmp_path / 'replay'}")
    assert exports_of(tmp_path / "replay") == {
        "model": str(tmp_path / "replay" / "space.json"),
        "weights": str(mini_supernet),
    }


def test_command_of_a_report_exports_the_pick(search, mini_supernet, pick, tmp_path, do):
    named = resolve(str(pick))
    model = f"{search / 'space.json'}:{'-'.join(map(str, named.genotype))}"
    do(
        "export",
        f"--model={model}",
        f"--weights={mini_supernet}",
        "--format=tflite",
        f"--output_dir={tmp_path / 'out'}",
    )
    certificate = json.loads((tmp_path / "out" / "certificate.json").read_text())
    assert certificate["model"] == "_".join(["mini", *map(str, named.genotype)])  # as Keras may name it


def test_killed_search_ends_with_the_same_front(search, mini_supernet, tmp_path, start_command, do):
    command = ("search", f"--supernet={mini_supernet}", f"--workdir={tmp_path}", *SEARCH)
    process = start_command(*command)
    journal, deadline = tmp_path / "journal.jsonl", time.monotonic() + 900
    while not (journal.exists() and journal.read_bytes().count(b"\n") > 5):  # a header and five networks
        assert process.poll() is None, "the search ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "pareto.json").exists()
    with journal.open("a") as file:
        file.write('{"genotype": [0, 1')
    do(*command)
    for name in ("pareto.json", "picks/pick_1.json", "picks/pick_2.json"):
        assert (tmp_path / name).read_text() == (search / name).read_text()
    entries = [[json.loads(line) for line in (path / "journal.jsonl").open()] for path in (search, tmp_path)]
    timeless = [[{**entry, "seconds": 0} for entry in one] for one in entries]
    assert timeless[0] == timeless[1]


def test_supernets_path_is_worth_exporting(correct_in_supernet):
    assert NUM_IMAGES / 2 < correct_in_supernet < NUM_IMAGES


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_artifact_is_as_accurate_as_the_supernets_path(artifact, exported, correct_in_supernet, do):
    output = do("evaluate", f"--model={exported / artifact}", "--dataset=synthetic")
    assert abs(correct(output) - correct_in_supernet) <= ARTIFACTS[artifact]


def test_certificate_vouches_for_what_was_exported(exported, pick):
    certificate = json.loads((exported / "certificate.json").read_text())
    named = resolve(str(pick))
    assert certificate["arch"] == named.to_dict()
    assert certificate["fresh_weights"] is False
    assert certificate["stabilizers_left"] == 0
    assert certificate["stabilizers_removed"] == named.genotype.count(2)
    assert certificate["against_reference"]["max_rel_error"] < 1e-4
    assert set(certificate["formats"]) == {"savedmodel", "tflite", "tflite_fp16", "onnx", "keras"}
    for entry in certificate["formats"].values():
        assert (exported / entry["file"]).exists()


def test_pick_trains_on_and_is_exported_from_its_workdir(mini_supernet, pick, tmp_path, do):
    workdir, output_dir = tmp_path / "network", tmp_path / "exported"
    do(
        "train",
        f"--model={pick}",
        f"--weights={mini_supernet}",
        "--dataset=synthetic",
        "--image_size=16",
        "--batch_size=50",
        "--epochs=1",
        "--learning_rate=0.02",
        f"--workdir={workdir}",
    )
    first = json.loads((workdir / "metrics.jsonl").read_text().splitlines()[0])
    assert first["accuracy"] > 0.5  # in the first 20 steps: it did not start from scratch
    images = ("--dataset=synthetic", f"--num_images={NUM_IMAGES}")
    do("export", f"--model={workdir}", "--format=tflite", f"--output_dir={output_dir}", *images)
    certificate = json.loads((output_dir / "certificate.json").read_text())
    accuracy = certificate["formats"]["tflite"]["accuracy"]
    received = correct(do("evaluate", f"--model={workdir}"))
    assert abs(received - accuracy * NUM_IMAGES) <= 1
    assert received > NUM_IMAGES / 2


def test_published_network_exports_by_itself_with_a_warning(tmp_path, run_command):
    done = run_command(
        "export", "--model=scarlet_b", "--format=tflite", "--image_size=32", "--num_classes=10", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ("WARNING: no --weights given, scarlet_b is exported UNTRAINED, with random weights.\n")
    certificate = json.loads((tmp_path / "exported" / "scarlet_b" / "certificate.json").read_text())
    assert certificate["fresh_weights"] is True
    assert (tmp_path / "exported" / "scarlet_b" / "model.tflite").stat().st_size > 10_000_000
