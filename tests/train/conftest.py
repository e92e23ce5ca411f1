"""Reading what a training wrote."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf


def _tensors(workdir: Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(workdir / "checkpoints"))
    return {name: np.asarray(reader.get_tensor(name)) for name in reader.get_variable_to_shape_map()}


def _not_json(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def _metrics(workdir: Path) -> list[dict]:
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line, parse_constant=_not_json) for line in lines]


@pytest.fixture(scope="session")
def tensors() -> Callable[[Path], dict[str, np.ndarray]]:
    """Every tensor of the last checkpoint in a workdir: weights, optimizer slots, seeds, counters."""
    return _tensors


def _events(workdir: Path) -> list[dict]:
    (file,) = (workdir / "tensorboard").iterdir()
    events = map(tf.compat.v1.Event.FromString, tf.data.TFRecordDataset(str(file)).as_numpy_iterator())
    return [
        {"step": event.step} | {value.tag: value.simple_value for value in event.summary.value}
        for event in events
        if event.HasField("summary")
    ]


@pytest.fixture(scope="session")
def events() -> Callable[[Path], list[dict]]:
    """The scalars of the one event file in a workdir's tensorboard/, a step each."""
    return _events


@pytest.fixture(scope="session")
def metrics() -> Callable[[Path], list[dict]]:
    """The lines of a workdir's metrics.jsonl."""
    return _metrics
