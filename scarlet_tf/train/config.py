"""The settings of a training, checked, and named in errors as the flags that give them."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.arch.spaces import space_from_data, space_to_data
from scarlet_tf.data import AUTO_AUGMENT
from scarlet_tf.errors import InputError
from scarlet_tf.files import read_json
from scarlet_tf.train.fine_tuning import layer_names

METHODS = ("fair", "spos")
STABILIZERS = ("els", "skip", "els_relu")
OPTIMIZERS = ("sgd", "rmsprop", "adamw")
SCHEDULES = ("cosine", "exponential")
PROBE_BN = ("moving", "batch")
STRATEGIES = ("auto", "cpu", "gpu", "mirrored", "multiworker", "tpu")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True)
class TrainConfig:
    """What a training does.

    Just one of `space` (a supernet is trained) and `model` (a standalone network) is given. `batch_size` is global. The
    learning rate rises over `warmup_epochs`, then falls as a cosine to zero, or with `schedule` exponential by
    `decay_rate` every `decay_epochs`. `steps`, unless None, overrides `epochs`. Of a folder's training images,
    `max_bad_images` may be unreadable: others take their places. `num_classes` and `num_train_images` are filled in
    from the data set. `rematerialize` does the blocks' forward passes once more for their gradients, to keep less in
    memory, and a fair step those of `streams_at_once` streams at a time, 0 for all. `new_classifier`, `freeze` (the
    last layer that stays as it is) and `layer_decay` are for a network that starts from `weights`. With `qat` such a
    network is fine-tuned with what int8 does to it, without dropout and with its batch norms' statistics. With
    `ema_decay`, unless 0, a network's weights are in the end moving averages over the training. With `sync_batch_norm`
    batch norms take the statistics of the global batch, not of a device's share of it. With `keep_stabilizers` a
    network has `stabilizer` in the slots that it skips, as on the supernet's path. Every `probe_epochs` epochs, unless
    0, and at the end `probe_paths` paths of a supernet are measured on `probe_images` validation images with `probe_bn`
    statistics, or the network is, which changes nothing of the training.
    The defaults are the paper's for the supernet (section 4.1). Raises InputError, naming the flag, where a value is
    off.
    """

    dataset: str
    image_size: int
    space: SearchSpace | None = None
    model: NamedArch | None = None
    data_dir: str | None = None
    batch_size: int = 256
    epochs: int = 60
    steps: int | None = None
    optimizer: str = "sgd"
    learning_rate: float = 0.045
    schedule: str = "cosine"
    decay_rate: float = 0.97
    decay_epochs: float = 2.4
    warmup_epochs: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 4e-5
    label_smoothing: float = 0.0
    dropout: float = 0.2
    ema_decay: float = 0.0
    method: str = "fair"
    rematerialize: bool = False
    streams_at_once: int = 0
    stabilizer: str = "els"
    keep_stabilizers: bool = False
    weights: str | None = None
    new_classifier: bool = False
    freeze: str | None = None
    layer_decay: float = 1.0
    qat: bool = False
    auto_augment: str = "none"
    max_bad_images: int = 10
    strategy: str = "auto"
    tpu: str = ""
    connect_timeout: float = 300.0
    precision: str = "float32"
    sync_batch_norm: bool = False
    seed: int = 0
    num_classes: int | None = None
    num_train_images: int | None = None
    probe_epochs: int = 0
    probe_paths: int = 64
    probe_images: int = 1000
    probe_bn: str = "moving"

    def __post_init__(self) -> None:
        if (self.space is None) == (self.model is None):
            raise InputError("Either --space (a supernet) or --model (a standalone network) must be given.")
        if self.space is not None and self.weights is not None:
            raise InputError(f"--weights is for --model; a supernet starts fresh. Received: {self.weights}.")
        if self.space is not None and self.ema_decay:
            raise InputError(f"--ema_decay is for --model. Received: {self.ema_decay} with --space.")
        if self.model is not None and self.probe_epochs and self.probe_bn != "moving":
            raise InputError(f"--probe_bn is for --space. Received: {self.probe_bn} with --model.")
        whole = {"image_size": 1, "batch_size": 1, "epochs": 1, "max_bad_images": 0, "seed": 0}
        whole |= {"streams_at_once": 0, "probe_epochs": 0, "probe_paths": 2, "probe_images": 1}
        for name, lowest in whole.items():
            if getattr(self, name) < lowest:
                raise InputError(f"--{name} must be at least {lowest}. Received: {getattr(self, name)}.")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"--steps must be at least 1. Received: {self.steps}.")
        ranges = {
            "learning_rate": math.inf,
            "warmup_epochs": math.inf,
            "momentum": 1.0,
            "weight_decay": math.inf,
            "label_smoothing": 1.0,
            "dropout": 1.0,
            "ema_decay": 1.0,
        }
        for name, end in ranges.items():
            value = getattr(self, name)
            if not 0 <= value < end:
                raise InputError(f"--{name} must be at least 0 and below {end}. Received: {value}.")
        positive = {"decay_rate": 1.0, "decay_epochs": math.inf, "layer_decay": 1.0, "connect_timeout": math.inf}
        for name, end in positive.items():
            value = getattr(self, name)
            if not 0 < value <= end or value == math.inf:
                most = "" if end == math.inf else f" and at most {end:g}"
                raise InputError(f"--{name} must be above 0{most}. Received: {value}.")
        if self.rematerialize and self.model is not None:
            raise InputError("--rematerialize is for --space. Received: it with --model.")
        self._check_streams_at_once()
        if self.method == "spos" and (self.sync_batch_norm or self.precision != "float32"):
            raise InputError(
                "--method=spos needs --precision=float32 and --nosync_batch_norm. Received: "
                f"--precision={self.precision}, --{'' if self.sync_batch_norm else 'no'}sync_batch_norm."
            )
        if self.strategy == "multiworker" and self.probe_epochs:
            raise InputError(f"--probe_epochs is not for --strategy=multiworker. Received: {self.probe_epochs}.")
        named_values = {
            "method": METHODS,
            "stabilizer": STABILIZERS,
            "optimizer": OPTIMIZERS,
            "schedule": SCHEDULES,
            "auto_augment": AUTO_AUGMENT,
            "strategy": STRATEGIES,
            "probe_bn": PROBE_BN,
            "precision": PRECISIONS,
        }
        for name, values in named_values.items():
            if getattr(self, name) not in values:
                raise InputError(f"--{name} must be one of {', '.join(values)}. Received: {getattr(self, name)!r}.")
        if self.strategy == "tpu" and self.precision == "mixed_float16":
            raise InputError("--precision on a TPU must be mixed_bfloat16 or float32. Received: mixed_float16.")
        self._check_fine_tuning()
        if self.keep_stabilizers:
            self._check_keep_stabilizers()
        if self.qat:
            self._check_qat()
        smallest = (self.space or self.model.space).min_image_size
        if self.image_size < smallest:
            raise InputError(
                f"--image_size must be at least {smallest}, the product of the strides. Received: {self.image_size}."
            )

    def _check_streams_at_once(self) -> None:
        if not self.streams_at_once:
            return
        if self.space is None or self.method != "fair" or not self.rematerialize:
            raise InputError(
                "--streams_at_once is for --space with --method=fair and --rematerialize. Received: "
                f"{self.streams_at_once} without them."
            )
        if self.streams_at_once > self.space.num_choices:
            raise InputError(
                f"--streams_at_once must be at most {self.space.num_choices}, the choices of a slot of "
                f"{self.space.name}, or 0 for all of them. Received: {self.streams_at_once}."
            )

    def _check_fine_tuning(self) -> None:
        if self.new_classifier and self.weights is None:
            raise InputError("--new_classifier needs --weights: a fresh network's classifier is new anyway.")
        if self.layer_decay != 1.0 and self.model is None:
            raise InputError(f"--layer_decay is for --model. Received: {self.layer_decay} with --space.")
        if self.freeze is None:
            return
        if self.weights is None:
            raise InputError(f"--freeze={self.freeze} needs --weights: fresh layers would stay as random as they are.")
        names = layer_names(self.model)[:-1]
        if self.freeze not in names:
            raise InputError(
                f"--freeze must be a layer of {self.model.name} before its classifier: {', '.join(names)}. "
                f"Received: {self.freeze!r}."
            )

    def _check_keep_stabilizers(self) -> None:
        if self.model is None:
            raise InputError("--keep_stabilizers is for --model; a supernet has its own. Received: it with --space.")
        if not self.model.arch.skipped_slots:
            raise InputError(
                f"--keep_stabilizers needs a --model that skips a slot. Received: {self.model.name}, which skips none."
            )
        self._check_left("keep_stabilizers", {"weights": None, "layer_decay": 1.0})

    def _check_left(self, flag: str, values: dict[str, object]) -> None:
        """Raises InputError where a setting is not the one that goes with `flag`."""
        for name, needed in values.items():
            value = getattr(self, name)
            if value != needed:
                raise InputError(f"--{name} must be left at {needed} with --{flag}. Received: {value}.")

    def _check_qat(self) -> None:
        if self.model is None:
            raise InputError("--qat is for --model. Received: it with --space.")
        if self.weights is None:
            raise InputError("--qat needs --weights: the network as trained in float32, which it fine-tunes.")
        if self.strategy not in ("auto", "cpu", "gpu"):
            raise InputError(f"--qat trains on one device: --strategy=auto, cpu or gpu. Received: {self.strategy}.")
        unfit = {
            "precision": "float32",
            "new_classifier": False,
            "freeze": None,
            "layer_decay": 1.0,
            "ema_decay": 0.0,
            "sync_batch_norm": False,
        }
        self._check_left("qat", unfit)

    @property
    def kept_stabilizer(self) -> str | None:
        """The kind of stabilizer that stands in the slots that a standalone network skips; None for none."""
        return self.stabilizer if self.keep_stabilizers else None

    def to_dict(self) -> dict:
        """The content of a workdir's `config.json`."""
        data = asdict(self)
        data["space"] = None if self.space is None else space_to_data(self.space)
        data["model"] = None if self.model is None else self.model.to_dict()
        return data

    @classmethod
    def read(cls, path: str | Path) -> "TrainConfig":
        """The settings in a workdir's `config.json`. Raises InputError where they are none."""
        data = read_json(path, "the settings of a training")
        try:
            if data["space"] is not None:
                data["space"] = space_from_data(data["space"], path)
            if data["model"] is not None:
                data["model"] = NamedArch.from_dict(data["model"], path)
            return cls(**data)
        except (TypeError, KeyError) as error:
            raise InputError(f"{path} must hold the settings of a training. Received: {error}.") from error
