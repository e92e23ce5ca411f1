"""The command `analyze constraint`: over a table without TensorFlow, and over a supernet that it trains or is given."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem

ROOT = Path(__file__).parents[2]
SLOTS = (Slot(6, stride=2), Slot(6), Slot(8, stride=2), Slot(8))
SPACE = SearchSpace("tiny", Stem(4), SLOTS, (Choice(3, 3), Choice(6, 5), SKIP), Head(16))
GENOTYPES = [f"{a}{b}{c}{d}" for a in range(3) for b in range(3) for c in range(3) for d in range(3)]
EVALUATOR = "--evaluator=table:table.json"
TABLE = (EVALUATOR, "--space=space.json", "--image_size=32", "--num_classes=10")
SMALL = ("--population=8", "--generations=3", "--seeds=0,1")
STUDY = ("analyze", "constraint")
PARSE = """
import json, sys
from absl import flags
from scarlet_tf.studies.commands import constraint
flags.FLAGS(["constraint", f"--flagfile={sys.argv[1]}", "--workdir=out"])
print(json.dumps(constraint._FLAGS.settings()))
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "space.json").write_text(json.dumps(SPACE.to_dict()))
    table = {text: round(0.9 - 0.2 * text.count("2"), 1) for text in GENOTYPES}
    (tmp_path / "table.json").write_text(json.dumps(table))
    return tmp_path


def test_a_table_is_searched_and_reported_the_same_again(without_tensorflow, place):
    line = (*TABLE, *SMALL, "--acc_min=0.6", "--workdir=out")
    done = without_tensorflow(*STUDY, *line, cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    out = place / "out"
    numbers = json.loads((out / "numbers.json").read_text())
    assert (numbers["acc_min"], numbers["seeds"], numbers["acc_min_is"]) == (0.6, [0, 1], "given")
    assert min(one["acc"] for front in numbers["fronts"]["with"] for one in front) > 0.6
    assert (out / "constraint.png").stat().st_size > 0
    command = f"python -m scarlet_tf.analyze constraint {' '.join(line)}"
    assert command in (out / "report.md").read_text()
    shutil.rmtree(out / "kept")
    (out / "report.md").unlink()
    without_tensorflow(*STUDY, *line, cwd=place)
    assert json.loads((out / "numbers.json").read_text()) == numbers
    other = without_tensorflow(*STUDY, *line, "--population=9", cwd=place)
    assert (other.returncode, other.stderr.count("\n")) == (2, 1)
    assert "--population: 8 -> 9" in other.stderr


BAD_INPUT = [
    (("--acc_min=0.6",), "--workdir must be given"),
    (("--workdir=out", "--evaluator=oracle"), "--evaluator must be supernet or table:FILE. Received: 'oracle'"),
    (("--workdir=out", "--evaluator=table:"), "--evaluator must be supernet or table:FILE. Received: 'table:'"),
    (("--workdir=out", *TABLE), "--acc_min must be an accuracy, as 0.4 for 40%, or median. Received: none"),
    (("--workdir=out", *TABLE, "--acc_min=high"), "--acc_min must be an accuracy, as 0.4 for 40%, or median"),
    (("--workdir=out", *TABLE, "--acc_min=0.95"), "No network meets --acc_min=0.95"),
    (("--workdir=out", *TABLE, "--acc_min=0.6", "--madds_max=1"), "No network meets --madds_max=1"),
    (("--workdir=out", *TABLE, "--acc_min=0.6", "--epochs=3"), "--epochs must be left out with --evaluator=table"),
    (("--workdir=out", *TABLE[:3], "--acc_min=0.6"), "--num_classes must be given with --evaluator=table"),
    (("--workdir=out", *TABLE, "--acc_min=0.6", "--seeds=1,1"), "--seeds must be different whole numbers"),
    (("--workdir=out", *TABLE, "--acc_min=0.6", "--population=1"), "--population must be a whole number of at least 2"),
    (("--workdir=out", "--supernet=nowhere"), "--supernet must be the --workdir of a training"),
    (("--workdir=out", "--supernet=nowhere", "--space=s1"), "--space must be left out with --supernet"),
    (("--workdir=out", "--num_classes=10"), "--num_classes must be left out with --evaluator=supernet"),
    (("--workdir=table.json", *TABLE, "--acc_min=0.6"), "--workdir must be a directory"),
]


@pytest.mark.parametrize(("flags", "said"), BAD_INPUT, ids=[" ".join(flags[-1:]) for flags, _ in BAD_INPUT])
def test_bad_input_is_one_line_and_changes_nothing(without_tensorflow, place, digest, flags, said):
    before = digest(place)
    done = without_tensorflow(*STUDY, *flags, cwd=place)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert digest(place) == before


def test_help_needs_no_tensorflow(without_tensorflow, place):
    done = without_tensorflow(*STUDY, "--help", cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--acc_min" in done.stdout


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "analyze_constraint.flags",
            {"evaluator": "supernet", "acc_min": "0.4", "madds_max": 500e6, "population": 70, "generations": 120},
        ),
        (
            "analyze_constraint_nas_bench_macro.flags",
            {"space": "nas_bench_macro", "image_size": 32, "num_classes": 10, "acc_min": "0.91", "generations": 20},
        ),
    ],
)
def test_flagfiles_say_what_they_should(name, expected):
    path = ROOT / "flags" / name
    done = subprocess.run([sys.executable, "-c", PARSE, str(path)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert {key: said[key] for key in expected} == expected
    assert f"python -m scarlet_tf.analyze constraint --flagfile=flags/{name}" in path.read_text()


def test_a_supernet_is_trained_and_searched_and_then_given(mini_files, run_command, tmp_path):
    """With the supernet of the first study, the second one goes on in the midst of its last search of four, and finds
    the same."""
    sizes = ("--population=4", "--generations=2", "--seeds=1,2", "--max_images=40", "--recalibration_images=40")
    data = (f"--space={mini_files / 'space.json'}", "--dataset=synthetic", "--image_size=16", "--steps=4")
    study, given = tmp_path / "study", tmp_path / "given"
    done = run_command("analyze", "constraint", "--quick", *data, *sizes, f"--workdir={study}")
    assert done.returncode == 0, done.stderr
    numbers = json.loads((study / "numbers.json").read_text())
    assert "one-shot accuracies on 40 validation images of synthetic (recalibrated BN" in numbers["accuracies"]
    journal = Path("searches") / "with_2" / "journal.jsonl"
    lines = (study / journal).read_bytes().splitlines(keepends=True)
    header, *entries = map(json.loads, lines)
    assert (header["config"]["acc_min"], header["config"]["seed"]) == (numbers["acc_min"], 2)
    assert header["evaluator"]["recalibration_images"] == 40
    known = {tuple(entry["genotype"]): entry["measures"]["acc"] for entry in entries if "genotype" in entry}
    assert numbers["fronts"]["with"][1]
    for one in numbers["fronts"]["with"][1]:
        assert known[tuple(one["genotype"])] == one["acc"] > numbers["acc_min"]

    (given / journal).parent.mkdir(parents=True)
    (given / journal).write_bytes(b"".join(lines[:3]))
    shutil.copytree(study / "kept", given / "kept", ignore=shutil.ignore_patterns("with_2.json"))
    settings = (f"--supernet={study / 'fair_els_0'}", "--acc_min=median", "--bn=recalibrate")
    done = run_command("analyze", "constraint", *settings, *sizes, f"--workdir={given}")
    assert done.returncode == 0, done.stderr
    assert json.loads((given / "numbers.json").read_text()) == numbers
    assert (given / journal).read_bytes().count(b"\n") == len(lines)
