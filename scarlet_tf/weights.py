"""What a command's `--weights` means, found out before TensorFlow is paid for."""

from dataclasses import dataclass, replace
from pathlib import Path

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.errors import InputError
from scarlet_tf.files import WEIGHT_SUFFIXES
from scarlet_tf.train.config import TrainConfig

_EXPECTED = "the workdir of a training, a .keras or a .weights.h5 file"


def has_checkpoint(workdir: str | Path) -> bool:
    """Whether a training has written a checkpoint, whole or not."""
    directory = Path(workdir) / "checkpoints"
    return (directory / "checkpoint").is_file() or any(directory.glob("step-*.index"))  # the former names the last


def read_training(path: str | Path, flag: str) -> TrainConfig:
    """The settings of the training whose workdir `path` is.

    Raises InputError, naming `flag`, where it is none, or has written no checkpoint yet.
    """
    config = Path(path) / "config.json"
    if not config.is_file():
        raise InputError(f"--{flag} must be the --workdir of a training. Received: {path}, without config.json.")
    training = TrainConfig.read(config)
    if not has_checkpoint(path):
        raise InputError(f"--{flag}={path} holds no checkpoint yet. Let its training reach its first one.")
    return training


def read_supernet_training(path: str | Path, flag: str) -> TrainConfig:
    """As `read_training`, of a supernet."""
    config = read_training(path, flag)
    if config.space is None:
        raise InputError(f"--{flag} must be the --workdir of a supernet. Received: {path}, of a standalone network.")
    return config


@dataclass(frozen=True)
class WeightsSource:
    """Where the weights of a standalone network come from.

    `path` None means fresh ones; `training` is there where it is the workdir of a training: of a supernet, whose path
    is extracted, or of the network itself, whose stabilizers, if it was trained with some, are removed. With
    `new_classifier` the classifier is left out of it.
    """

    path: Path | None = None
    training: TrainConfig | None = None
    new_classifier: bool = False

    @classmethod
    def find(cls, named: NamedArch, weights: str | None, new_classifier: bool = False) -> "WeightsSource":
        """What `--weights` gives to the network `named`. Raises InputError where it cannot."""
        if weights is None:
            return cls()
        path = Path(weights)
        if path.is_file() and path.name.endswith(WEIGHT_SUFFIXES):
            return cls(path, new_classifier=new_classifier)
        if not path.is_dir():
            what = "another file" if path.exists() else "nothing there"
            raise InputError(f"--weights must be {_EXPECTED}. Received: {weights}, {what}.")
        training = read_training(path, "weights")
        if training.space:
            same, what = training.space == named.space and not named.is_scaled, f"a supernet of {training.space.name}"
        else:
            same, what = replace(training.model, name=named.name) == named, f"the network {training.model.name}"
        if not same:
            raise InputError(
                f"--weights must be of the architecture {named.name}, in the space {named.space.name}. "
                f"Received: {weights}, {what}."
            )
        if training.kept_stabilizer == "els_relu":
            raise InputError(
                f"--weights={weights} is of a network trained with --stabilizer=els_relu --keep_stabilizers: no linear "
                f"map, which cannot be removed. As it is, evaluate runs it: --model={path / 'model.keras'}."
            )
        return cls(path, training, new_classifier)

    def check_num_classes(self, num_classes: int | None) -> None:
        """Raises InputError where `num_classes` is given, the training had other ones, and its classifier is kept."""
        if self.training and not self.new_classifier and num_classes not in (None, self.training.num_classes):
            raise InputError(
                f"--weights must be of a network of {num_classes} classes. Received: {self.path}, trained on "
                f"{self.training.num_classes}. To train it on other classes, give --new_classifier."
            )

    def check_has_stabilizers(self) -> None:
        """Raises InputError where there is nothing that --keep_stabilizers could keep."""
        if not self.is_supernet and not self.is_stabilized:
            raise InputError(
                "--keep_stabilizers needs the workdir of a supernet in --weights, or of a network trained with it."
            )
        if self.training.stabilizer != "els":
            what = "supernet" if self.is_supernet else "network"
            raise InputError(f"--keep_stabilizers is for els. Received: a {what} with {self.training.stabilizer}.")

    @property
    def is_supernet(self) -> bool:
        return self.training is not None and self.training.space is not None

    @property
    def is_stabilized(self) -> bool:
        """Whether it is the training of a network with stabilizers in its skipped slots."""
        return self.training is not None and self.training.keep_stabilizers
