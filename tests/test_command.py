"""Commands: flags, help, and errors as one line, on a command of a few lines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import scarlet_tf

TINY = '''"""Counts sheep.

More about sheep."""

from absl import flags

from scarlet_tf import command
from scarlet_tf.errors import InputError

_SHEEP = flags.DEFINE_integer("sheep", 3, "How many sheep.", lower_bound=0)
_COLOUR = flags.DEFINE_enum("colour", "white", ["white", "black"], "Their colour.")
_NAME = flags.DEFINE_string("name", None, "The name of one.")


def main() -> None:
    if _NAME.value == "wolf":
        raise InputError("--name must be a sheep.\\nReceived: wolf.")
    if _NAME.value == "interrupt":
        raise KeyboardInterrupt
    if _NAME.value == "bug":
        raise RuntimeError("a fault of ours")
    if _NAME.value == "full":
        with open("/dev/full", "w") as file:
            file.write("sheep")
    print(_SHEEP.value, _COLOUR.value)


if __name__ == "__main__":
    command.run(main, globals())
'''

FARM = '''"""Keeps animals."""

from scarlet_tf import command

if __name__ == "__main__":
    command.run_subcommand({"count": "farm.counting", "feed": "farm.feeding"}, globals())
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with the command as a file, `tiny.py`, as a package, `herd`, and as a subcommand, of `farm`."""
    path = tmp_path_factory.mktemp("command")
    (path / "tiny.py").write_text(TINY)
    (path / "herd").mkdir()
    (path / "herd" / "__init__.py").write_text("")
    (path / "herd" / "__main__.py").write_text(TINY)
    (path / "farm").mkdir()
    (path / "farm" / "__init__.py").write_text("")
    (path / "farm" / "__main__.py").write_text(FARM)
    (path / "farm" / "counting.py").write_text(TINY.split("if __name__")[0])
    (path / "good.flags").write_text("# many\n--sheep=7\n--colour=black\n")
    return path


@pytest.fixture
def run(place):
    def run_it(*arguments: str, how: tuple[str, ...] = ("-m", "tiny")) -> subprocess.CompletedProcess:
        environment = os.environ | {"PYTHONPATH": str(Path(scarlet_tf.__file__).parents[1])}
        line = [sys.executable, *how, *arguments]
        return subprocess.run(line, cwd=place, env=environment, capture_output=True, text=True)

    return run_it


def test_command_runs_with_its_flags(run):
    done = run("--sheep=5", "--colour", "black")
    assert (done.returncode, done.stdout, done.stderr) == (0, "5 black\n", "")


def test_command_reads_a_flagfile_which_later_flags_override(run):
    assert run("--flagfile=good.flags").stdout == "7 black\n"
    assert run("--flagfile=good.flags", "--sheep=1").stdout == "1 black\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sheeps=5"], ["sheeps", "Did you mean: sheep"]),
        (["many"], ["--flag=value", "'many'"]),
        (["--sheep=many"], ["--sheep=many"]),
        (["--sheep=-1"], ["--sheep=-1"]),
        (["--colour=red"], ["--colour=red", "white|black"]),
        (["--sheep"], ["sheep"]),
        (["--flagfile=none.flags"], ["none.flags"]),
        (["--name=wolf"], ["--name must be a sheep. Received: wolf."]),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, arguments, said):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith("\n")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    for words in said:
        assert words in done.stderr


@pytest.mark.parametrize(
    ("how", "usage"),
    [
        (("-m", "tiny"), "python -m tiny"),
        (("-m", "herd"), "python -m herd"),
        (("tiny.py",), "python tiny.py"),
    ],
)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_prints_the_docstring_and_every_flag(run, how, usage, flag):
    done = run(flag, how=how)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == usage
    assert lines[2:5] == ["Counts sheep.", "", "More about sheep."]
    flags = lines[lines.index("Flags:") + 1 :]
    assert flags == [
        "  --colour: <white|black>: Their colour. (default: 'white')",
        "  --name: The name of one.",
        "  --sheep: How many sheep. (default: '3')",
        "  --flagfile: a file with a flag a line.",
    ]


def test_help_wins_over_bad_flags(run):
    assert run("--sheep=many", "--help").returncode == 0


def test_interrupt_is_one_line_and_exit_code_130(run):
    done = run("--name=interrupt")
    assert (done.returncode, done.stderr.count("\n")) == (130, 1)
    assert "Traceback" not in done.stderr


def test_fault_of_ours_keeps_its_traceback(run):
    done = run("--name=bug")
    assert done.returncode == 1
    assert "RuntimeError: a fault of ours" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_full_disk_is_one_line_and_exit_code_1(run):
    done = run("--name=full")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: [Errno 28] No space left on device. Make room on the disk and run the same command again.\n"
    )


HOW = ("-m", "farm")


def test_subcommand_has_flags_of_its_own(run):
    done = run("count", "--sheep=5", "--flagfile=good.flags", "--sheep=6", how=HOW)
    assert (done.returncode, done.stdout, done.stderr) == (0, "6 black\n", "")
    done = run("count", "--help", how=HOW)
    assert done.stdout.splitlines()[:3] == ["python -m farm count", "", "Counts sheep."]
    assert "  --sheep: How many sheep. (default: '3')" in done.stdout.splitlines()


def test_subcommands_are_listed(run):
    done = run("--help", how=HOW)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert (lines[0], lines[2]) == ("python -m farm count|feed", "Keeps animals.")
    assert "python -m farm feed --help" in lines


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "one of count, feed. Received: none."),
        (["shear"], "one of count, feed. Received: 'shear'."),
        (["--sheep=5"], "one of count, feed. Received: '--sheep=5'."),
        (["count", "feed"], "Arguments are given as --flag=value. Received: 'feed'."),
        (["count", "--goats=1"], "goats"),
    ],
)
def test_bad_subcommand_is_one_line_and_exit_code_2(run, arguments, said):
    done = run(*arguments, how=HOW)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
