"""Studies answer for help, and refuse bad flags, without TensorFlow."""

import pytest

STUDIES = ("similarity", "features")


@pytest.mark.parametrize("study", STUDIES)
def test_help_names_the_flags(without_tensorflow, study):
    done = without_tensorflow("analyze", study, "--help")
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
def test_bad_flags_are_refused_in_a_line(without_tensorflow, study, flags, said, tmp_path):
    done = without_tensorflow("analyze", study, *flags, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {said}")
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
