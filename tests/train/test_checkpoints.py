"""Checkpoints that were damaged after they were written, and writing them where there is no room."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.errors import InputError, RunError
from scarlet_tf.models import load_model
from scarlet_tf.train.checkpoints import Checkpoints
from scarlet_tf.train.workdir import Workdir
from scarlet_tf.weights import WeightsSource

DATA = ".data-00000-of-00001"


def flip(path: Path) -> None:
    """Changes one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero(path: Path) -> None:
    """What a power cut may leave of a file that was not synced."""
    path.write_bytes(bytes(path.stat().st_size))


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES = [(how, suffix) for how in (flip, halve, zero, empty, Path.unlink) for suffix in (DATA, ".index")]
IDS = [f"{how.__name__}{suffix}" for how, suffix in DAMAGES]


@pytest.fixture
def layer() -> tf.keras.Model:
    """A model of one kernel, (3, 4), and its bias."""
    model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(4)])
    model.get_layer(index=0).set_weights([np.zeros((3, 4)), np.zeros(4)])
    return model


@pytest.fixture
def workdir(tmp_path: Path, layer: tf.keras.Model) -> Workdir:
    """With the checkpoints 10, 20, 30, in each of which all weights are the step's number. `layer` ends with zeros."""
    workdir = Workdir(tmp_path)
    checkpoints = Checkpoints(workdir, layer)
    for step in (10, 20, 30):
        fill(layer, step)
        checkpoints.save(step)
    fill(layer, 0)
    return workdir


def fill(model: tf.keras.Model, value: float) -> None:
    model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])


def values(model: tf.keras.Model) -> set[float]:
    return {float(value) for weight in model.get_weights() for value in weight.ravel()}


def steps(workdir: Workdir) -> set[str]:
    return {path.stem for path in workdir.checkpoint_dir.glob("*.index")}


@pytest.mark.parametrize(("how", "suffix"), DAMAGES, ids=IDS)
def test_one_before_a_damaged_checkpoint_is_used(how, suffix, workdir, layer, capsys, digest):
    how(workdir.checkpoint_dir / f"step-30{suffix}")
    before = digest(workdir.path)
    assert Checkpoints(workdir, layer).restore() == workdir.checkpoint_dir / "step-20"
    assert values(layer) == {20.0}
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1
    assert warning.startswith(f"WARNING: damaged: {workdir.checkpoint_dir}/step-30 (")
    assert warning.endswith(f"Used instead: {workdir.checkpoint_dir}/step-20.\n")
    assert digest(workdir.path) == before


@pytest.mark.parametrize("how", [empty, zero, halve, Path.unlink])
def test_newest_whole_checkpoint_is_used_where_the_state_names_none(how, workdir, layer, capsys):
    state = workdir.checkpoint_dir / "checkpoint"
    state.write_text(state.read_text()[:30]) if how is halve else how(state)
    halve(workdir.checkpoint_dir / f"step-30{DATA}")
    assert Checkpoints(workdir, layer).restore() == workdir.checkpoint_dir / "step-20"
    assert values(layer) == {20.0}
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1
    assert (f"{state} (it names no checkpoint); " in warning) == (how is not Path.unlink)


def test_no_whole_checkpoint_is_an_input_error_that_names_them(workdir, layer, digest):
    for step in (10, 20, 30):
        halve(workdir.checkpoint_dir / f"step-{step}{DATA}")
    before = digest(workdir.path)
    with pytest.raises(InputError, match=r"step-30 \(.*step-20 \(.*step-10 \(.*another --workdir") as raised:
        Checkpoints(workdir, layer).restore()
    assert "\n" not in str(raised.value)
    assert (values(layer), digest(workdir.path)) == ({0.0}, before)


def test_first_checkpoint_torn_by_a_kill_is_none(tmp_path, workdir, layer, capsys):
    young = Workdir(tmp_path / "young")
    young.checkpoint_dir.mkdir(parents=True)
    for suffix in (DATA, ".index"):
        shutil.copy(workdir.checkpoint_dir / f"step-30{suffix}", young.checkpoint_dir)
    empty(young.checkpoint_dir / "step-30.index")
    checkpoints = Checkpoints(young, layer)
    assert (checkpoints.restore(), checkpoints.latest, capsys.readouterr().err) == (None, None, "")


def test_checkpoint_of_other_variables_is_no_damage(workdir):
    other = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(5)])
    with pytest.raises(InputError, match="step-30 must be a checkpoint of what config"):
        Checkpoints(workdir, other).restore()


def test_damaged_checkpoint_goes_when_a_good_one_has_its_step(workdir, layer):
    halve(workdir.checkpoint_dir / f"step-30{DATA}")
    torn = [workdir.checkpoint_dir / name for name in (f"step-10{DATA}.tempstate123", "step-25_temp")]
    torn[0].touch()
    torn[1].mkdir()
    (torn[1] / f"part-00000-of-00001{DATA}").touch()
    checkpoints = Checkpoints(workdir, layer)
    checkpoints.restore()
    checkpoints.save(25)
    assert steps(workdir) == {"step-10", "step-20", "step-25", "step-30"}
    assert not any(path.exists() for path in torn)
    checkpoints.save(35)
    assert steps(workdir) == {"step-20", "step-25", "step-35"}
    assert tf.train.latest_checkpoint(str(workdir.checkpoint_dir)) == str(workdir.checkpoint_dir / "step-35")


def test_checkpoint_is_synced_before_it_is_named(workdir, layer, monkeypatch):
    state, seen = workdir.checkpoint_dir / "checkpoint", []
    monkeypatch.setattr(
        "scarlet_tf.train.checkpoints.sync", lambda path: seen.append((path.name, "step-40" in state.read_text()))
    )
    checkpoints = Checkpoints(workdir, layer)
    checkpoints.restore()
    checkpoints.save(40)
    assert set(seen[:2]) == {(f"step-40{DATA}", False), ("step-40.index", False)}
    assert seen[2:] == [("checkpoints", False), ("checkpoints", True)]


def test_training_and_readers_go_on_from_the_one_before(
    tmp_path, mini_network, network_flags, mini_arch, run_command, tensors, capsys
):
    damaged = tmp_path / "network"
    shutil.copytree(mini_network, damaged)
    flip(damaged / "checkpoints" / f"step-160{DATA}")
    model = load_model(mini_arch, WeightsSource.find(mini_arch, str(damaged))).model
    assert f"{damaged}/checkpoints/step-160 (" in capsys.readouterr().err
    before = tf.train.load_checkpoint(str(mini_network / "checkpoints" / "step-120"))
    for place, variable in enumerate(model.variables):
        np.testing.assert_array_equal(variable, before.get_tensor(f"model/{place}/.ATTRIBUTES/VARIABLE_VALUE"))
    done = run_command("train", *network_flags, f"--workdir={damaged}")
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"WARNING: damaged: {damaged}/checkpoints/step-160 (")
    check_same(tensors(mini_network), tensors(damaged))


def check_same(expected: dict[str, np.ndarray], received: dict[str, np.ndarray]) -> None:
    assert received.keys() == expected.keys()
    assert [name for name in expected if expected[name].tobytes() != received[name].tobytes()] == []


WITHOUT_ROOM = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes}, {bytes}))  # no file may grow beyond
sys.argv[0] = "train"
runpy.run_module("scarlet_tf.train", run_name="__main__", alter_sys=True)
"""


def test_full_disk_keeps_the_last_good_checkpoint(
    tmp_path, mini_supernet, supernet_flags, run_command, tensors, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    workdir = tmp_path / "supernet"
    shutil.copytree(mini_supernet, workdir)
    flip(workdir / "checkpoints" / "step-160.index")
    flags = [*supernet_flags, f"--workdir={workdir}"]
    room = (workdir / "checkpoints" / f"step-160{DATA}").stat().st_size // 2
    line = [sys.executable, "-c", WITHOUT_ROOM.format(bytes=room), *flags]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    warning, error = done.stderr.splitlines()
    assert warning.startswith("WARNING: damaged: ")
    assert error.startswith(f"error: {workdir}/checkpoints/step-160 could not be written: ")
    assert f"Last good checkpoint: {workdir}/checkpoints/step-120. Make room" in error
    done = run_command("train", *flags)
    assert done.returncode == 0, done.stderr
    check_same(tensors(mini_supernet), tensors(workdir))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_metrics_without_room_name_the_last_good_checkpoint(workdir, layer):
    checkpoints = Checkpoints(workdir, layer)
    checkpoints.restore()
    with (
        pytest.raises(RunError, match=r"metrics\.jsonl could not be written: .* Last good checkpoint: .*step-30\."),
        checkpoints.writing(workdir.metrics_path),
        Path("/dev/full").open("w") as full,
    ):
        full.write("line")


def test_checkpoint_that_cannot_be_written_leaves_nothing(workdir, layer, monkeypatch):
    checkpoints = Checkpoints(workdir, layer)
    checkpoints.restore()

    def write_half(prefix: str) -> None:
        Path(f"{prefix}{DATA}").write_bytes(b"half")
        Path(f"{prefix}_temp").mkdir()
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device\nin detail")

    monkeypatch.setattr(checkpoints._checkpoint, "write", write_half)
    with pytest.raises(RunError, match=r"step-40 could not be written: No space left on device\. .*: .*step-30\."):
        checkpoints.save(40)
    assert steps(workdir) == {"step-10", "step-20", "step-30"}
    assert list(workdir.checkpoint_dir.glob("step-40*")) == []
