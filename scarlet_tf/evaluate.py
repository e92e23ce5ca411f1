"""Measures top-1 accuracy of a network, or of an exported artifact run by its own runtime.

--model is a .tflite, .onnx or .keras file, a SavedModel directory, or, with --weights where it has none of its own, a
published network's name, an arch.json, a workdir or SPACE:GENOTYPE.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from absl import flags

from scarlet_tf import command
from scarlet_tf.arch.named import resolve
from scarlet_tf.data import DATASETS, SPLITS, Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.export.description import read_description
from scarlet_tf.progress import progress
from scarlet_tf.weights import WeightsSource

ARTIFACT_SUFFIXES = (".tflite", ".onnx", ".keras")


def right_answers(
    predict: Callable[[np.ndarray], np.ndarray],
    dataset: Dataset,
    split: str,
    image_size: int,
    batch_size: int = 250,
    max_images: int | None = None,
) -> np.ndarray:
    """Whether each image of `split` gets its label from `predict` (images to logits), (images,) bool."""
    total = dataset.num_examples(split)
    total = total if max_images is None else min(total, max_images)
    right, seen = [], 0
    batches = dataset.evaluation_batches(split, batch_size, image_size, max_images)
    with progress(f"evaluate on {split}", total) as report, dataset.naming_bad_files():
        for images, labels in batches.as_numpy_iterator():
            right.append(predict(images).argmax(axis=1) == labels)
            seen += len(labels)
            report.update(seen)
    return np.concatenate(right)


def accuracy(
    predict: Callable[[np.ndarray], np.ndarray],
    dataset: Dataset,
    split: str,
    image_size: int,
    batch_size: int = 250,
    max_images: int | None = None,
) -> tuple[int, int]:
    """How many images of `split` get their label from `predict` (images to logits), and of how many."""
    right = right_answers(predict, dataset, split, image_size, batch_size, max_images)
    return int(right.sum()), len(right)


def is_artifact(model: str) -> bool:
    """Whether `--model` is an exported artifact, rather than an architecture."""
    path = Path(model)
    is_savedmodel = (path / "saved_model.pb").is_file() or any(path.glob("[0-9]*/saved_model.pb"))
    return path.suffix in ARTIFACT_SUFFIXES or is_savedmodel


def main() -> None:
    command.require(_MODEL)
    model, weights = _MODEL.value, _WEIGHTS.value
    for flag in (_MAX_IMAGES, _BATCH_SIZE):
        if flag.value is not None and flag.value < 1:
            raise InputError(f"--{flag.name} must be at least 1. Received: {flag.value}.")
    artifact = is_artifact(model)
    if artifact and not Path(model).exists():
        raise InputError(f"--model must be an artifact that is there. Received: {model}, which does not exist.")
    if artifact and weights is not None:
        raise InputError(f"--weights must be left out with an artifact, which has its own. Received: {weights}.")
    source = None
    if not artifact:
        named = resolve(model)
        source = WeightsSource.find(named, weights or (model if Path(model).is_dir() else None))
        if source.path is None:
            raise InputError(
                f"--weights must be given for {named.name}: a fresh network has no accuracy worth knowing."
            )
    trained = source.training if source else None
    name = _DATASET.value or (trained.dataset if trained else None)
    if name is None:
        raise InputError("--dataset must be given: the images to evaluate on.")
    dataset = command.load_dataset(
        name, _DATA_DIR.value or (trained.data_dir if trained and not _DATASET.value else None)
    )
    if source:
        source.check_num_classes(dataset.num_classes)
    command.start_tensorflow()
    from scarlet_tf.export.runtimes import keras_predictor, load_artifact

    if artifact:
        predictor = load_artifact(model)
    else:
        from scarlet_tf.models import load_model

        predictor = keras_predictor(load_model(named, source, num_classes=dataset.num_classes).model)
    if predictor.num_classes != dataset.num_classes:
        raise InputError(
            f"--dataset must have the {predictor.num_classes} classes of the model. Received: {name}, with "
            f"{dataset.num_classes}."
        )
    described = read_description(model) if artifact else None
    contradictions = described.contradictions(dataset) if described else None
    if contradictions:
        print(f"WARNING: {model} was not made for {dataset.name}: {'; '.join(contradictions)}.", file=sys.stderr)
    correct, seen = accuracy(
        predictor.predict, dataset, _SPLIT.value, predictor.image_size, _BATCH_SIZE.value, _MAX_IMAGES.value
    )
    print(f"{model}: {correct / seen:.2%} top-1 accuracy, {correct} of {seen} {_SPLIT.value} images of {dataset.name}")


if __name__ == "__main__":
    _MODEL = flags.DEFINE_string(
        "model", None, "An artifact, a published network's name, an arch.json, a workdir or SPACE:GENOTYPE."
    )
    _WEIGHTS = flags.DEFINE_string(
        "weights", None, "A supernet's or network's workdir, a .keras or .weights.h5 file, for an architecture."
    )
    _DATASET = flags.DEFINE_enum("dataset", None, DATASETS, "Images to evaluate on; by default those trained on.")
    _DATA_DIR = flags.DEFINE_string("data_dir", None, "Where the images are.")
    _SPLIT = flags.DEFINE_enum("split", "test", SPLITS, "Which of them.")
    _MAX_IMAGES = flags.DEFINE_integer("max_images", None, "How many of them; by default all.")
    _BATCH_SIZE = flags.DEFINE_integer("batch_size", 250, "Images at a time.")
    command.run(main, globals())
