"""The network that a command's `--model` and `--weights` mean, with its weights in place."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.errors import InputError
from scarlet_tf.export.extract import Extraction, extract_path, without_stabilizers
from scarlet_tf.nets.standalone import CLASSIFIER, build_model
from scarlet_tf.nets.supernet import Supernet, build_supernet
from scarlet_tf.nets.weight_file import load_weight_file
from scarlet_tf.train.checkpoints import Checkpoints
from scarlet_tf.train.workdir import Workdir
from scarlet_tf.weights import WeightsSource, read_supernet_training

if TYPE_CHECKING:
    from scarlet_tf.quantization.twin import Twin


@dataclass(frozen=True)
class LoadedModel:
    """A standalone network. `extraction` and `path_logits` (images -> logits of the supernet's path, or of the network
    with its stabilizers, float32 NumPy) are there where its weights come from either; `fresh` says that it was never
    trained. `twin` is its quantised twin where it was trained for int8."""

    model: keras.Model
    extraction: Extraction | None = None
    path_logits: Callable[[np.ndarray], np.ndarray] | None = None
    fresh: bool = False
    twin: "Twin | None" = None


def restore(workdir: Workdir, model: keras.Model) -> None:
    """Puts the last whole checkpoint of `workdir` into `model`. Raises InputError where there is none that fits."""
    if Checkpoints(workdir, model).restore() is None:
        raise InputError(f"{workdir.path} holds no checkpoint yet. Let its training reach its first one.")


def load_supernet(path: str | Path, image_size: int | None = None) -> Supernet:
    """The supernet trained in the workdir `path`, at `image_size` pixels or as trained. Raises InputError where there
    is none."""
    config = read_supernet_training(path, "supernet")
    supernet = build_supernet(
        config.space, image_size or config.image_size, config.num_classes, config.stabilizer, config.seed
    )
    restore(Workdir(path), supernet)
    return supernet


def _with_new_classifier(
    named: NamedArch, source: WeightsSource, image_size: int, num_classes: int, dropout: float
) -> LoadedModel:
    model = build_model(named.arch, image_size, num_classes, dropout)
    if source.training is None:
        load_weight_file(source.path, model, named.arch, classifier=False)
        return LoadedModel(model)
    trained = load_model(named, replace(source, new_classifier=False), image_size, dropout=dropout).model
    for layer in model.layers:
        if layer.name != CLASSIFIER:
            layer.set_weights(trained.get_layer(layer.name).get_weights())
    return LoadedModel(model)


def _of_a_stabilized_network(
    named: NamedArch, source: WeightsSource, image_size: int, dropout: float, keep_stabilizers: bool
) -> LoadedModel:
    trained = source.training
    network = build_model(named.arch, image_size, trained.num_classes, trained.dropout, trained.stabilizer)
    restore(Workdir(source.path), network)
    if keep_stabilizers:
        extraction = Extraction(network, trained.stabilizer, (), len(named.arch.skipped_slots))
    else:
        extraction = without_stabilizers(network, named.arch, dropout=dropout)
    logits = tf.function(lambda images: network(images))
    return LoadedModel(extraction.model, extraction, lambda images: logits(images).numpy())


def _restored_twin(workdir: Path, model: keras.Model) -> "Twin":
    """The quantised twin of `model` out of a training with --qat, whose weights `model` gets."""
    from scarlet_tf.quantization.aware_model import QuantisationAwareModel  # takes seconds to import

    aware = QuantisationAwareModel(model)
    restore(Workdir(workdir), aware)
    aware.twin.write()
    return aware.twin


def load_model(
    named: NamedArch,
    source: WeightsSource,
    image_size: int | None = None,
    num_classes: int | None = None,
    dropout: float = 0.2,
    keep_stabilizers: bool = False,
) -> LoadedModel:
    """The standalone network of `named` with the weights of `source`; out of a supernet or a network that was trained
    with stabilizers, without these, unless `keep_stabilizers`. Its classifier is fresh where `source` says so.

    Image size (pixels a side) and classes are by default those of the training, else the network's own and 1000.
    Raises InputError where the weights do not fit.
    """
    if keep_stabilizers:
        source.check_has_stabilizers()
    trained = source.training
    source.check_num_classes(num_classes)
    image_size = image_size or (trained.image_size if trained else named.default_image_size)
    if source.new_classifier:
        return _with_new_classifier(named, source, image_size, num_classes, dropout)
    if source.is_supernet:
        supernet = load_supernet(source.path, image_size)
        extraction = extract_path(supernet, named.genotype, named.name, keep_stabilizers, dropout=dropout)
        path_logits = tf.function(lambda images: supernet(images, path=named.genotype))
        return LoadedModel(extraction.model, extraction, lambda images: path_logits(images).numpy())
    if source.is_stabilized:
        return _of_a_stabilized_network(named, source, image_size, dropout, keep_stabilizers)
    num_classes = num_classes or (trained.num_classes if trained else 1000)
    model = build_model(named.arch, image_size, num_classes, dropout)
    if trained and trained.qat:
        return LoadedModel(model, twin=_restored_twin(source.path, model))
    if trained and (trained.dropout > 0) != (dropout > 0):  # a seed of dropout is in just one of the two
        saved = build_model(named.arch, image_size, num_classes, trained.dropout)
        restore(Workdir(source.path), saved)
        model.set_weights(saved.get_weights())
    elif trained:
        restore(Workdir(source.path), model)
    elif source.path:
        load_weight_file(source.path, model, named.arch)
    return LoadedModel(model, fresh=source.path is None)
