"""A search whose images two processes share, which meet over TCP as on two hosts."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem
from scarlet_tf.train.config import TrainConfig

SPACE = SearchSpace("mini", Stem(4), (Slot(6, stride=2), Slot(6)), (Choice(3, 3), Choice(6, 3), SKIP), Head(8))
SEARCH = ("--population=3", "--generations=3", "--acc_min=0", "--madds_max=1e9", "--max_images=50", "--bn=recalibrate")
SHARED = ("--recalibration_images=20", "--eval_batch_size=8", "--pick=1")


@pytest.fixture(scope="module")
def supernet(tmp_path_factory):
    from scarlet_tf.train.training import train

    workdir = tmp_path_factory.mktemp("supernet")
    train(TrainConfig("fashion_mnist_small", 28, space=SPACE, batch_size=16, steps=4), workdir)
    return workdir


def _start(supernet, workdir, *flags, task=None):
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(Path(__file__).parents[2])}
    if task is not None:
        environment["TF_CONFIG"] = json.dumps(task)
    line = [sys.executable, "-m", "scarlet_tf.search", f"--supernet={supernet}", f"--workdir={workdir}"]
    return subprocess.Popen(
        [*line, *SEARCH, *SHARED, *flags], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _individuals(workdir):
    lines = map(json.loads, (workdir / "journal.jsonl").read_text().splitlines())
    return [{**line, "seconds": None} for line in lines if "genotype" in line]


def test_two_hosts_find_what_one_finds(supernet, tmp_path):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{opened.getsockname()[1]}" for opened in sockets]
    for opened in sockets:
        opened.close()
    both = [
        _start(
            supernet,
            tmp_path / "two",
            "--strategy=multiworker",
            task={"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}},
        )
        for index in range(2)
    ]
    outputs = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert "networks evaluated" in outputs[0][0]
    assert outputs[1][0] == ""  # who only helps has nothing to tell
    alone = _start(supernet, tmp_path / "one")
    assert alone.wait(timeout=300) == 0, alone.stderr.read()
    assert _individuals(tmp_path / "two") == _individuals(tmp_path / "one")
