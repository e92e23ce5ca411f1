"""Searches a trained supernet for accurate networks under a budget: constrained, weighted NSGA-II.

Run the same command again to go on after a stop. The workdir gets journal.jsonl (every network evaluated),
pareto.json, pareto.png, and picks/ with an arch.json and a diagram of each network picked.
"""

from absl import flags
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.data import DATASETS
from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir
from scarlet_tf.search.config import SearchConfig, parse_weights
from scarlet_tf.search.nsga2 import check_budget
from scarlet_tf.search.operators import MutationRates
from scarlet_tf.weights import read_supernet_training

_SUPERNET = flags.DEFINE_string("supernet", None, "Workdir of the supernet's training.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Directory of this search.")
_DATASET = flags.DEFINE_enum("dataset", None, DATASETS, "Whose validation images count; by default the supernet's.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Where the images are; by default as in the supernet's training.")
_POPULATION = flags.DEFINE_integer("population", 70, "Networks that survive a generation.")
_GENERATIONS = flags.DEFINE_integer("generations", 120, "Generations, the first one of random networks.")
_MADDS_MAX = flags.DEFINE_float("madds_max", 500e6, "Multiply-adds that a network must stay below.")
_ACC_MIN = flags.DEFINE_float("acc_min", 0.4, "Accuracy, from 0 to 1, that a network must exceed.")
_WEIGHTS = flags.DEFINE_string("weights", "acc:0.4,madds:0.4,params:0.2", "Weights of the objectives.")
_MUTATION_RATIO = flags.DEFINE_float("mutation_ratio", 0.8, "Share of the offspring that mutates.")
_PICK = flags.DEFINE_integer("pick", 3, "Networks to pick, at equal distance along the front.", lower_bound=1)
_BN = flags.DEFINE_enum("bn", "moving", ["moving"], "Batch norm statistics of a path: those gathered in training.")
_MAX_IMAGES = flags.DEFINE_integer("max_images", None, "Validation images to use; by default all.", lower_bound=1)
_EVAL_BATCH_SIZE = flags.DEFINE_integer("eval_batch_size", 500, "Images evaluated at a time.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the search.")


def main() -> None:
    command.require(_SUPERNET, _WORKDIR)
    weights = parse_weights(_WEIGHTS.value)
    training = read_supernet_training(_SUPERNET.value, "supernet")
    dataset = command.load_dataset(_DATASET.value or training.dataset, _DATA_DIR.value or training.data_dir)
    config = SearchConfig(
        _POPULATION.value,
        _GENERATIONS.value,
        _MADDS_MAX.value,
        _ACC_MIN.value,
        weights,
        MutationRates(_MUTATION_RATIO.value),
        _SEED.value,
        training.image_size,
        dataset.num_classes,
    )
    if dataset.num_classes != training.num_classes:
        raise InputError(
            f"--dataset must have the {training.num_classes} classes of the supernet. Received: {dataset.name}, with "
            f"{dataset.num_classes}."
        )
    check_budget(training.space, config)
    check_output_dir(_WORKDIR.value, "workdir")
    command.start_tensorflow()
    from scarlet_tf.search.run import search_supernet

    result, paths = search_supernet(
        _SUPERNET.value,
        _WORKDIR.value,
        dataset,
        training.space,
        config,
        _PICK.value,
        _MAX_IMAGES.value,
        _EVAL_BATCH_SIZE.value,
    )
    table = Table("pick", "accuracy", "MAdds (M)", "params (M)", "genotype")
    for path, one in zip(paths, result.picks(_PICK.value), strict=True):
        genotype = " ".join(map(str, one.genotype))
        table.add_row(path.stem, f"{one.accuracy:.1%}", f"{one.madds / 1e6:.2f}", f"{one.params / 1e6:.3f}", genotype)
    Console().print(table)
    rejected = ", ".join(f"{count} by {reason}" for reason, count in result.rejected.items())
    print(f"{len(result.evaluated)} networks evaluated; rejected: {rejected or 'none'}. Written to {_WORKDIR.value}.")


if __name__ == "__main__":
    command.run(main, globals())
