"""Whether supernets with ELS order networks better than supernets with plain skips: Kendall's tau, Spearman's rho and
top-k regret against true accuracies, with intervals (paper Fig. 7, Table 6).

True accuracies come from --benchmark_file, such as NAS-Bench-Macro's JSON for --space=nas_bench_macro, or else from
training each network alone. Trains two supernets for each of --seeds, which differ in the stabilizer alone.
"""

from absl import flags

from scarlet_tf import command
from scarlet_tf.analysis.correlation import MIN_NETWORKS
from scarlet_tf.analysis.ranking import probe_paths
from scarlet_tf.analysis.truth_table import read_truth
from scarlet_tf.errors import InputError
from scarlet_tf.studies.commands.study_flags import TrainingFlags, whole_numbers
from scarlet_tf.studies.ranking import study_ranking
from scarlet_tf.studies.ranking_finding import STABILIZERS
from scarlet_tf.studies.supernets import check_supernets, planned_supernets
from scarlet_tf.studies.truth import drawn_truth
from scarlet_tf.studies.workdir import StudyWorkdir
from scarlet_tf.train.config import PROBE_BN

QUICK = {"steps": 150, "seeds": ["0"], "paths": 20, "images": 400, "truth_epochs": 1}

_FLAGS = TrainingFlags(QUICK)
_BENCHMARK_FILE = _FLAGS.add(
    flags.DEFINE_string("benchmark_file", None, "True accuracies; without it, networks are trained alone.")
)
_SEEDS = _FLAGS.add(flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of supernets, separated by commas."))
_PATHS = _FLAGS.add(flags.DEFINE_integer("paths", 1000, "Random networks to order.", lower_bound=1))
_IMAGES = _FLAGS.add(flags.DEFINE_integer("images", 10000, "Validation images they are evaluated on.", lower_bound=1))
_BN = _FLAGS.add(
    flags.DEFINE_enum("bn", "batch", PROBE_BN, "BN statistics of a path: moving, or of each batch of 100 images.")
)
_TRUTH_EPOCHS = _FLAGS.add(
    flags.DEFINE_integer("truth_epochs", 30, "Passes of a network trained alone.", lower_bound=1)
)


def main() -> None:
    _FLAGS.read()
    if _PATHS.value < MIN_NETWORKS:
        raise InputError(
            f"--paths must be at least {MIN_NETWORKS}: fewer networks give no interval. Received: {_PATHS.value}."
        )
    workdir = StudyWorkdir(_FLAGS.workdir.value, "ranking", _FLAGS.settings())
    base = _FLAGS.training()
    supernets = planned_supernets(base, workdir.path, STABILIZERS, ["fair"], whole_numbers(_SEEDS))
    if _BENCHMARK_FILE.value is None:
        genotypes, truth = (
            probe_paths(base.space, _PATHS.value, seed=0),
            _FLAGS.training(epochs=_TRUTH_EPOCHS.value, steps=None),
        )
    else:
        table = read_truth(_BENCHMARK_FILE.value, base.space)
        truth = drawn_truth(table, _PATHS.value, f"those of {_BENCHMARK_FILE.value}")
        genotypes = truth.genotypes
    if len(genotypes) < MIN_NETWORKS:
        raise InputError(
            f"--benchmark_file must hold at least {MIN_NETWORKS} networks: fewer give no interval. Received: "
            f"{_BENCHMARK_FILE.value}, with {len(genotypes)}."
        )
    dataset = command.load_dataset(base.dataset, base.data_dir)
    check_supernets(supernets, dataset)
    command.start_tensorflow()
    finding = study_ranking(supernets, genotypes, truth, _IMAGES.value, _BN.value, workdir, dataset)
    finding.print()
    print(f"written: {finding.write(workdir.path, _FLAGS.command('ranking'))}")


if __name__ == "__main__":
    command.run(main, globals())
