"""Searches for accurate networks under constraints: weighted NSGA-II over a trained supernet.

Run the same command again to go on after a stop. The workdir gets journal.jsonl (every network evaluated),
pareto.json, pareto.png, search_history.png, report.html (a page to look at every network, which opens in a browser),
and picks/ with an arch.json and a diagram of each network picked. Accuracies come from a supernet (--supernet) or from
a table (--evaluator=table:FILE, with --space, --image_size and --num_classes). --replay ranks the networks of a journal
anew, by other objectives and constraints, and evaluates nothing.
"""

from dataclasses import replace
from pathlib import Path

from absl import flags
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.arch import SearchSpace, get_space
from scarlet_tf.data import DATASETS
from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir
from scarlet_tf.search.candidates import read_latency
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.evaluation import Evaluation
from scarlet_tf.search.initial_population import read_initial_population
from scarlet_tf.search.nsga2 import check_constraints
from scarlet_tf.search.objectives import parse_constraints, parse_objectives, reweighted
from scarlet_tf.search.operators import MutationRates
from scarlet_tf.search.replay import PastSearch
from scarlet_tf.search.selection import SearchResult
from scarlet_tf.search.table import AccuracyTable
from scarlet_tf.train.config import STRATEGIES
from scarlet_tf.weights import read_supernet_training

_WORKDIR = flags.DEFINE_string("workdir", None, "Directory of this search.")
_PICK = flags.DEFINE_integer("pick", 3, "Networks to pick, at equal distance along the front.", lower_bound=1)
_MADDS_MAX = flags.DEFINE_float("madds_max", 500e6, "Multiply-adds that a network must stay below.")
_ACC_MIN = flags.DEFINE_float("acc_min", 0.4, "Accuracy, from 0 to 1, that a network must exceed.")
_CONSTRAINTS = flags.DEFINE_string("constraints", "", "More of them, as latency:max:20,params:max:5e6.")
_OBJECTIVES = flags.DEFINE_string(
    "objectives", "acc:max:0.4,madds:min:0.4,params:max:0.2", "Of acc, madds, params and latency, and their weights."
)
_WEIGHTS = flags.DEFINE_string("weights", None, "Other weights of the objectives, as acc:0.4,madds:0.4,params:0.2.")
_LATENCY_TABLE = flags.DEFINE_string("latency_table", None, "latency.json of a device, where latency counts.")
_REPLAY = flags.DEFINE_string("replay", None, "Journal, or workdir, of a search whose networks to rank anew.")

_POPULATION = flags.DEFINE_integer("population", 70, "Networks that survive a generation.")
_GENERATIONS = flags.DEFINE_integer("generations", 120, "Generations, the first two of random networks.")
_INITIAL_POPULATION = flags.DEFINE_string("initial_population", None, "Networks to begin with: such as a pareto.json.")
_CROSSOVER_RATIO = flags.DEFINE_float("crossover_ratio", 1.0, "Share of the offspring that mixes two parents.")
_MUTATION_RATIO = flags.DEFINE_float("mutation_ratio", 0.8, "Share of the offspring that mutates (paper Table 7).")
_RANDOM = flags.DEFINE_float("mutation_random", 0.2, "Share of mutations that are random (p_rm).")
_REINFORCED = flags.DEFINE_float("mutation_reinforced", 0.65, "Share that follow the survivors (p_re).")
_PRIOR_REGULATED = flags.DEFINE_float("mutation_prior_regulated", 0.15, "Share that go by a slot's cost (p_pr).")
_BY_MADDS = flags.DEFINE_float("prior_by_madds", 0.7, "Share of those by MAdds (p_M); the rest by params (p_K-M).")
_MAX_ATTEMPTS = flags.DEFINE_integer("max_attempts", 10_000, "Proposals after which a generation gives up.")
_MAX_ROUNDS = flags.DEFINE_integer("max_rounds", 10, "Batches of evaluations after which a generation gives up.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the search.")
_EVALUATOR = flags.DEFINE_string("evaluator", "supernet", "What gives the accuracies: supernet, or table:FILE.")

_SPACE = flags.DEFINE_string("space", None, "Space of the table: s1, s2, small, nas_bench_macro or a .json file.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", None, "Pixels a side, by which the table's networks are counted.")
_NUM_CLASSES = flags.DEFINE_integer("num_classes", None, "Classes, by which the table's networks are counted.")

_SUPERNET = flags.DEFINE_string(
    "supernet", None, "Workdir of its training; with --replay, what report.html exports from."
)
_DATASET = flags.DEFINE_enum("dataset", None, DATASETS, "Whose validation images count; by default the supernet's.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Where the images are; by default as in the supernet's training.")
_BN = flags.DEFINE_enum(
    "bn",
    "moving",
    ["moving", "recalibrate"],
    "Batch norm statistics of a path: those gathered in training, or its own.",
)
_RECALIBRATION_IMAGES = flags.DEFINE_integer(
    "recalibration_images", None, "Training images for --bn=recalibrate; by default 1000."
)
_MAX_IMAGES = flags.DEFINE_integer("max_images", None, "Validation images to use; by default all.", lower_bound=1)
_EVAL_BATCH_SIZE = flags.DEFINE_integer(
    "eval_batch_size", None, "Images a device evaluates at a time; by default as many as suit it.", lower_bound=1
)
_STRATEGY = flags.DEFINE_enum("strategy", "auto", STRATEGIES, "Devices that share the images, as of train.")
_TPU = flags.DEFINE_string("tpu", "", "Name or address of the TPU, for --strategy=tpu.")
_CONNECT_TIMEOUT = flags.DEFINE_float("connect_timeout", 300.0, "Seconds within which other hosts must answer.")

_OF_A_SUPERNET = (
    _SUPERNET,
    _DATASET,
    _DATA_DIR,
    _BN,
    _RECALIBRATION_IMAGES,
    _MAX_IMAGES,
    _EVAL_BATCH_SIZE,
    _STRATEGY,
    _TPU,
    _CONNECT_TIMEOUT,
)
_OF_A_TABLE = (_SPACE, _IMAGE_SIZE, _NUM_CLASSES)
_OF_EVOLUTION = (
    _POPULATION,
    _GENERATIONS,
    _INITIAL_POPULATION,
    _CROSSOVER_RATIO,
    _MUTATION_RATIO,
    _RANDOM,
    _REINFORCED,
    _PRIOR_REGULATED,
    _BY_MADDS,
    _MAX_ATTEMPTS,
    _MAX_ROUNDS,
    _SEED,
    _EVALUATOR,
)


def _with_demands(config: SearchConfig) -> SearchConfig:
    """`config` with the objectives and constraints that were given."""
    given = {flag.name: flag.value for flag in (_MADDS_MAX, _ACC_MIN) if flag.present}
    if _CONSTRAINTS.present:
        given["constraints"] = parse_constraints(_CONSTRAINTS.value)
    objectives = parse_objectives(_OBJECTIVES.value) if _OBJECTIVES.present else config.objectives
    if _WEIGHTS.value is not None:
        objectives = reweighted(objectives, _WEIGHTS.value)
    return replace(config, objectives=objectives, **given)


def _checked_config(space: SearchSpace, image_size: int, num_classes: int) -> SearchConfig:
    """The settings given, once it is known that a network can meet them."""
    mutation = MutationRates(
        _MUTATION_RATIO.value, _RANDOM.value, _REINFORCED.value, _PRIOR_REGULATED.value, _BY_MADDS.value
    )
    config = SearchConfig(
        population=_POPULATION.value,
        generations=_GENERATIONS.value,
        crossover_ratio=_CROSSOVER_RATIO.value,
        mutation=mutation,
        initial_population=read_initial_population(_INITIAL_POPULATION.value, space),
        seed=_SEED.value,
        image_size=image_size,
        num_classes=num_classes,
        max_attempts=_MAX_ATTEMPTS.value,
        max_rounds=_MAX_ROUNDS.value,
    )
    config = _with_demands(config)
    check_constraints(space, config, read_latency(_LATENCY_TABLE.value, space, image_size, num_classes))
    check_output_dir(_WORKDIR.value, "workdir")
    return config


def _search_supernet() -> tuple[SearchResult, list[Path]] | None:
    command.refuse("--evaluator=supernet", *_OF_A_TABLE)
    command.require(_SUPERNET)
    evaluation = Evaluation(_MAX_IMAGES.value, _EVAL_BATCH_SIZE.value, _BN.value, _RECALIBRATION_IMAGES.value)
    training = read_supernet_training(_SUPERNET.value, "supernet")
    dataset = command.load_dataset(_DATASET.value or training.dataset, _DATA_DIR.value or training.data_dir)
    if dataset.num_classes != training.num_classes:
        raise InputError(
            f"--dataset must have the {training.num_classes} classes of the supernet. Received: {dataset.name}, with "
            f"{dataset.num_classes}."
        )
    config = _checked_config(training.space, training.image_size, training.num_classes)
    command.start_tensorflow()
    from scarlet_tf.search.run import search_supernet

    return search_supernet(
        _SUPERNET.value,
        _WORKDIR.value,
        dataset,
        config,
        evaluation,
        _PICK.value,
        _LATENCY_TABLE.value,
        _STRATEGY.value,
        _TPU.value,
        _CONNECT_TIMEOUT.value,
    )


def _search_table(path: str) -> tuple[SearchResult, list[Path]]:
    command.refuse(f"--evaluator={_EVALUATOR.value}", *_OF_A_SUPERNET)
    command.require(*_OF_A_TABLE)
    space = get_space(_SPACE.value)
    table = AccuracyTable(path, space)
    config = _checked_config(space, _IMAGE_SIZE.value, _NUM_CLASSES.value)
    from scarlet_tf.search.workdir import search_workdir

    return search_workdir(
        _WORKDIR.value, space, config, table, {"table": table.digest}, _PICK.value, _LATENCY_TABLE.value
    )


def _replay() -> tuple[SearchResult, list[Path]]:
    command.refuse(
        "--replay", *_OF_EVOLUTION, *_OF_A_TABLE, *(flag for flag in _OF_A_SUPERNET if flag is not _SUPERNET)
    )
    past = PastSearch.read(_REPLAY.value)
    if _SUPERNET.value is not None and read_supernet_training(_SUPERNET.value, "supernet").space != past.space:
        raise InputError(f"--supernet must be of the space {past.space.name} of --replay. Received: {_SUPERNET.value}.")
    past.check_other_workdir(check_output_dir(_WORKDIR.value, "workdir"))
    config = _with_demands(past.config)
    latency = read_latency(_LATENCY_TABLE.value, past.space, config.image_size, config.num_classes)
    result = past.rerank(config, latency)
    from scarlet_tf.search.workdir import write_workdir

    return result, write_workdir(_WORKDIR.value, past.space, config, result, _PICK.value, _SUPERNET.value)


def _print(result: SearchResult, paths: list[Path]) -> None:
    timed = "latency" in result.front[0].measures
    table = Table("pick", "accuracy", "MAdds (M)", "params (M)", *["latency (ms)"] * timed, "genotype")
    for path, one in zip(paths, result.picks(_PICK.value), strict=True):
        costs = [f"{one.madds / 1e6:.2f}", f"{one.params / 1e6:.3f}"]
        latency = [f"{one.measures['latency']:.2f}"] if timed else []
        table.add_row(path.stem, f"{one.accuracy:.1%}", *costs, *latency, " ".join(map(str, one.genotype)))
    Console().print(table)
    rejected = ", ".join(f"{count} by {reason}" for reason, count in result.rejected.items())
    print(f"{len(result.evaluated)} networks evaluated; rejected: {rejected or 'none'}. Written to {_WORKDIR.value}.")


def main() -> None:
    command.require(_WORKDIR)
    kind, _, table = _EVALUATOR.value.partition(":")
    if kind not in ("supernet", "table") or (kind == "table") != bool(table):
        raise InputError(f"--evaluator must be supernet or table:FILE. Received: {_EVALUATOR.value!r}.")
    if _REPLAY.value is not None:
        found = _replay()
    elif table:
        found = _search_table(table)
    else:
        found = _search_supernet()
    if found is not None:  # as on a host that only helps another one
        _print(*found)


if __name__ == "__main__":
    command.run(main, globals())
