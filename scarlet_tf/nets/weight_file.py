"""Weights of a standalone network out of a file."""

import warnings
from pathlib import Path

import h5py
import keras

from scarlet_tf.arch.spec import ArchSpec
from scarlet_tf.errors import InputError
from scarlet_tf.files import WEIGHT_SUFFIXES
from scarlet_tf.nets.standalone import CLASSIFIER, build_backbone, build_model


def _read_h5(path: Path, arch: ArchSpec) -> keras.Model:
    with h5py.File(path) as file:
        classifier = file.get("layers/dense/vars/0")
        num_classes = None if classifier is None else classifier.shape[1]
    saved = build_backbone(arch) if num_classes is None else build_model(arch, arch.min_image_size, num_classes)
    saved.load_weights(path)
    return saved


def _read(path: Path, arch: ArchSpec) -> keras.Model:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Keras has to say of weights that do not fit, the error says too
            if path.name.endswith(".weights.h5"):
                return _read_h5(path, arch)
            return keras.models.load_model(path, compile=False)
    except Exception as error:  # a broken file makes Keras and h5py raise nearly anything
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"--weights={path} does not hold weights of {arch.name}: {reason}.") from error


def _shapes(model: keras.Model, left_out: str) -> dict[str, list[tuple]]:
    return {
        layer.name: [tuple(weight.shape) for weight in layer.weights]
        for layer in model.layers
        if layer.weights and layer.name != left_out
    }


def load_weight_file(path: str | Path, model: keras.Model, arch: ArchSpec, classifier: bool = True) -> None:
    """Puts the weights in `path`, a .keras or a .weights.h5 file, into `model`, a network of `arch`.

    Unless `classifier`, `model` keeps its own one, or has none. Raises InputError where the file is not there, damaged,
    or of another architecture or number of classes.
    """
    path = Path(path)
    if not path.is_file() or not path.name.endswith(WEIGHT_SUFFIXES):
        what = "a directory" if path.is_dir() else "another file" if path.exists() else "no such file"
        raise InputError(f"--weights must be a {' or '.join(WEIGHT_SUFFIXES)} file. Received: {path}, {what}.")
    saved = _read(path, arch)
    left_out = "" if classifier else CLASSIFIER
    held, expected = _shapes(saved, left_out), _shapes(model, left_out)
    differing = [name for name in expected | held if expected.get(name) != held.get(name)]
    if differing == [CLASSIFIER]:
        held_classes = held[CLASSIFIER][0][-1] if CLASSIFIER in held else "no classifier"
        raise InputError(
            f"--weights={path} must be of {expected[CLASSIFIER][0][-1]} classes. Received: {held_classes}. Give that "
            f"number of classes, or start the classifier afresh: train with --new_classifier."
        )
    if differing:
        raise InputError(
            f"--weights={path} holds another architecture than {arch.name}: the shapes of weights differ, first in "
            f"{differing[0]}."
        )
    for name in expected:
        model.get_layer(name).set_weights(saved.get_layer(name).get_weights())
