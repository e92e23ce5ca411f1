"""A training's directory: its settings, checkpoints and metrics, kept so that a killed run can go on."""

import json
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.data import Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir, replacing, write_json
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.trained_on import TrainedOn
from scarlet_tf.weights import WeightsSource

MAY_DIFFER = ("strategy", "tpu", "connect_timeout", "data_dir", "max_bad_images", "probe_epochs")
"""Settings of which each worker may have its own: where it runs, how it is looked at and when it gives up."""

MAY_CHANGE = (*MAY_DIFFER, "rematerialize", "streams_at_once")
"""Settings that a resumed run may change: those, and what memory it takes, not what it does."""

OF_THE_DATA = {"num_classes": "classes of the data set", "num_train_images": "training images of the data set"}
"""Settings that no flag gives, but the data; None where a training was begun by a version that did not keep them."""


class Settings(Protocol):
    """The settings of a training, a frozen dataclass; `model` is None where it trains no single network."""

    model: NamedArch | None

    def to_dict(self) -> dict: ...

    @classmethod
    def read(cls, path: str | Path) -> "Settings": ...


class Workdir:
    """`config.json`, `metrics.jsonl` and `probes.jsonl` (a JSON object a line), `checkpoints/`, `tensorboard/`, for a
    network `arch.json`, and for a classifier `data.json`."""

    def __init__(self, path: str | Path, writes: bool = True) -> None:
        """Where several processes train together, just one `writes`; the others leave the directory as it is."""
        self.path, self.writes = Path(path), writes
        self.config_path = self.path / "config.json"
        self.data_path = self.path / "data.json"
        self.metrics_path = self.path / "metrics.jsonl"
        self.probes_path = self.path / "probes.jsonl"
        self.checkpoint_dir = self.path / "checkpoints"
        self.tensorboard_dir = self.path / "tensorboard"

    def check(self, config: TrainConfig, dataset: Dataset) -> TrainConfig:
        """`config` with the numbers of classes and of training images of `dataset`.

        Raises InputError where a run with it cannot be done, written or resumed here; changes nothing.
        """
        check_output_dir(self.path, "workdir")
        dataset.steps_per_epoch(config.batch_size)
        if config.model is not None:
            source = WeightsSource.find(config.model, config.weights, config.new_classifier)
            source.check_num_classes(dataset.num_classes)
        config = replace(config, num_classes=dataset.num_classes, num_train_images=dataset.num_examples("train"))
        self.check_resumable(config, MAY_CHANGE)
        return config

    def check_resumable(self, config: Settings, may_change: Collection[str]) -> None:
        """Raises InputError, naming each, where a run was begun here with other settings than `config`, but for
        `may_change`, or is of another kind."""
        if not self.config_path.exists():
            return
        old, new = type(config).read(self.config_path).to_dict(), config.to_dict()
        changed = [name for name in old if old[name] != new[name] and name not in may_change]
        changed = [name for name in changed if name not in OF_THE_DATA or old[name] is not None]
        if changed:
            listed = ", ".join(
                f"{OF_THE_DATA.get(name, f'--{name}')}: {_change(old[name], new[name])}" for name in changed
            )
            raise InputError(
                f"--workdir={self.path} holds a training with other settings. Changed: {listed}. "
                "Use another --workdir, or the settings it was begun with."
            )

    def start(self, config: Settings, dataset: Dataset | None = None) -> None:
        """Writes what the run is about, and where `dataset` is given, what its network will know of it."""
        if not self.writes:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        if config.model is not None:
            config.model.write(self.path / "arch.json")
        if dataset is not None:
            TrainedOn.of_dataset(dataset).write(self.data_path)
        write_json(self.config_path, config.to_dict())

    def truncate_metrics(self, step: int) -> None:
        """Drops the metrics and probes written after `step`, and a line torn by a kill: the resumed run writes them
        again."""
        for path in (self.metrics_path, self.probes_path):
            _truncate_lines(path, step)

    def append_metrics(self, record: dict) -> None:
        """Adds a line, which is on disk when this returns."""
        _append_line(self.metrics_path, record)

    def append_probe(self, record: dict) -> None:
        """Adds a line, which is on disk when this returns."""
        _append_line(self.probes_path, record)

    def read_metrics(self) -> list[dict]:
        """The lines of `metrics.jsonl`, after `truncate_metrics`."""
        return _read_lines(self.metrics_path)

    def read_probes(self) -> list[dict]:
        """The lines of `probes.jsonl`, after `truncate_metrics`."""
        return _read_lines(self.probes_path)


def _change(old: object, new: object) -> str:
    """`old -> new`; of a network or a space, the names."""
    old, new = (str(value["name"] if isinstance(value, dict) else value) for value in (old, new))
    return f"{old} -> {new}" if old != new else f"{old} -> another {new}"


def _truncate_lines(path: Path, step: int) -> None:
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except ValueError:
            break
    with replacing(path) as temporary:
        temporary.write_text("".join(kept))


def _read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _append_line(path: Path, record: dict) -> None:
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())
