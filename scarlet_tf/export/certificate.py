"""How far an artifact is from the model it was made of, and what it is made of itself."""

import hashlib
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

from scarlet_tf.errors import RunError
from scarlet_tf.export.leftovers import training_leftovers
from scarlet_tf.export.operators import operators
from scarlet_tf.export.partitions import partitions
from scarlet_tf.export.runtimes import load_artifact

TOLERANCES = {"none": 1e-4, "fp16": 1e-2}
"""Largest `max_rel_error` of an artifact by how it is quantised. float32 differs in the order of sums. What integers
cost is measured, as accuracy and agreement, and not bounded."""

_PACKAGES = ("tensorflow", "keras", "numpy", "tf2onnx", "onnx", "onnxruntime", "ai-edge-litert")


class ParityError(RunError):
    """An artifact does not compute what its model computes: a defect, not bad input."""


def parity(logits: np.ndarray, expected: np.ndarray) -> dict:
    """Errors of `logits` against `expected`, both (n, classes).

    `max_abs_error` is max |logits - expected|; `max_rel_error` is that over max |expected|; `top1_agreement`
    counts the images whose best class is the same.
    """
    if logits.shape != expected.shape:
        raise ValueError(f"Logits must have one shape. Received: {logits.shape} and {expected.shape}.")
    logits, expected = np.float64(logits), np.float64(expected)
    max_abs_error = float(np.abs(logits - expected).max())
    scale = float(np.abs(expected).max())
    agreed = int((logits.argmax(axis=1) == expected.argmax(axis=1)).sum())
    return {
        "max_abs_error": max_abs_error,
        "max_rel_error": max_abs_error / scale if scale else float("inf") if max_abs_error else 0.0,
        "top1_agreement": {"count": agreed, "of": len(expected)},
    }


def check_parity(what: str, errors: Mapping, tolerance: float | None) -> None:
    """Raises ParityError, naming `what`, where `max_rel_error` is above `tolerance` or not a number."""
    limit = np.finfo(np.float64).max if tolerance is None else tolerance
    if not errors["max_rel_error"] <= limit:
        agreement = errors["top1_agreement"]
        raise ParityError(
            f"{what}: max |a - b| / max |b| must be at most {limit:g}. "
            f"It is {errors['max_rel_error']:.3g}, and the best class is equal for {agreement['count']} of "
            f"{agreement['of']} images."
        )


def certify(
    path: Path,
    images: np.ndarray,
    expected: np.ndarray,
    quantize: str = "none",
    labels: np.ndarray | None = None,
    others: Mapping[str, np.ndarray] | None = None,
) -> dict:
    """Runs the artifact at `path` by its own runtime and returns its errors, size, digest, operators, partitions and
    what it still has of training.

    `expected` holds the source model's logits on `images` (n, size, size, 3). With `labels` (n,), the accuracy is
    added; for each of `others`, the logits of something else that the artifact stands for, the errors against that, by
    its name. Raises ParityError above the tolerance of `quantize`.
    """
    predictor = load_artifact(path)
    with float32_products():
        logits = predictor.predict(images)
    errors = parity(logits, expected)
    tolerance = TOLERANCES.get(quantize)
    check_parity(f"{path.name} ({predictor.format}) against the Keras model", errors, tolerance)
    entry = {"quantize": quantize, **errors, "tolerance": tolerance}
    if labels is not None:
        entry["accuracy"] = float(np.mean(logits.argmax(axis=1) == labels))
    entry |= {name: parity(logits, wanted) for name, wanted in (others or {}).items()}
    entry["training_leftovers"] = training_leftovers(path)
    entry |= {"bytes": size_in_bytes(path), "sha256": sha256(path), "operators": operators(path)}
    if path.suffix == ".tflite":
        entry["partitions"] = asdict(partitions(path))
    return entry


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def size_in_bytes(path: Path) -> int:
    """Size of a file, or of all files in a directory."""
    return sum(file.stat().st_size for file in _files(path))


def sha256(path: Path) -> str:
    """SHA-256 of a file; of a directory, that of the list of its files, each with its own, as `sha256sum` prints it."""
    if not path.is_dir():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    lines = [f"{sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in _files(path)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def package_versions() -> dict[str, str]:
    """Versions of what wrote and ran the artifacts."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


@contextmanager
def float32_products() -> Iterator[None]:
    """Keeps GPUs from rounding float32 to TensorFloat-32, an error of about 1e-3."""
    import tensorflow as tf

    allowed = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(allowed)
