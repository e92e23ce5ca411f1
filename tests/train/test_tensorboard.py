"""The event file of a training: what metrics.jsonl says, each step once."""

import subprocess
import sys

import pytest

from scarlet_tf.train.tensorboard import TensorBoardLog
from scarlet_tf.train.workdir import Workdir


def write(workdir, log, steps, loss):
    for step in steps:
        record = {"step": step, "epoch": step / 40, "loss": loss / step, "images_per_second": 100.5}
        workdir.append_metrics(record)
        log.write(record)


def agree(events, metrics):
    """As float32 holds the numbers."""
    assert len(events) == len(metrics)
    return all(event == pytest.approx(line, rel=1e-6) for event, line in zip(events, metrics, strict=True))


def test_events_are_the_metrics_and_on_disk_at_once(tmp_path, events, metrics):
    workdir = Workdir(tmp_path)
    log = TensorBoardLog(workdir)
    assert events(tmp_path) == []
    write(workdir, log, (20, 40, 60), loss=2.0)
    assert agree(events(tmp_path), metrics(tmp_path))


def test_resumed_run_has_each_step_once_and_loses_none(tmp_path, events, metrics):
    workdir = Workdir(tmp_path)
    write(workdir, TensorBoardLog(workdir), (20, 40, 60), loss=2.0)
    (file,) = workdir.tensorboard_dir.iterdir()
    file.write_bytes(file.read_bytes()[:-30])  # torn by a kill
    workdir.truncate_metrics(40)
    write(workdir, TensorBoardLog(workdir), (50, 60), loss=3.0)
    received = events(tmp_path)
    assert [event["step"] for event in received] == [20, 40, 50, 60]
    assert received[-1]["loss"] == pytest.approx(3 / 60)
    assert agree(received, metrics(tmp_path))


def test_training_writes_its_metrics_for_tensorboard(mini_network, events, metrics):
    assert agree(events(mini_network), metrics(mini_network))


READ_BY_TENSORBOARD = """
import sys
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
read = EventAccumulator(sys.argv[1]).Reload()
print([event.step for event in read.Tensors("loss")], read.SummaryMetadata("loss").plugin_data.plugin_name)
"""


def test_tensorboard_itself_reads_the_steps(tmp_path):
    pytest.importorskip("tensorboard")  # which the training does without
    workdir = Workdir(tmp_path)
    write(workdir, TensorBoardLog(workdir), (20, 40), loss=2.0)
    line = [sys.executable, "-c", READ_BY_TENSORBOARD, str(workdir.tensorboard_dir)]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.stdout == "[20, 40] scalars\n", done.stderr
