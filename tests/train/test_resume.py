"""A training that is killed and started again ends as if it had not been."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from scarlet_tf.train.checkpoints import Checkpoints
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.training import train

TEARS = {
    "step-160.data-00000-of-00001": b"half of a checkp",
    "step-160.index": b"",
    "step-160.data-00000-of-00001.tempstate12345": b"half",
    "checkpoint.tmp0123456789": b"model_checkpoint_pa",
}
"""What a kill in the middle of writing a checkpoint may leave."""


def kill_after(process: subprocess.Popen, workdir: Path, step: int) -> None:
    """Kills `process` once the checkpoint of `step` is there, which is before its last one."""
    deadline = time.monotonic() + 900
    state = workdir / "checkpoints" / "checkpoint"
    while not (state.exists() and f"step-{step}" in state.read_text()):
        assert process.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert "step-160" not in state.read_text()


@pytest.mark.parametrize("kind", ["supernet", "network"])
def test_killed_training_ends_with_the_same_bits(kind, request, tmp_path, run_command, start_command, tensors, metrics):
    whole, flags = request.getfixturevalue(f"mini_{kind}"), request.getfixturevalue(f"{kind}_flags")
    workdir = tmp_path / "killed"
    command = ("train", *flags, f"--workdir={workdir}")
    kill_after(start_command(*command), workdir, 40)
    kill_after(start_command(*command), workdir, 120)
    for name, content in TEARS.items():
        (workdir / "checkpoints" / name).write_bytes(content)
    with (workdir / "metrics.jsonl").open("a") as file:
        file.write('{"step": 9999, "epoch": 249.97, "lo')
    done = run_command(*command)
    assert (done.returncode, done.stderr) == (0, "")
    expected, received = tensors(whole), tensors(workdir)
    assert received.keys() == expected.keys()
    assert any(name.startswith("optimizer/") and expected[name].any() for name in expected)
    different = [name for name in expected if expected[name].tobytes() != received[name].tobytes()]
    assert different == []
    timeless = [[{**line, "images_per_second": 0} for line in metrics(path)] for path in (whole, workdir)]
    assert timeless[0] == timeless[1]


def test_finished_training_does_nothing(mini_network, network_flags, run_command, digest):
    before = digest(mini_network)
    done = run_command("train", *network_flags, f"--workdir={mini_network}")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", f"trained: {mini_network}\n")
    assert digest(mini_network) == before


def test_diverging_training_keeps_its_last_good_checkpoint(tmp_path, mini_files, run_command, tensors, metrics):
    done = run_command(
        "train",
        f"--space={mini_files / 'space.json'}",
        "--dataset=synthetic",
        "--image_size=8",
        "--batch_size=40",  # 50 steps an epoch
        "--epochs=4",
        "--steps=150",
        "--warmup_epochs=2",
        "--learning_rate=10",
        "--weight_decay=1",  # from a rate of about 4 on, step 40, weights grow at every step
        f"--workdir={tmp_path}",
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    for words in (
        "error: Training diverged by step ",
        ": the loss is ",
        "Last good checkpoint: ",
        "Try a lower --learning_rate",
    ):
        assert words in done.stderr
    last = max(int(path.stem.removeprefix("step-")) for path in (tmp_path / "checkpoints").glob("*.index"))
    assert f"/checkpoints/step-{last}." in done.stderr
    saved = tensors(tmp_path)
    assert len(saved) > 20
    assert all(np.isfinite(value).all() for value in saved.values() if value.dtype.kind == "f")
    assert all(np.isfinite(line["loss"]) for line in metrics(tmp_path))


MIRRORED = """
import runpy, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.argv[0] = "train"
runpy.run_module("scarlet_tf.train", run_name="__main__", alter_sys=True)
"""


def test_two_devices_train_and_resume(tmp_path, supernet_flags, mini_supernet, metrics, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    workdir = tmp_path / "mirrored"
    flags = [*supernet_flags, "--epochs=3", "--strategy=mirrored", f"--workdir={workdir}"]
    line = [sys.executable, "-c", MIRRORED, *flags]
    with (tmp_path / "stderr").open("w") as stderr:
        kill_after(subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=stderr), workdir, 80)
        done = subprocess.run(line, stdout=subprocess.DEVNULL, stderr=stderr)
    assert done.returncode == 0, (tmp_path / "stderr").read_text()[-2000:]
    lines = metrics(workdir)
    assert [line["step"] for line in lines] == [20, 40, 60, 80, 100, 120]
    first, last = lines[0]["loss"], lines[-1]["loss"]
    assert abs(first - metrics(mini_supernet)[0]["loss"]) < 0.05  # a sum over devices, or half of it, is far off
    assert last < first / 2


RECIPE = (
    "--optimizer=rmsprop",
    "--learning_rate=0.01",
    "--schedule=exponential",
    "--decay_epochs=0.7",
    "--auto_augment=cifar10",
    "--new_classifier",
    "--freeze=stem",
    "--layer_decay=0.8",
    "--ema_decay=0.99",
    "--epochs=3",
)


def test_killed_fine_tuning_ends_with_the_same_bits(
    tmp_path, network_flags, mini_network, run_command, start_command, tensors
):
    flags = (*network_flags, *RECIPE, f"--weights={mini_network}")
    done = run_command("train", *flags, f"--workdir={tmp_path / 'whole'}")
    assert (done.returncode, done.stderr) == (0, "")
    command = ("train", *flags, f"--workdir={tmp_path / 'killed'}")
    kill_after(start_command(*command), tmp_path / "killed", 40)
    done = run_command(*command)
    assert (done.returncode, done.stderr) == (0, "")
    expected, received = tensors(tmp_path / "whole"), tensors(tmp_path / "killed")
    assert received.keys() == expected.keys()
    different = {name for name in expected if expected[name].tobytes() != received[name].tobytes()}
    assert different <= {"_CHECKPOINTABLE_OBJECT_GRAPH"}  # which has the layers' names, new in every model of a process
    assert "step-120" in (tmp_path / "killed" / "checkpoints" / "checkpoint").read_text()


def test_sampled_training_that_stopped_ends_with_the_same_bits(tmp_path, mini_space, monkeypatch, tensors):
    config = TrainConfig("synthetic", 16, mini_space, method="spos", batch_size=50, steps=60, learning_rate=0.2)
    train(config, tmp_path / "whole")
    save = Checkpoints.save

    def save_and_stop(self: Checkpoints, step: int) -> None:
        save(self, step)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            train(config, tmp_path / "stopped")
    assert (tmp_path / "stopped/checkpoints/step-40.index").exists()
    train(config, tmp_path / "stopped")
    expected, received = tensors(tmp_path / "whole"), tensors(tmp_path / "stopped")
    assert received.keys() == expected.keys()
    different = {name for name in expected if expected[name].tobytes() != received[name].tobytes()}
    assert different <= {"_CHECKPOINTABLE_OBJECT_GRAPH"}  # which has the layers' names, new in every model of a process
