"""One model to all requested formats, each proved to compute what the model computes."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

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
from scarlet_tf.export.description import Description
from scarlet_tf.export.keras_file import write_keras
from scarlet_tf.export.model_card import FILE_NAME as MODEL_CARD
from scarlet_tf.export.model_card import model_card
from scarlet_tf.export.onnx import write_onnx
from scarlet_tf.export.quantization_report import quantisation_report
from scarlet_tf.export.runtimes import keras_predictor
from scarlet_tf.export.savedmodel import write_savedmodel
from scarlet_tf.export.settings import ExportSettings
from scarlet_tf.export.tflite import write_tflite
from scarlet_tf.export.verify import CERTIFICATE
from scarlet_tf.export.versions import publish_version
from scarlet_tf.figures.quantization import plot_sqnr
from scarlet_tf.files import replacing, write_json

if TYPE_CHECKING:
    from scarlet_tf.quantization.twin import Twin

NOISE_FIGURE = "quantization.png"


def export_model(
    model: keras.Model,
    settings: ExportSettings,
    output_dir: str | Path,
    images: np.ndarray,
    description: Description,
    labels: np.ndarray | None = None,
    reference: np.ndarray | None = None,
    representative: np.ndarray | None = None,
    twin: "Twin | None" = None,
    facts: Mapping | None = None,
) -> dict:
    """Writes `model` to `output_dir` as `settings` say, then `model_card.md` and `certificate.json`; returns the
    certificate. Of quantised files there is also a picture of the noise in each layer.

    `model` maps `image` (float32 NHWC) to `logits`. Every artifact is run on `images` (n, size, size, 3) and compared
    with `model`; `model` itself with `reference`, the logits of what it was extracted from, where given. `labels` (n,),
    where given, add accuracies. int8 takes its ranges from the images `representative`; qat is of the network's `twin`,
    and compared with that too. `description` travels with each artifact. `facts` (how stabilizers were removed, costs,
    where the images come from) are put into the certificate as they are. An artifact of an earlier export is replaced;
    a SavedModel is added as a version.

    Raises InputError for a version that there is, and ParityError where an error is above its tolerance: `output_dir`
    is then as it was.
    """
    output_dir = Path(output_dir)
    with float32_products():
        expected = keras_predictor(model).predict(images)
    certificate = _head(model, expected, labels, reference, facts)
    made = not output_dir.exists()
    output_dir.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".export.", dir=output_dir) as staging:
            written = {
                job: _write(model, *job, Path(staging), settings, description, images, representative, twin)
                for job in settings.jobs
            }
            certificate["formats"] = {
                entry_name(*job): certify(
                    path, images, expected, job[1], labels, _others(job[1], images, reference, twin)
                )
                for job, path in written.items()
            }
            if "onnx" in certificate["formats"]:
                certificate["formats"]["onnx"]["layout"] = settings.onnx_layout
            figure = Path(staging) / NOISE_FIGURE
            quantised = {how: path for (name, how), path in written.items() if name == "tflite" and how != "none"}
            if quantised:
                whole = written.get(("tflite", "none")) or write_tflite(
                    model, Path(staging) / "float32.tflite", batch_size=settings.batch_size
                )
                certificate["quantization"] = quantisation_report(whole, quantised, images, labels)
                noise = {how: certificate["quantization"][how]["sqnr_db"] for how in quantised}
                plot_sqnr(figure, noise, description.name)
            # A kill from here on leaves no certificate, rather than an old one beside new artifacts.
            for old in (CERTIFICATE, MODEL_CARD, NOISE_FIGURE):
                (output_dir / old).unlink(missing_ok=True)
            # first the SavedModel, whose number may have been taken meanwhile
            for job, path in sorted(written.items(), key=lambda item: item[0][0] != "savedmodel"):
                name = entry_name(*job)
                published = _publish(path, output_dir, settings.version)
                file = published.relative_to(output_dir).as_posix()
                certificate["formats"][name] = {"file": file, **certificate["formats"][name]}
            if quantised:
                os.replace(figure, output_dir / NOISE_FIGURE)
    finally:
        if made and not any(output_dir.iterdir()):
            output_dir.rmdir()
    with replacing(output_dir / MODEL_CARD) as temporary:
        temporary.write_text(model_card(description, certificate), encoding="utf-8")
    write_json(output_dir / CERTIFICATE, certificate)
    return certificate


def certified_again(
    model: keras.Model,
    certificate: Mapping,
    output_dir: str | Path,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    reference: np.ndarray | None = None,
    twin: "Twin | None" = None,
    facts: Mapping | None = None,
) -> dict:
    """The certificate of the files in `output_dir` that `certificate` is of, computed anew; arguments as of
    `export_model`, which writes nothing."""
    output_dir = Path(output_dir)
    with float32_products():
        expected = keras_predictor(model).predict(images)
    again = _head(model, expected, labels, reference, facts)
    again["formats"] = {
        name: {
            "file": entry["file"],
            **certify(
                output_dir / entry["file"],
                images,
                expected,
                entry["quantize"],
                labels,
                _others(entry["quantize"], images, reference, twin),
            ),
        }
        for name, entry in certificate["formats"].items()
    }
    return again


def _head(
    model: keras.Model,
    expected: np.ndarray,
    labels: np.ndarray | None,
    reference: np.ndarray | None,
    facts: Mapping | None,
) -> dict:
    """What a certificate says of `model` itself, whose logits are `expected`. Raises ParityError where they are not
    `reference`."""
    head = {
        "model": model.name,
        "image_size": model.input_shape[1],
        "num_classes": model.output_shape[1],
        "images": len(expected),
        **(facts or {}),
        "versions": package_versions(),
    }
    if labels is not None:
        head["accuracy"] = float(np.mean(expected.argmax(axis=1) == labels))
    if reference is not None:
        errors = parity(expected, reference)
        check_parity("The model against its reference", errors, TOLERANCES["none"])
        head["against_reference"] = {**errors, "tolerance": TOLERANCES["none"]}
    return head


def _others(
    quantize: str, images: np.ndarray, reference: np.ndarray | None, twin: "Twin | None"
) -> dict[str, np.ndarray]:
    """What else an artifact is compared with: the supernet's path, and what was trained to be quantised."""
    others = {} if reference is None else {"against_reference": reference}
    if quantize == "qat":
        others["against_twin"] = keras_predictor(twin.model).predict(images)
    return others


def entry_name(name: str, quantize: str) -> str:
    """What a certificate calls an artifact."""
    return name if quantize == "none" else f"{name}_{quantize}"


def _write(
    model: keras.Model,
    name: str,
    quantize: str,
    directory: Path,
    settings: ExportSettings,
    description: Description,
    images: np.ndarray,
    representative: np.ndarray | None,
    twin: "Twin | None",
) -> Path:
    if name == "savedmodel":
        return write_savedmodel(model, directory / "savedmodel", description, images)
    if name == "tflite":
        path = directory / f"{entry_name('model', quantize)}.tflite"
        return write_tflite(
            model,
            path,
            quantize,
            settings.batch_size,
            representative=representative,
            twin=twin,
            description=description,
        )
    if name == "onnx":
        return write_onnx(model, directory / "model.onnx", description, settings.opset, settings.onnx_layout)
    return write_keras(model, directory / "model.keras", description)


def _publish(path: Path, output_dir: Path, version: int | None) -> Path:
    if path.is_dir():
        return publish_version(path, output_dir / "savedmodel", version)
    os.replace(path, output_dir / path.name)
    return output_dir / path.name
