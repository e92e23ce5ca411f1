"""What travels with a network in every format: its labels, what it was fed, and where it comes from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scarlet_tf.data import Dataset
from scarlet_tf.data.preprocessing import IMAGENET, Normalisation
from scarlet_tf.errors import InputError

RESIZES = ("whole", "centre_crop")
"""How an image becomes a square: the whole of it stretched bilinearly, or, antialiased, the centre of it that is 0.875
of its short side."""


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


def read_labels(path: str | Path) -> tuple[str, ...]:
    """The labels in a text file, a line each. Raises InputError where it cannot be read or a line is empty."""
    try:
        labels = tuple(Path(path).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--labels must be a text file with a label a line. Received: {path} ({error}).") from error
    if not labels or not all(label.strip() for label in labels):
        raise InputError(f"--labels={path} must hold a label a line, and no empty line.")
    return labels
