"""The network that a command's `--model` and `--weights` mean, with its weights in place."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.errors import InputError
from scarlet_tf.export.extract import Extraction, extract_path
from scarlet_tf.nets.standalone import build_model
from scarlet_tf.nets.supernet import Supernet, build_supernet
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.workdir import Workdir, checkpoint_manager


@dataclass(frozen=True)
class LoadedModel:
    """A standalone network. `extraction` and `path_logits` (images -> logits of the supernet's path, float32 NumPy) are
    there where its weights come from a supernet; `fresh` says that it was never trained."""

    model: keras.Model
    extraction: Extraction | None = None
    path_logits: Callable[[np.ndarray], np.ndarray] | None = None
    fresh: bool = False


def restore(workdir: Workdir, model: keras.Model) -> None:
    """Puts the last checkpoint of `workdir` into `model`. Raises InputError where there is none that fits."""
    manager = checkpoint_manager(workdir, model)
    if not manager.latest_checkpoint:
        raise InputError(f"{workdir.path} holds no checkpoint yet. Let its training reach its first one.")
    try:
        status = manager.checkpoint.restore(manager.latest_checkpoint)
        status.assert_existing_objects_matched().expect_partial()  # the optimizer's variables stay on disk
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{manager.latest_checkpoint} does not fit its config.json: {reason}") from error


def read_training(path: str | Path, flag: str) -> tuple[Workdir, TrainConfig]:
    """The directory of a training and its settings. Raises InputError, naming `flag`, where it is none."""
    workdir = Workdir(path)
    if not workdir.config_path.is_file():
        raise InputError(f"--{flag} must be the --workdir of a training. Received: {path}, without config.json.")
    return workdir, TrainConfig.read(workdir.config_path)


def read_supernet_training(path: str | Path, flag: str) -> tuple[Workdir, TrainConfig]:
    """As `read_training`, of a supernet."""
    workdir, config = read_training(path, flag)
    if config.space is None:
        raise InputError(f"--{flag} must be the --workdir of a supernet. Received: {path}, of a standalone network.")
    return workdir, config


def load_supernet(path: str | Path, num_classes: int, flag: str = "supernet") -> Supernet:
    """The supernet trained in the workdir `path`. Raises InputError where there is none."""
    workdir, config = read_supernet_training(path, flag)
    supernet = build_supernet(config.space, config.image_size, num_classes, config.stabilizer, config.seed)
    restore(workdir, supernet)
    return supernet


def _load_file(path: Path, model: keras.Model) -> None:
    try:
        if path.name.endswith(".weights.h5"):
            model.load_weights(path)
            return
        saved = keras.models.load_model(path, compile=False)
    except (ValueError, OSError, TypeError, KeyError) as error:
        raise InputError(f"--weights={path} does not hold weights of {model.name}: {error}") from error
    shapes, expected = ([tuple(weight.shape) for weight in net.weights] for net in (saved, model))
    if shapes != expected:
        raise InputError(
            f"--weights={path} holds another architecture than {model.name}: the shapes of weights differ."
        )
    model.set_weights(saved.get_weights())


def load_model(
    named: NamedArch,
    weights: str | None,
    image_size: int,
    num_classes: int,
    dropout: float = 0.2,
    keep_stabilizers: bool = False,
) -> LoadedModel:
    """The standalone network of `named`.

    weights: None for fresh ones; the workdir of a supernet, from which they are extracted and the stabilizers removed;
    the workdir of a standalone training; a `.keras` or `.weights.h5` file. Raises InputError where they are of another
    architecture.
    """
    path = None if weights is None else Path(weights)
    if path is not None and path.is_dir():
        workdir, config = read_training(path, "weights")
        if config.space is not None:
            if config.space != named.space:
                raise InputError(
                    f"--weights={path} is a supernet of the space {config.space.name}. Received a network of "
                    f"{named.space.name}."
                )
            supernet = load_supernet(path, num_classes, "weights")
            extraction = extract_path(supernet, named.genotype, named.name, keep_stabilizers)
            path_logits = tf.function(lambda images: supernet(images, path=named.genotype))
            return LoadedModel(extraction.model, extraction, lambda images: path_logits(images).numpy())
        if (config.model.space, config.model.genotype) != (named.space, named.genotype):
            raise InputError(
                f"--weights={path} holds another architecture, {config.model.name}. Received: {named.name}."
            )
    if keep_stabilizers:
        raise InputError("--keep_stabilizers needs the workdir of a supernet in --weights.")
    model = build_model(named.arch, image_size, num_classes, dropout)
    if path is None:
        return LoadedModel(model, fresh=True)
    if path.is_dir():
        restore(workdir, model)
    elif path.is_file():
        _load_file(path, model)
    else:
        raise InputError(f"--weights must be a workdir, a .keras or a .weights.h5 file. Received: {path}.")
    return LoadedModel(model)
