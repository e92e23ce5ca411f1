"""A search over a trained supernet, from settings to a finished workdir."""

from pathlib import Path

from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.data import Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.figures.diagram import draw_architecture
from scarlet_tf.figures.pareto import plot_pareto
from scarlet_tf.files import check_output_dir
from scarlet_tf.models import load_supernet
from scarlet_tf.progress import progress
from scarlet_tf.search.config import SearchConfig, journal_header
from scarlet_tf.search.evaluator import SupernetEvaluator, fingerprint
from scarlet_tf.search.journal import Journal
from scarlet_tf.search.nsga2 import GenerationRecord, SearchResult, search
from scarlet_tf.search.results import write_results


def search_supernet(
    supernet_dir: str | Path,
    workdir: str | Path,
    dataset: Dataset,
    space: SearchSpace,
    config: SearchConfig,
    num_picks: int = 3,
    max_images: int | None = None,
    batch_size: int = 500,
) -> tuple[SearchResult, list[Path]]:
    """Searches `space` over the supernet trained in `supernet_dir` and writes everything to `workdir`.

    Accuracies are those on the validation images of `dataset`, the first `max_images` of them. Stopped at any point
    and started again it ends with the same front. Returns the result and the paths of the picks. Raises InputError
    for settings that cannot be met.
    """
    workdir = check_output_dir(workdir, "workdir")
    if num_picks < 1:
        raise InputError(f"--pick must be at least 1. Received: {num_picks}.")
    supernet = load_supernet(supernet_dir)
    batches = dataset.evaluation_batches("validation", batch_size, config.image_size, max_images)
    evaluate = SupernetEvaluator(supernet, batches)
    source = f"{fingerprint(supernet)}, {dataset.name} validation, {max_images or 'all'} images"
    journal_path = workdir / "journal.jsonl"
    made, resumed = not workdir.exists(), journal_path.exists()
    with (
        Journal(journal_path, journal_header(space, config, source)) as journal,
        progress(f"search {workdir}", config.generations) as report,
        dataset.naming_bad_files(),
    ):

        def on_generation(record: GenerationRecord) -> None:
            note = f"{record.evaluations} evaluated  front {record.front_size}  best {record.best_accuracy:.1%}"
            report.update(min(record.generation + 1, config.generations), note)

        try:
            result = search(space, config, evaluate, journal, on_generation)
        except InputError:  # nobody is accurate enough: leave nothing of a search that did not begin
            if not resumed:
                journal_path.unlink()
            if made:
                workdir.rmdir()
            raise
    paths = write_results(workdir, space, result, num_picks)
    picks = dict(zip((path.stem for path in paths), result.picks(num_picks), strict=True))
    plot_pareto(workdir / "pareto.png", result.evaluated, result.front, picks)
    for path, (name, pick) in zip(paths, picks.items(), strict=True):
        arch = space.decode(pick.genotype, name)
        draw_architecture(path.with_suffix(".png"), arch, config.image_size, config.num_classes)
    return result, paths
