"""One-shot accuracies of paths of a trained supernet. TensorFlow is imported when they are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scarlet_tf.arch.space import Genotype
from scarlet_tf.data import Dataset
from scarlet_tf.progress import progress


@dataclass(frozen=True)
class OneShot:
    """How a supernet was trained, and the one-shot accuracies, in [0, 1], that it gives to networks."""

    stabilizer: str
    method: str
    seed: int
    accuracies: tuple[float, ...]

    @property
    def name(self) -> str:
        return f"{self.method}_{self.stabilizer}_{self.seed}"


def one_shot_accuracies(
    supernet: str | Path, paths: Sequence[Genotype], dataset: Dataset, images: int, bn: str
) -> list[float]:
    """Accuracies, in [0, 1], of `paths` of the supernet trained in the workdir `supernet`, on the first `images`
    validation images, 100 at a time, with the `moving` BN statistics or, by `bn`, with those of each `batch`."""
    from scarlet_tf.models import load_supernet
    from scarlet_tf.search.evaluator import SupernetEvaluator
    from scarlet_tf.train.periodic_probe import MAX_BATCH_SIZE

    model = load_supernet(supernet)
    batches = dataset.evaluation_batches("validation", MAX_BATCH_SIZE, model.image_size, images)
    with progress(f"{len(paths)} paths of {Path(supernet).name}", images) as report, dataset.naming_bad_files():

        def reported() -> Iterator[tuple]:
            seen = 0
            for batch in batches:
                yield batch
                seen += len(batch[1])
                report.update(seen)

        accuracies = SupernetEvaluator(model, reported(), bn)(paths)
    return [round(accuracy, 6) for accuracy in accuracies]
