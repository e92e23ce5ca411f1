"""How the training of a supernet went, in updates of a block, and how well it tells paths apart in the end. Never
imports TensorFlow."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from scarlet_tf.analysis.probe_record import ProbeRecord
from scarlet_tf.analysis.ranking import RankingHealth

UPDATES_PER_POINT = 20
MAX_POINTS = 100


@dataclass(frozen=True)
class CurvePoint:
    """Mean `loss` and `accuracy`, in [0, 1], of the training batches around so many `updates` of each block."""

    updates: float
    loss: float
    accuracy: float


@dataclass(frozen=True)
class ProbePoint:
    """The probed paths after so many `updates` of each block, a mean for sampled paths."""

    updates: float
    epoch: float
    images: int
    health: RankingHealth


@dataclass(frozen=True)
class Course:
    """A supernet's training by `method` with `stabilizer` and `seed`: its `curve`, its `probes`, and in the end the
    one-shot `accuracies`, in [0, 1], of other paths with their `health`."""

    method: str
    stabilizer: str
    seed: int
    steps: int
    curve: tuple[CurvePoint, ...]
    probes: tuple[ProbePoint, ...]
    accuracies: tuple[float, ...]
    health: RankingHealth

    @property
    def name(self) -> str:
        """Method, stabilizer and seed."""
        return f"{self.method}_{self.stabilizer}_{self.seed}"

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        return {"name": self.name, **asdict(self)}


def updates_per_step(method: str, num_choices: int) -> float:
    """How often a step of `method` trains each block: once if strictly fair, else once in `num_choices` on the
    average."""
    return 1.0 if method == "fair" else 1 / num_choices


def training_curve(lines: Sequence[Mapping], per_step: float) -> tuple[CurvePoint, ...]:
    """The `lines` of `metrics.jsonl`, of means since the line before, as means over equal windows of updates.

    per_step: updates of a block in a step. A window has at least UPDATES_PER_POINT updates of a block, and so the same
    number of paths whatever the method; there are at most MAX_POINTS.
    """
    steps = np.array([line["step"] for line in lines])
    lengths = np.diff(steps, prepend=0)
    middles = steps - lengths / 2
    count = int(np.clip(steps[-1] * per_step // UPDATES_PER_POINT, 1, MAX_POINTS))
    windows = (middles / steps[-1] * count).astype(int)
    weights = np.bincount(windows, lengths, count)
    filled = weights > 0

    def averaged(values: np.ndarray) -> np.ndarray:
        return np.bincount(windows, lengths * values, count)[filled] / weights[filled]

    loss, accuracy = (averaged(np.array([line[name] for line in lines])) for name in ("loss", "accuracy"))
    points = np.stack([averaged(middles) * per_step, loss, accuracy], axis=1)
    return tuple(CurvePoint(*point) for point in points.tolist())


def probe_points(lines: Sequence[Mapping], per_step: float) -> tuple[ProbePoint, ...]:
    """The `lines` of `probes.jsonl`. per_step: updates of a block in a step."""
    records = [ProbeRecord.from_dict(line) for line in lines]
    return tuple(ProbePoint(one.step * per_step, one.epoch, one.images, one.health) for one in records)
