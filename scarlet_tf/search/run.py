"""A search over a trained supernet, from settings to a finished workdir."""

from pathlib import Path

from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.data import Dataset
from scarlet_tf.models import load_supernet
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.evaluator import SupernetEvaluator, fingerprint
from scarlet_tf.search.selection import SearchResult
from scarlet_tf.search.workdir import search_workdir


def search_supernet(
    supernet_dir: str | Path,
    workdir: str | Path,
    dataset: Dataset,
    space: SearchSpace,
    config: SearchConfig,
    num_picks: int = 3,
    max_images: int | None = None,
    batch_size: int = 500,
    latency_table: str | Path | None = None,
    bn: str = "moving",
    recalibration_images: int | None = None,
) -> tuple[SearchResult, list[Path]]:
    """Searches `space` over the supernet trained in `supernet_dir`, as `search_workdir` does.

    Accuracies are those on the validation images of `dataset`, the first `max_images` of them.
    """
    supernet = load_supernet(supernet_dir)
    batches = dataset.evaluation_batches("validation", batch_size, config.image_size, max_images)
    evaluator = {
        "weights": fingerprint(supernet),
        "images": f"{max_images or 'all'} of {dataset.name} validation",
        "bn": bn,
        "recalibration_images": recalibration_images,
    }
    with dataset.naming_bad_files():
        return search_workdir(
            workdir,
            space,
            config,
            SupernetEvaluator(supernet, batches),
            evaluator,
            num_picks,
            latency_table,
            str(supernet_dir),
        )
