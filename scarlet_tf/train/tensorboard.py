"""The metrics of a training as an event file, which TensorBoard draws."""

import shutil
import time

import tensorflow as tf

from scarlet_tf.train.workdir import Workdir


class TensorBoardLog:
    """Writes what `metrics.jsonl` of `workdir` holds to `tensorboard/`, a scalar a number, by step.

    A run that goes on after a kill begins the directory anew, from `metrics.jsonl`: events past its checkpoint must go,
    and those that the kill kept from the disk must come. So each step is there once, in one file. The mark of a
    session's start makes a TensorBoard that has been open all the while forget what it read before.

    An event file is a TFRecord file of `Event`s, and made as one: `tf.summary.scalar` would ask for the tensorboard
    package, which one needs to look at the file only, and its writer can set no such mark.
    """

    def __init__(self, workdir: Workdir) -> None:
        shutil.rmtree(workdir.tensorboard_dir, ignore_errors=True)
        workdir.tensorboard_dir.mkdir()
        self._file = tf.io.TFRecordWriter(str(workdir.tensorboard_dir / f"events.out.tfevents.{time.time():.6f}"))
        start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._add(file_version="brain.Event:2")
        self._add(session_log=start, step=0)
        for record in workdir.read_metrics():
            self._add_scalars(record)
        self._file.flush()

    def write(self, record: dict) -> None:
        """Adds a line of `metrics.jsonl`, which is on disk when this returns."""
        self._add_scalars(record)
        self._file.flush()

    def _add_scalars(self, record: dict) -> None:
        make = tf.compat.v1.Summary.Value
        values = [make(tag=name, simple_value=value) for name, value in record.items() if name != "step"]
        self._add(summary=tf.compat.v1.Summary(value=values), step=record["step"])

    def _add(self, **fields) -> None:
        self._file.write(tf.compat.v1.Event(wall_time=time.time(), **fields).SerializeToString())
