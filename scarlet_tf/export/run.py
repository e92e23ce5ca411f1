"""An export, and its verification, from `--model` and `--weights` to artifacts with their certificate."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from scarlet_tf.arch.cost import count
from scarlet_tf.arch.named import NamedArch
from scarlet_tf.data import Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.export.artifacts import certified_again, export_model
from scarlet_tf.export.certificate import ParityError, float32_products
from scarlet_tf.export.description import Description
from scarlet_tf.export.settings import ExportSettings
from scarlet_tf.export.verify import check_same
from scarlet_tf.models import LoadedModel


@dataclass(frozen=True)
class ExportImages:
    """What artifacts are compared on: images float32 (n, size, size, 3), as the pipeline feeds them, where they are
    from, and their labels int32 (n,), where they have any."""

    images: np.ndarray
    origin: str
    labels: np.ndarray | None = None

    @classmethod
    def random(cls, image_size: int, count: int, seed: int = 0) -> "ExportImages":
        images = np.random.default_rng(seed).normal(size=(count, image_size, image_size, 3))
        return cls(images.astype(np.float32), f"{count} images of normal noise")

    @classmethod
    def of_dataset(cls, dataset: Dataset, image_size: int, count: int, split: str = "test") -> "ExportImages":
        with dataset.naming_bad_files():
            batches = list(dataset.evaluation_batches(split, 256, image_size, count).as_numpy_iterator())
        images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return cls(images, f"{len(images)} {split} images of {dataset.name}", labels)


def _facts(named: NamedArch, loaded: LoadedModel, examples: ExportImages) -> dict:
    sizes = (loaded.model.input_shape[1], loaded.model.output_shape[1])
    kept = loaded.extraction is not None and loaded.extraction.kept > 0
    facts = {
        "arch": named.to_dict(),
        "images_from": examples.origin,
        "fresh_weights": loaded.fresh,
        "cost": asdict(count(named.arch, *sizes, stabilizers=kept)),
    }
    if loaded.extraction is not None:
        facts |= {
            "cost_in_supernet": asdict(count(named.arch, *sizes, stabilizers=loaded.extraction.kind == "els")),
            "stabilizers_removed": len(loaded.extraction.removals),
            "stabilizers_left": loaded.extraction.kept,
            "removals": [asdict(removal) for removal in loaded.extraction.removals],
        }
    return facts


def _reference(loaded: LoadedModel, examples: ExportImages) -> np.ndarray | None:
    if loaded.extraction is None:
        return None
    with float32_products():
        return loaded.path_logits(examples.images)


def export(
    named: NamedArch,
    loaded: LoadedModel,
    settings: ExportSettings,
    output_dir: str | Path,
    examples: ExportImages,
    description: Description,
    representative: np.ndarray | None = None,
    command: str | None = None,
) -> dict:
    """Writes the network's artifacts to `output_dir` and returns their certificate (`export_model`). `command` is what
    makes them again."""
    return export_model(
        loaded.model,
        settings,
        output_dir,
        examples.images,
        description,
        examples.labels,
        _reference(loaded, examples),
        representative,
        loaded.twin,
        {"command": command} | _facts(named, loaded, examples),
    )


def verify(
    named: NamedArch, loaded: LoadedModel, certificate: Mapping, output_dir: str | Path, examples: ExportImages
) -> None:
    """Computes the certificate of the files in `output_dir` again, and raises InputError where it is not
    `certificate`."""
    try:
        again = certified_again(
            loaded.model,
            certificate,
            output_dir,
            examples.images,
            examples.labels,
            _reference(loaded, examples),
            loaded.twin,
            _facts(named, loaded, examples),
        )
    except ParityError as error:
        raise InputError(f"{output_dir} does not match its certificate. {error}") from error
    check_same(output_dir, certificate, again)
