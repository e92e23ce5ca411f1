"""Flagfiles of studies say the paper's full size, which is what their commands do by default."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FLAGS = Path(__file__).parents[2] / "flags"
STUDIES = ("stability", "extremes")
PARSE = """
import importlib, json, sys
from absl import flags
study, *line = sys.argv[1:]
module = importlib.import_module(f"scarlet_tf.studies.commands.{study}")
flags.FLAGS([study, *line])
config = module._STUDY.training() if study != "extremes" else module._STUDY.training(
    space=None, model=module.all_skip(module._STUDY.space))
print(json.dumps([module._STUDY.settings(), config.to_dict()]))
"""


def said(study: str, *line: str) -> tuple[dict, dict]:
    """What the flags of `line` make of the command's settings, and of its training."""
    done = subprocess.run([sys.executable, "-c", PARSE, study, *line], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tuple(json.loads(done.stdout))


def flagfile(study: str) -> Path:
    return FLAGS / f"analyze_{study}.flags"


@pytest.mark.parametrize("study", STUDIES)
def test_flagfile_is_what_the_command_does_by_default(study):
    assert said(study, f"--flagfile={flagfile(study)}") == said(study)


@pytest.mark.parametrize("study", STUDIES)
def test_header_says_how_to_run_it(study):
    header = [line for line in flagfile(study).read_text().splitlines() if line.startswith("#")]
    name = f"analyze_{study}.flags"
    assert f"python -m scarlet_tf.analyze {study} --flagfile=flags/{name}" in " ".join(header)
    assert any("Needs" in line for line in header)
    assert any("Expect" in line for line in header)


def test_stability_is_of_the_papers_supernets():
    settings, training = said("stability")
    assert (settings["stabilizers"], settings["methods"]) == (["els", "skip"], ["fair", "spos"])
    assert (settings["paths"], settings["images"], settings["seeds"]) == (1000, None, ["0"])
    expected = {"space": "s1", "dataset": "imagenet2012", "image_size": 224, "batch_size": 256, "epochs": 60}
    expected |= {"optimizer": "sgd", "learning_rate": 0.045, "schedule": "cosine", "weight_decay": 4e-5}
    assert {name: training[name] for name in expected} == expected


def test_extremes_are_trained_as_imagenet_scratch_trains_networks():
    lines = (FLAGS / "imagenet_scratch.flags").read_text().splitlines()
    scratch = dict(line.removeprefix("--").split("=") for line in lines if line.startswith("--"))
    del scratch["model"]
    _, training = said("extremes")
    assert {name: type(training[name])(value) for name, value in scratch.items()} == {
        name: training[name] for name in scratch
    }
    assert (training["model"]["space"], training["auto_augment"], training["weights"]) == ("s1", "none", None)


@pytest.mark.parametrize("study", STUDIES)
def test_quick_leaves_given_flags_alone(study):
    line = (f"--flagfile={flagfile(study)}", "--workdir=out")
    before, _ = said(study, *line)
    code = PARSE.replace("config =", "module._STUDY.read()\nconfig =")
    done = subprocess.run(
        [sys.executable, "-c", code, study, "--workdir=out", "--quick", "--epochs=7"], capture_output=True
    )
    settings, training = json.loads(done.stdout)
    assert (settings["epochs"], training["epochs"]) == (7, 7)
    assert (settings["dataset"], settings["space"]) == ("fashion_mnist_small", "small")
    assert before["dataset"] == "imagenet2012"
