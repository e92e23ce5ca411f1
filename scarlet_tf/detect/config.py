"""The settings of a detector's training, checked, and named in errors as the flags that give them."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from scarlet_tf.arch.layout import layout
from scarlet_tf.arch.named import NamedArch
from scarlet_tf.detect.categories import Category, categories_from_data
from scarlet_tf.errors import InputError
from scarlet_tf.files import read_json

DATASETS = ("coco", "json")
OPTIMIZERS = ("sgd", "adamw")
STRATEGIES = ("auto", "cpu", "gpu", "mirrored")
MAY_CHANGE = ("strategy", "data_dir", "images")
"""Settings that a resumed run may change: they say where it runs, not what it computes."""

_COARSEST_BACKBONE_LEVEL = 5  # SCARLET networks end at stride 32; from P6 on, the pyramid has its own convolutions


def check_backbone(model: NamedArch, min_level: int) -> None:
    """Raises InputError unless `model` has a block at each stride from 2^min_level to 32, which a pyramid reads."""
    arch, coarsest = model.arch, 2**_COARSEST_BACKBONE_LEVEL
    if model.space.is_plain:
        raise InputError(
            f"--model must be a network of inverted bottlenecks. Received: {model.name}, of plain convolutions "
            f"({model.space.name})."
        )
    if arch.min_image_size != coarsest:
        raise InputError(
            f"--model must be a network of stride {coarsest}, as the SCARLET networks are. Received: {model.name}, of "
            f"stride {arch.min_image_size}."
        )
    strides = np.cumprod([arch.stem.stride, *(row.stride for row in arch.blocks)])[1:]
    present = {int(strides[block.slot]) for block in layout(arch).blocks}
    missing = [2**level for level in range(min_level, _COARSEST_BACKBONE_LEVEL + 1) if 2**level not in present]
    if missing:
        raise InputError(
            f"--model must have a block at each stride from {2**min_level} to {coarsest}. Received: {model.name}, "
            f"which skips those of stride {missing[0]}."
        )


@dataclass(frozen=True)
class DetectConfig:
    """What a detector's training does.

    `batch_size` is global. The learning rate rises over `warmup_steps`, and is divided by 10 after each of
    `decay_epochs`. `steps`, unless None, overrides `epochs`. The pyramid has the levels `min_level` to `max_level`, of
    strides 2^level. `freeze_batch_norm` keeps the backbone's statistics as `weights` has them; None means where
    `weights` are given. A gradient whose norm over all weights is above `clip_norm`, unless that is inf, is scaled down
    to it, on each device. `categories` are filled in from the data. Epochs, batch and learning rate are by default the
    paper's for COCO. Raises InputError, naming the flag, where a value is off.
    """

    model: NamedArch
    image_size: int
    dataset: str = "coco"
    data_dir: str | None = None
    annotations: str | None = None
    images: str | None = None
    weights: str | None = None
    min_level: int = 3
    max_level: int = 7
    head_convs: int = 4
    batch_size: int = 16
    epochs: int = 12
    steps: int | None = None
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    warmup_steps: int = 500
    decay_epochs: tuple[int, ...] = (8, 11)
    momentum: float = 0.9
    weight_decay: float = 1e-4
    clip_norm: float = 35.0
    flip: bool = True
    freeze_batch_norm: bool | None = None
    strategy: str = "auto"
    seed: int = 0
    categories: tuple[Category, ...] = ()

    def __post_init__(self) -> None:
        whole = {"batch_size": 1, "epochs": 1, "head_convs": 0, "warmup_steps": 0, "seed": 0}
        for name, lowest in whole.items():
            if getattr(self, name) < lowest:
                raise InputError(f"--{name} must be at least {lowest}. Received: {getattr(self, name)}.")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"--steps must be at least 1. Received: {self.steps}.")
        for name, end in {"learning_rate": math.inf, "momentum": 1.0, "weight_decay": math.inf}.items():
            value = getattr(self, name)
            if not 0 <= value < end:
                raise InputError(f"--{name} must be at least 0 and below {end}. Received: {value}.")
        if not self.clip_norm > 0:
            raise InputError(f"--clip_norm must be above 0. Received: {self.clip_norm}.")
        decays = self.decay_epochs
        if any(epoch < 1 for epoch in decays) or list(decays) != sorted(set(decays)):
            raise InputError(f"--decay_epochs must be ascending, from 1 on. Received: {','.join(map(str, decays))}.")
        choices = (("dataset", DATASETS), ("optimizer", OPTIMIZERS), ("strategy", STRATEGIES))
        for name, values in choices:
            if getattr(self, name) not in values:
                raise InputError(f"--{name} must be one of {', '.join(values)}. Received: {getattr(self, name)!r}.")
        self._check_levels()
        check_backbone(self.model, self.min_level)

    def _check_levels(self) -> None:
        if not 2 <= self.min_level <= _COARSEST_BACKBONE_LEVEL <= self.max_level <= 7:
            raise InputError(
                f"--min_level must be from 2 to 5 and --max_level from 5 to 7. Received: {self.min_level} and "
                f"{self.max_level}."
            )
        step, smallest = 2**_COARSEST_BACKBONE_LEVEL, 2**self.max_level
        if self.image_size < smallest or self.image_size % step:
            raise InputError(
                f"--image_size must be a multiple of {step}, and at least {smallest} for --max_level="
                f"{self.max_level}. Received: {self.image_size}."
            )

    @property
    def batch_norm_is_frozen(self) -> bool:
        return self.weights is not None if self.freeze_batch_norm is None else self.freeze_batch_norm

    def to_dict(self) -> dict:
        """The content of a workdir's `config.json`."""
        return {"task": "detection", **asdict(self), "model": self.model.to_dict()}

    @classmethod
    def read(cls, path: str | Path) -> "DetectConfig":
        """The settings in a workdir's `config.json`. Raises InputError where they are none."""
        data = read_json(path, "the settings of a detector's training")
        try:
            if data.pop("task") != "detection":
                raise KeyError("task")
            data["model"] = NamedArch.from_dict(data["model"], path)
            data["decay_epochs"] = tuple(data["decay_epochs"])
            data["categories"] = categories_from_data(data["categories"], path)
            return cls(**data)
        except (AttributeError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} must hold the settings of a detector's training. Received: another file ({error})."
            ) from error
