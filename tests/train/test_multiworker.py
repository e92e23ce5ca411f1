"""Training by several processes, which meet over TCP as on several hosts."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem

WORKER = """
import hashlib, runpy, sys
from scarlet_tf import command

command.start_tensorflow()
from scarlet_tf.train import training

train = training.train

def with_digest(*arguments):
    model = train(*arguments)
    print("weights", hashlib.sha256(b"".join(weight.numpy().tobytes() for weight in model.weights)).hexdigest())

training.train = with_digest
sys.argv[0] = "train"
runpy.run_module("scarlet_tf.train", run_name="__main__", alter_sys=True)
"""
"""The command, which also says which weights its process ends with."""


class Workers:
    """Two processes that run the command with the same flags, in an environment of their own each."""

    def __init__(self, output: Path, *flags: str) -> None:
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.addresses = [f"127.0.0.1:{opened.getsockname()[1]}" for opened in sockets]
        for opened in sockets:
            opened.close()
        self.processes, self.outputs, self.errors = [], [], []
        for index in range(2):
            task = {"cluster": {"worker": self.addresses}, "task": {"type": "worker", "index": index}}
            environment = os.environ | {
                "TF_CONFIG": json.dumps(task),
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "PYTHONPATH": str(Path(__file__).parents[2]),
            }
            self.outputs.append(Path(f"{output}.{index}.out"))
            self.errors.append(Path(f"{output}.{index}.err"))
            with self.outputs[-1].open("w") as out, self.errors[-1].open("w") as err:
                line = [sys.executable, "-c", WORKER, "--strategy=multiworker", *flags]
                self.processes.append(subprocess.Popen(line, env=environment, stdout=out, stderr=err))

    def wait(self) -> list[int]:
        return [process.wait(timeout=300) for process in self.processes]

    def weights(self) -> list[str]:
        return [line for out in self.outputs for line in out.read_text().splitlines() if line.startswith("weights ")]


@pytest.fixture
def start(tmp_path):
    """Starts workers, with a workdir in the test's directory; none is left when the test ends."""
    started = []

    def start(workdir, *flags):
        started.append(Workers(tmp_path / workdir, *flags, f"--workdir={tmp_path / workdir}"))
        return started[-1]

    yield start
    for workers in started:
        for process in workers.processes:
            process.kill()
            process.wait()


def wait_for_checkpoint(workers, workdir, step):
    state = workdir / "checkpoints" / "checkpoint"
    while not (state.exists() and f"step-{step}" in state.read_text()):
        assert all(process.poll() is None for process in workers.processes)
        time.sleep(0.005)


def test_workers_agree_and_a_killed_one_can_be_started_again(tmp_path, start, tensors, metrics):
    """The space is the smallest that holds all kinds of layers: these are six processes."""
    choices = (Choice(2, 3, se=True), SKIP)
    space = SearchSpace("two", Stem(4, stride=2), (Slot(6), Slot(6)), choices, Head(8))
    (tmp_path / "space.json").write_text(json.dumps(space.to_dict()))
    flags = (f"--space={tmp_path / 'space.json'}", "--dataset=synthetic", "--image_size=8", "--batch_size=500")
    flags = (*flags, "--epochs=9", "--warmup_epochs=1", "--learning_rate=0.2")  # 4 steps and a checkpoint each
    killed = start("killed", *flags)
    wait_for_checkpoint(killed, tmp_path / "killed", 8)
    killed.processes[0].kill()
    assert killed.processes[1].wait(timeout=60) == 1
    assert killed.errors[1].read_text() == (
        f"error: Lost the connection to worker {killed.addresses[0]}: its own output may say why. Run the same "
        "command on all workers again to go on.\n"
    )
    assert "step-36" not in (tmp_path / "killed" / "checkpoints" / "checkpoint").read_text()
    again, whole = start("killed", *flags), start("whole", *flags)
    assert again.wait() == whole.wait() == [0, 0]
    for workers in (again, whole):
        assert [errors.read_text() for errors in workers.errors] == ["", ""]
        assert "36/36" in workers.outputs[0].read_text()
        assert "36/36" not in workers.outputs[1].read_text()  # the chief alone reports
    assert len(again.weights() + whole.weights()) == 4
    assert len(set(again.weights() + whole.weights())) == 1
    expected, received = tensors(tmp_path / "whole"), tensors(tmp_path / "killed")
    assert received.keys() == expected.keys()
    assert [name for name in expected if expected[name].tobytes() != received[name].tobytes()] == []
    for workdir in ("whole", "killed"):
        lines = metrics(tmp_path / workdir)
        assert [line["step"] for line in lines] == list(range(4, 40, 4))
        left = sorted(path.name for path in (tmp_path / workdir).iterdir())
        assert left == ["checkpoints", "config.json", "data.json", "metrics.jsonl", "tensorboard"]
    assert metrics(tmp_path / "whole")[-1]["loss"] < metrics(tmp_path / "whole")[0]["loss"]
