"""A detector as SavedModel and TFLite, each run by its own runtime and compared with the Keras model."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.detect.categories import FILE_NAME as CATEGORIES_FILE
from scarlet_tf.detect.categories import Category, categories_to_data
from scarlet_tf.detect.retinanet import decode
from scarlet_tf.detect.runtimes import DetectorSource, keras_detector
from scarlet_tf.detect.suppression import MIN_SCORE, suppress
from scarlet_tf.export.certificate import ParityError, float32_products, package_versions, size_in_bytes
from scarlet_tf.export.tflite import converted
from scarlet_tf.export.versions import publish_version
from scarlet_tf.files import write_json
from scarlet_tf.nets.depthwise_parts import depthwise_in_parts

OUTPUTS = {
    "boxes": "(n, anchors, 4): left, top, right, bottom in pixels of the letterboxed square, within it",
    "scores": "(n, anchors, classes): from 0 to 1, the classes in the order of categories.json",
}

TOLERANCES = {"none": 1e-3, "fp16": 5e-2}
"""Largest `max_rel_error` of an output, by how the file is quantised. Sides of boxes are exponentials of what the
network computes."""


def write_signatures(model: keras.Model, directory: str | Path, batch_size: int | None = None) -> None:
    """Writes a detector as a SavedModel straight into `directory`, for any batch or a fixed `batch_size`.

    The signature `serving_default` takes `image` (float32 NHWC, letterboxed) and gives OUTPUTS; `detect` gives what is
    left of them once duplicates are suppressed (`suppress`).
    """
    image = tf.TensorSpec((batch_size, *model.input_shape[1:]), tf.float32, name="image")
    answer = tf.function(lambda image: decode(model, image)).get_concrete_function(image)

    def detect(image: tf.Tensor) -> dict[str, tf.Tensor]:
        answers = decode(model, image)
        return suppress(answers["boxes"], answers["scores"])

    owner = tf.Module()
    owner.weights = list(answer.variables)
    signatures = {"serving_default": answer}
    if batch_size is None:
        signatures["detect"] = tf.function(detect).get_concrete_function(image)
    tf.saved_model.save(owner, os.fspath(directory), signatures=signatures)


def write_detector_tflite(model: keras.Model, path: Path, quantize: str = "none") -> None:
    """Writes a detector to `path`: input `image` (1, s, s, 3), outputs OUTPUTS, by its signature. Raises RuntimeError
    where an operator is not one of LiteRT's own."""
    with tempfile.TemporaryDirectory() as saved_model, depthwise_in_parts(model):
        write_signatures(model, saved_model, batch_size=1)
        path.write_bytes(converted(saved_model, quantize))


def export_detector(
    model: keras.Model,
    categories: Sequence[Category],
    formats: Sequence[str],
    quantize: Sequence[str],
    output_dir: str | Path,
    images: np.ndarray,
    facts: Mapping | None = None,
) -> dict:
    """Writes a detector to `output_dir` in each of `formats`, savedmodel and tflite, with `categories.json` and, last,
    `certificate.json`; returns the certificate.

    Every file is run on `images` (n, size, size, 3) and compared with `model`; `facts` are put into the certificate as
    they are. Raises ParityError where an error is above its tolerance: `output_dir` is then as it was.
    """
    output_dir, categories = Path(output_dir), tuple(categories)
    with float32_products():
        expected = keras_detector(model, categories).answers(images)
    jobs = [(name, how) for name in formats for how in (quantize if name == "tflite" else ["none"])]
    certificate = {
        "detector": model.name,
        "image_size": model.input_shape[1],
        "num_classes": len(categories),
        "anchors": expected[0].shape[1],
        "outputs": OUTPUTS,
        "images": len(images),
        **(facts or {}),
        "formats": {},
    }
    made = not output_dir.exists()
    output_dir.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".export.", dir=output_dir) as holder:
            staging, written = Path(holder), {}
            write_json(staging / CATEGORIES_FILE, categories_to_data(categories))
            for name, how in dict.fromkeys(jobs):
                entry = name if how == "none" else f"{name}_{how}"
                path = staging / ("1" if name == "savedmodel" else entry.replace("tflite", "detector") + ".tflite")
                if name == "savedmodel":
                    write_signatures(model, path)
                else:
                    write_detector_tflite(model, path, how)
                certificate["formats"][entry] = _certify(path, categories, images, expected, how)
                written[entry] = path
            certificate["versions"] = package_versions() | {"keras-hub": version("keras-hub")}
            # A kill from here on leaves no certificate, rather than an old one beside new artifacts.
            (output_dir / "certificate.json").unlink(missing_ok=True)
            os.replace(staging / CATEGORIES_FILE, output_dir / CATEGORIES_FILE)
            for entry, path in written.items():
                published = _publish(path, output_dir)
                file = published.relative_to(output_dir).as_posix()
                certificate["formats"][entry] = {"file": file, **certificate["formats"][entry]}
    finally:
        if made and not any(output_dir.iterdir()):
            output_dir.rmdir()
    write_json(output_dir / "certificate.json", certificate)
    return certificate


def _publish(path: Path, output_dir: Path) -> Path:
    if path.is_dir():
        return publish_version(path, output_dir / "savedmodel")
    os.replace(path, output_dir / path.name)
    return output_dir / path.name


def _certify(
    path: Path,
    categories: tuple[Category, ...],
    images: np.ndarray,
    expected: tuple[np.ndarray, np.ndarray],
    quantize: str,
) -> dict:
    """Size and errors of the artifact at `path`: of each output, max |a - b|, and that over max |b|.

    Of boxes, those count whose anchor sees something, with a score that suppression lets pass, or where none does, all:
    no training holds the other ones in place.
    """
    detector = DetectorSource(path, categories).load()
    with float32_products():
        received = detector.answers(images)
    seeing = expected[1].max(axis=2) >= MIN_SCORE  # (n, anchors)
    if not seeing.any():
        seeing[:] = True
    compared = {"boxes": (received[0][seeing], expected[0][seeing]), "scores": (received[1], expected[1])}
    tolerance = TOLERANCES[quantize]
    entry = {"quantize": quantize, "tolerance": tolerance, "boxes_compared": int(seeing.sum()), "outputs": {}}
    for name, (values, wanted) in compared.items():
        error, scale = float(np.abs(values - wanted).max()), float(np.abs(wanted).max())
        relative = error / scale if scale else float("inf") if error else 0.0
        entry["outputs"][name] = {"max_abs_error": error, "max_rel_error": relative}
        if not relative <= tolerance:
            raise ParityError(
                f"{path.name} against the Keras model: max |a - b| / max |b| of {name} must be at most "
                f"{tolerance:g}. It is {relative:.3g}. On noise, for which no detector is made, it can be so: compare "
                "on pictures, with --images."
            )
    return {**entry, "bytes": size_in_bytes(path)}
