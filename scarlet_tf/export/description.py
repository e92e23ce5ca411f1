"""What travels with a network in every format: its labels, what it was fed, and where it comes from."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path

from scarlet_tf.data import Dataset
from scarlet_tf.data.imagenet import imagenet_classes
from scarlet_tf.data.preprocessing import IMAGENET, Normalisation
from scarlet_tf.errors import InputError

FILE_NAME = "description.json"
"""Of a description within or beside an artifact."""

RESIZES = {
    "whole": "the whole image stretched bilinearly",
    "centre_crop": "the centre of the image that is 0.875 of its short side, resized bilinearly with antialiasing",
}
"""How an image becomes a square."""


@dataclass(frozen=True)
class Preprocessing:
    """From an RGB image to what the network eats: resized as `resize`, one of RESIZES, says to `image_size` pixels a
    side, then `(pixel in [0, 1] - mean) / std`."""

    image_size: int
    resize: str = "centre_crop"
    normalisation: Normalisation = IMAGENET

    @classmethod
    def of_dataset(cls, dataset: Dataset, image_size: int) -> "Preprocessing":
        """As `Dataset.evaluation_batches` has it."""
        resize = "centre_crop" if dataset.augmentation == "inception" else "whole"
        return cls(image_size, resize, dataset.normalisation)


@dataclass(frozen=True)
class Description:
    """The network's name; its labels, in the order of the logits; its preprocessing; and its provenance, plain data:
    architecture, weights, the data it was trained on, versions."""

    name: str
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    provenance: Mapping = field(default_factory=dict)

    def to_json(self) -> str:
        """As a JSON object; `from_json` is its inverse."""
        return json.dumps(asdict(self) | {"provenance": dict(self.provenance)}, indent=2)

    def summary(self) -> str:
        """What it is and what it eats, in a sentence each."""
        fed = self.preprocessing
        return (
            f"Image classifier {self.name} of {len(self.labels)} classes. It takes RGB images of {fed.image_size} by "
            f"{fed.image_size} pixels, {RESIZES[fed.resize]}, as (pixel / 255 - mean) / std with "
            f"{_numbers(fed.normalisation)}, and gives a logit a class."
        )

    def contradictions(self, dataset: Dataset) -> list[str]:
        """What of it does not hold of `dataset`: a phrase each. Labels that are but numbers and ImageNet's ids for its
        names are no contradiction."""
        by_id = set(imagenet_classes())
        found = []
        for index, (label, name) in enumerate(zip(self.labels, dataset.class_names, strict=False)):
            if name != label and (name, label) not in by_id and not label.isdecimal():
                same = "the same ones in another order, " if set(self.labels) == set(dataset.class_names) else ""
                found.append(f"its labels are others, {same}first number {index}, {label!r} for {name!r}")
                break
        fed, given = self.preprocessing, Preprocessing.of_dataset(dataset, self.preprocessing.image_size)
        if fed.normalisation != given.normalisation:
            found.append(f"it takes pixels of {_numbers(fed.normalisation)} for {_numbers(given.normalisation)}")
        if fed.resize != given.resize:
            found.append(f"it takes images resized as {fed.resize} for {given.resize}")
        return found

    @classmethod
    def from_json(cls, text: str | bytes, where: str | Path) -> "Description":
        """Raises InputError, naming `where`, for anything else than `to_json` gives."""
        try:
            data = json.loads(text)
            fed = data.pop("preprocessing")
            vectors = {key: tuple(fed["normalisation"][key]) for key in ("mean", "std")}
            preprocessing = Preprocessing(fed["image_size"], fed["resize"], Normalisation(**vectors))
            return cls(data["name"], tuple(data["labels"]), preprocessing, data["provenance"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{where} must hold a network's description. Received: {error!r}.") from error


def _numbers(normalisation: Normalisation) -> str:
    mean, std = (", ".join(f"{value:g}" for value in vector) for vector in astuple(normalisation))
    return f"mean ({mean}) and std ({std})"


def read_labels(path: str | Path) -> tuple[str, ...]:
    """The labels in a text file, a line each. Raises InputError where it cannot be read or a line is empty."""
    try:
        labels = tuple(Path(path).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--labels must be a text file with a label a line. Received: {path} ({error}).") from error
    if not labels or not all(label.strip() for label in labels):
        raise InputError(f"--labels={path} must hold a label a line, and no empty line.")
    return labels


def read_description(path: str | Path) -> Description | None:
    """The description in a .tflite, .onnx or .keras file, a SavedModel's version directory, or the newest version in a
    directory; None where it has none. Raises InputError for a damaged one."""
    path = Path(path)
    if path.suffix == ".onnx":
        from scarlet_tf.export.onnx_metadata import read_onnx_description

        return read_onnx_description(path)
    if path.suffix in (".tflite", ".keras"):
        return _read_packed(path)
    if not (path / "saved_model.pb").is_file():
        numbers = [int(file.parent.name) for file in path.glob("*/saved_model.pb") if file.parent.name.isdecimal()]
        path /= str(max(numbers, default=0))
    file = path / "assets.extra" / FILE_NAME
    return Description.from_json(_read(file), file) if file.is_file() else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} must hold a network's description. Received: {error}.") from error


def _read_packed(path: Path) -> Description | None:
    """The description in a file that is, or ends with, a zip archive."""
    content = io.BytesIO(_read(path))
    if not zipfile.is_zipfile(content):
        return None
    try:
        with zipfile.ZipFile(content) as archive:
            if FILE_NAME not in archive.namelist():
                return None
            text = archive.read(FILE_NAME)
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} must hold a network's description. Received: {error}.") from error
    return Description.from_json(text, path)
