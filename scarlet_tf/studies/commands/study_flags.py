"""The flags that commands of studies share; they belong to the command that asks for them."""

import shlex
import sys
from collections.abc import Collection, Mapping

from absl import flags

from scarlet_tf import command
from scarlet_tf.arch.named import resolve
from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.data import DATASETS
from scarlet_tf.errors import InputError
from scarlet_tf.train.config import OPTIMIZERS, PRECISIONS, STRATEGIES, TrainConfig

flags.disclaim_key_flags()

QUICK_TRAINING = {
    "space": "small",
    "dataset": "fashion_mnist_small",
    "image_size": 20,
    "batch_size": 32,
    "optimizer": "adamw",
    "learning_rate": 0.004,
    "weight_decay": 1e-4,
}
"""What --quick trains supernets with: the images in the package, for minutes on two cores."""

OF_A_TRAINING = (
    "space",
    "image_size",
    "batch_size",
    "epochs",
    "steps",
    "optimizer",
    "learning_rate",
    "warmup_epochs",
    "weight_decay",
    "precision",
)
"""Training flags that have no use where supernets are given; images and devices have."""

_STRATEGIES = tuple(name for name in STRATEGIES if name != "multiworker")
"""A study measures what it has trained in one process."""

_NOT_OF_THE_OUTCOME = ("workdir", "quick", "data_dir", "strategy")


class StudyFlags:
    """`--workdir` and `--quick`, by which flags that are not given take the values of `quick`."""

    def __init__(self, quick: Mapping[str, object]) -> None:
        self._quick = quick
        self._own: dict[str, flags.FlagHolder] = {}
        self.workdir = self.add(flags.DEFINE_string("workdir", None, "Directory of the study."))
        self.quick = self.add(
            flags.DEFINE_bool(
                "quick", False, "A small size, at most ten minutes on two cores; other flags still count."
            )
        )

    def add(self, flag: flags.FlagHolder) -> flags.FlagHolder:
        """Makes `flag` one that the outcome depends on."""
        self._own[flag.name] = flag
        return flag

    def __getitem__(self, name: str) -> flags.FlagHolder:
        """One of them."""
        return self._own[name]

    def read(self) -> None:
        """Lets --quick take effect. Raises InputError where --workdir is missing."""
        command.require(self.workdir)
        if self.quick.value:
            for name, value in self._quick.items():
                if not self._own[name].present:
                    flags.FLAGS[name].value = value

    def settings(self) -> dict[str, object]:
        """What the outcome depends on, by name of the flag."""
        return {name: flag.value for name, flag in self._own.items() if name not in _NOT_OF_THE_OUTCOME}

    def command(self, study: str) -> str:
        """The command line that was given."""
        return shlex.join(["python", "-m", "scarlet_tf.analyze", study, *sys.argv[2:]])


class TrainingFlags(StudyFlags):
    """Those, and how supernets over `--space` are trained, or where a default `model` is given, networks: `--model`. By
    default as the paper trains supernets, or as `defaults` say, by name of the flag."""

    def __init__(
        self, quick: Mapping[str, object], defaults: Mapping[str, object] | None = None, model: str | None = None
    ) -> None:
        if model is None:
            super().__init__(QUICK_TRAINING | quick)
            self.add(flags.DEFINE_string("space", "s2", "Search space, as in train."))
        else:
            super().__init__({name: value for name, value in QUICK_TRAINING.items() if name != "space"} | quick)
            self.add(flags.DEFINE_string("model", model, "Network to train alone, as in train."))
        for flag in (
            flags.DEFINE_enum("dataset", "imagenet2012", DATASETS, "Images to train on."),
            flags.DEFINE_string("data_dir", None, "Where the images are; for folder and prepared TFDS data."),
            flags.DEFINE_integer("image_size", 224, "Side of the square images, in pixels."),
            flags.DEFINE_integer("batch_size", 256, "Images a step, over all devices."),
            flags.DEFINE_integer("epochs", 60, "Passes over the training images."),
            flags.DEFINE_integer("steps", None, "Steps to train, instead of --epochs."),
            flags.DEFINE_enum("optimizer", "sgd", OPTIMIZERS, "As in train."),
            flags.DEFINE_float("learning_rate", 0.045, "Highest learning rate; a cosine takes it to zero."),
            flags.DEFINE_float("warmup_epochs", 0.0, "Epochs in which the learning rate rises from zero."),
            flags.DEFINE_float("weight_decay", 4e-5, "As in train."),
            flags.DEFINE_enum("strategy", "auto", _STRATEGIES, "Devices to train on."),
            flags.DEFINE_enum("precision", "float32", PRECISIONS, "Number format of layers."),
        ):
            self.add(flag)
        for name, value in (defaults or {}).items():
            flags.set_default(self._own[name], value)

    @property
    def space(self) -> SearchSpace:
        """The space that --space means. Raises InputError where it means none."""
        return get_space(self._own["space"].value)

    def training(self, **settings: object) -> TrainConfig:
        """The training that the flags say, or of `settings` where these differ."""
        own = {name: self._own[name].value for name in self._own if name in TrainConfig.__dataclass_fields__}
        trained = {"model": resolve(self._own["model"].value)} if "model" in self._own else {"space": self.space}
        return TrainConfig(**{**own, **trained, **settings})


def whole_numbers(flag: flags.FlagHolder, lowest: int = 0) -> list[int]:
    """The different whole numbers of a list flag. Raises InputError, naming it, where it holds others, or none."""
    try:
        numbers = [int(text) for text in flag.value]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < lowest or len(set(numbers)) < len(numbers):
        raise InputError(
            f"--{flag.name} must be different whole numbers from {lowest} on, separated by commas. Received: "
            f"{','.join(flag.value)!r}."
        )
    return numbers


def different_names(flag: flags.FlagHolder, known: Collection[str]) -> list[str]:
    """The names of a list flag. Raises InputError, naming it, where they are not different ones of `known`, or none."""
    names = flag.value
    if not names or set(names) - set(known) or len(set(names)) < len(names):
        raise InputError(
            f"--{flag.name} must be different ones of {', '.join(known)}, separated by commas. Received: "
            f"{','.join(names)!r}."
        )
    return names
