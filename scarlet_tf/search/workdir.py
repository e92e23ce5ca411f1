"""A search in a directory of its own, from settings to pictures, whatever evaluates its networks."""

from collections.abc import Mapping
from pathlib import Path

from scarlet_tf.arch import SearchSpace
from scarlet_tf.errors import InputError
from scarlet_tf.figures.diagram import draw_architecture
from scarlet_tf.figures.pareto import plot_pareto
from scarlet_tf.figures.search_history import plot_search_history
from scarlet_tf.files import check_output_dir, digest
from scarlet_tf.progress import progress
from scarlet_tf.search.candidates import read_latency
from scarlet_tf.search.config import SearchConfig, journal_header
from scarlet_tf.search.journal import JOURNAL, Journal
from scarlet_tf.search.nsga2 import Evaluate, search
from scarlet_tf.search.report import write_report
from scarlet_tf.search.results import write_results
from scarlet_tf.search.selection import GenerationRecord, SearchResult


def write_workdir(
    workdir: str | Path,
    space: SearchSpace,
    config: SearchConfig,
    result: SearchResult,
    num_picks: int = 3,
    export_weights: str | None = None,
) -> list[Path]:
    """Writes pareto.json, pareto.png, search_history.png, report.html, and picks/ with an arch.json and a diagram each;
    returns the arch.jsons' paths. `export_weights` is what the report's commands export from."""
    workdir = Path(workdir)
    paths = write_results(workdir, space, result, num_picks)
    picks = dict(zip((path.stem for path in paths), result.picks(num_picks), strict=True))
    plot_pareto(workdir / "pareto.png", result.evaluated, result.front, picks)
    plot_search_history(workdir / "search_history.png", space, result)
    write_report(workdir / "report.html", space, result, picks, export_weights, config)
    for path, (name, pick) in zip(paths, picks.items(), strict=True):
        arch = space.decode(pick.genotype, name)
        draw_architecture(path.with_suffix(".png"), arch, config.image_size, config.num_classes)
    return paths


def search_workdir(
    workdir: str | Path,
    space: SearchSpace,
    config: SearchConfig,
    evaluate: Evaluate,
    evaluator: Mapping[str, object],
    num_picks: int = 3,
    latency_table: str | Path | None = None,
    export_weights: str | None = None,
) -> tuple[SearchResult, list[Path]]:
    """Searches `space` and writes everything to `workdir`; stopped at any point and started again it ends the same.

    `evaluator` says what the accuracies of `evaluate` depend on: a journal goes on with the same only. Returns the
    result and the paths of the picks. Raises InputError for settings that cannot be met.
    """
    workdir = check_output_dir(workdir, "workdir")
    if num_picks < 1:
        raise InputError(f"--pick must be at least 1. Received: {num_picks}.")
    latency = read_latency(latency_table, space, config.image_size, config.num_classes)
    header = journal_header(space, config, evaluator, digest(latency_table) if latency_table else None)
    journal_path = workdir / JOURNAL
    made, resumed = not workdir.exists(), journal_path.exists()
    with (
        Journal(journal_path, header) as journal,
        progress(f"search {workdir}", config.generations) as report,
    ):

        def on_generation(record: GenerationRecord) -> None:
            report.update(
                record.generation + 1,
                f"{record.evaluations} evaluated  hypervolume {record.hypervolume:.4f}  "
                f"feasible {record.feasible_share:.0%}  best {record.best_accuracy:.1%}",
            )

        try:
            result = search(space, config, evaluate, journal, on_generation, latency)
        except InputError:
            evaluated = journal_path.read_bytes().count(b"\n") > 1
            if not resumed and not evaluated:  # leave nothing of a search that did not begin
                journal_path.unlink()
                if made:
                    workdir.rmdir()
            raise
    return result, write_workdir(workdir, space, config, result, num_picks, export_weights)
