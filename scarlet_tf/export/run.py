"""An export, from `--model` and `--weights` to artifacts with their certificate."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from scarlet_tf.arch.cost import count
from scarlet_tf.arch.named import NamedArch
from scarlet_tf.data import Dataset
from scarlet_tf.export.artifacts import export_model
from scarlet_tf.export.certificate import float32_products
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
    def of_dataset(cls, dataset: Dataset, image_size: int, count: int) -> "ExportImages":
        with dataset.naming_bad_files():
            batches = list(dataset.evaluation_batches("test", 256, image_size, count).as_numpy_iterator())
        images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return cls(images, f"{len(images)} test images of {dataset.name}", labels)


def export(
    named: NamedArch,
    loaded: LoadedModel,
    formats: Sequence[str],
    quantize: Sequence[str],
    output_dir: str | Path,
    examples: ExportImages,
) -> dict:
    """Writes the network's artifacts to `output_dir` and returns their certificate (`export_model`)."""
    sizes = (loaded.model.input_shape[1], loaded.model.output_shape[1])
    kept = loaded.extraction is not None and loaded.extraction.kept > 0
    facts = {
        "arch": named.to_dict(),
        "images_from": examples.origin,
        "fresh_weights": loaded.fresh,
        "cost": asdict(count(named.arch, *sizes, stabilizers=kept)),
    }
    reference = None
    if loaded.extraction is not None:
        facts |= {
            "cost_in_supernet": asdict(count(named.arch, *sizes, stabilizers=loaded.extraction.kind == "els")),
            "stabilizers_removed": len(loaded.extraction.removals),
            "stabilizers_left": loaded.extraction.kept,
            "removals": [asdict(removal) for removal in loaded.extraction.removals],
        }
        with float32_products():
            reference = loaded.path_logits(examples.images)
    return export_model(loaded.model, formats, quantize, output_dir, examples.images, examples.labels, reference, facts)
