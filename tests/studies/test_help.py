"""Studies answer for help, and refuse bad flags, without TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUDIES = ("similarity", "features")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a study where TensorFlow and Keras cannot be imported."""
    blocked = tmp_path_factory.mktemp("blocked")
    for name in ("tensorflow", "keras"):
        (blocked / f"{name}.py").write_text(f"raise RuntimeError('{name} was imported')\n")
    environment = os.environ | {"PYTHONPATH": f"{blocked}{os.pathsep}{ROOT}"}

    def run(*arguments: str) -> subprocess.CompletedProcess:
        line = [sys.executable, "-m", "scarlet_tf.analyze", *arguments]
        return subprocess.run(line, env=environment, capture_output=True, text=True)

    return run


@pytest.mark.parametrize("study", STUDIES)
def test_help_names_the_flags(run, study):
    done = run(study, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"python -m scarlet_tf.analyze {study}\n")
    for flag in ("workdir", "quick", "supernets", "slot", "epochs"):
        assert f"  --{flag}: " in done.stdout


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "--workdir must be given"),
        (("--workdir=study", "--space=none"), "A space is one of"),
        (("--workdir=study", "--supernets=nowhere"), "--supernets must be the --workdir of a training"),
        (("--workdir=study", "--quick", "--slot=7"), "--slot must be"),
    ],
)
def test_bad_flags_are_refused_in_a_line(run, study, flags, said):
    done = run(study, *flags)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {said}")
    assert len(done.stderr.splitlines()) == 1
