"""One model to all requested formats, each proved to compute what the model computes."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from scarlet_tf.export.certificate import (
    TOLERANCES,
    certify,
    check_parity,
    float32_products,
    package_versions,
    parity,
)
from scarlet_tf.export.description import Description, Preprocessing
from scarlet_tf.export.formats import check_formats
from scarlet_tf.export.keras_file import write_keras
from scarlet_tf.export.onnx import write_onnx
from scarlet_tf.export.runtimes import keras_predictor
from scarlet_tf.export.savedmodel import write_savedmodel
from scarlet_tf.export.tflite import write_tflite
from scarlet_tf.export.versions import check_version, publish_version
from scarlet_tf.files import write_json


def export_model(
    model: keras.Model,
    formats: Sequence[str],
    quantize: Sequence[str],
    output_dir: str | Path,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    reference: np.ndarray | None = None,
    facts: Mapping | None = None,
    description: Description | None = None,
    version: int | None = None,
) -> dict:
    """Writes `model` to `output_dir` in each of `formats`, then `certificate.json`; returns the certificate.

    `model` maps `image` (float32 NHWC) to `logits`. Every artifact is run on `images` (n, size, size, 3) and compared
    with `model`; `model` itself with `reference`, the logits of what it was extracted from, where given. `labels` (n,),
    where given, add accuracies. `quantize` says which TFLite files to write, the other formats stay float32. `facts`
    (how many stabilizers were removed and left, costs, where the images come from) are put into the certificate as they
    are. `description`, by default one with the classes' numbers as labels, travels with a SavedModel. An artifact of an
    earlier export is replaced; a SavedModel is added as `version`, by default the next one.

    Raises InputError for an unknown format, and ParityError where an error is above its tolerance:
    `output_dir` is then as it was.
    """
    check_formats(formats, quantize)
    output_dir = Path(output_dir)
    if "savedmodel" in formats:
        check_version(output_dir / "savedmodel", version)
    if description is None:
        numbers = tuple(map(str, range(model.output_shape[1])))
        description = Description(model.name, numbers, Preprocessing(model.input_shape[1]))
    with float32_products():
        expected = keras_predictor(model).predict(images)
    certificate = {
        "model": model.name,
        "image_size": model.input_shape[1],
        "num_classes": model.output_shape[1],
        "images": len(images),
        **(facts or {}),
    }
    if reference is not None:
        errors = parity(expected, reference)
        check_parity("The model against its reference", errors, TOLERANCES["none"])
        certificate["against_reference"] = {**errors, "tolerance": TOLERANCES["none"]}
    made = not output_dir.exists()
    output_dir.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".export.", dir=output_dir) as staging:
            jobs = _jobs(formats, quantize)
            written = {job: _write(model, *job, Path(staging), description, images) for job in jobs}
            certificate["formats"] = {
                _entry_name(*job): certify(path, images, expected, job[1], labels, reference)
                for job, path in written.items()
            }
            certificate["versions"] = package_versions()
            # A kill from here on leaves no certificate, rather than an old one beside new artifacts.
            (output_dir / "certificate.json").unlink(missing_ok=True)
            for job, path in written.items():
                name = _entry_name(*job)
                published = _publish(path, output_dir, version)
                certificate["formats"][name] = {
                    "file": published.relative_to(output_dir).as_posix(),
                    **certificate["formats"][name],
                }
    finally:
        if made and not any(output_dir.iterdir()):
            output_dir.rmdir()
    write_json(output_dir / "certificate.json", certificate)
    return certificate


def _jobs(formats: Sequence[str], quantize: Sequence[str]) -> list[tuple[str, str]]:
    """Each file to write once, as (format, how it is quantised)."""
    jobs = [(name, how) for name in formats for how in (quantize if name == "tflite" else ["none"])]
    return list(dict.fromkeys(jobs))


def _entry_name(name: str, quantize: str) -> str:
    return name if quantize == "none" else f"{name}_{quantize}"


def _write(
    model: keras.Model, name: str, quantize: str, directory: Path, description: Description, images: np.ndarray
) -> Path:
    if name == "savedmodel":
        return write_savedmodel(model, directory / "savedmodel", description, images)
    if name == "tflite":
        return write_tflite(model, directory / f"{_entry_name('model', quantize)}.tflite", quantize)
    if name == "onnx":
        return write_onnx(model, directory / "model.onnx")
    return write_keras(model, directory / "model.keras")


def _publish(path: Path, output_dir: Path, version: int | None) -> Path:
    if path.is_dir():
        return publish_version(path, output_dir / "savedmodel", version)
    os.replace(path, output_dir / path.name)
    return output_dir / path.name
