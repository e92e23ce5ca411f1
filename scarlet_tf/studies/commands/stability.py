"""How stably supernets train with each stabilizer, and how far their paths' accuracies spread (paper Fig. 3).

Trains a supernet for each of --methods, --stabilizers and --seeds, on the same images in the same order, with the same
paths at every step. The same --probe_paths are measured every --probe_epochs epochs, and --paths others in the end.
Training by sampled paths (spos) takes as many times the steps, and epochs between probes, as there are choices: for as
many updates of each block as strict fairness gives, as the paper does (360 epochs for 60). By default paths go by the
BN statistics of their own batches: moving ones fit no path quite, which would hide what the stabilizer does.
"""

from absl import flags

from scarlet_tf import command
from scarlet_tf.studies.commands.study_flags import TrainingFlags, different_names, whole_numbers
from scarlet_tf.studies.stability import Measurement, study_stability
from scarlet_tf.studies.supernets import check_supernets, planned_supernets, with_equal_updates
from scarlet_tf.studies.workdir import StudyWorkdir
from scarlet_tf.train.config import METHODS, PROBE_BN, STABILIZERS

STUDY = "stability"
QUICK = {"epochs": 2, "batch_size": 64, "probe_paths": 32, "probe_images": 300, "paths": 100, "images": 500}

_STUDY = TrainingFlags(QUICK, defaults={"space": "s1"})
_STABILIZERS = _STUDY.add(flags.DEFINE_list("stabilizers", ["els", "skip"], "Of els, skip and els_relu."))
_METHODS = _STUDY.add(flags.DEFINE_list("methods", list(METHODS), "Of fair and spos."))
_SEEDS = _STUDY.add(flags.DEFINE_list("seeds", ["0"], "Seeds of weights, data order and sampled paths."))
_PATHS = _STUDY.add(flags.DEFINE_integer("paths", 1000, "Random paths to measure in the end, the same for all."))
_IMAGES = _STUDY.add(flags.DEFINE_integer("images", None, "Held-out images to measure them on; by default all."))
_STUDY.add(flags.DEFINE_integer("probe_epochs", 1, "Epochs from one probe to the next.", lower_bound=1))
_STUDY.add(flags.DEFINE_integer("probe_paths", 100, "Paths that a probe measures."))
_STUDY.add(flags.DEFINE_integer("probe_images", 1000, "Held-out images that a probe measures them on, at most."))
_STUDY.add(flags.DEFINE_enum("probe_bn", "batch", PROBE_BN, "BN statistics of probes and in the end, as in train."))


def main() -> None:
    _STUDY.read()
    measurement = Measurement(_PATHS.value, _IMAGES.value)
    base = _STUDY.training()
    stabilizers, methods = different_names(_STABILIZERS, STABILIZERS), different_names(_METHODS, METHODS)
    planned = planned_supernets(base, _STUDY.workdir.value, stabilizers, methods, whole_numbers(_SEEDS))
    supernets = [with_equal_updates(supernet) for supernet in planned]
    workdir = StudyWorkdir(_STUDY.workdir.value, STUDY, _STUDY.settings())
    dataset = command.load_dataset(base.dataset, base.data_dir)
    check_supernets(supernets, dataset)
    command.start_tensorflow()
    finding = study_stability(supernets, workdir, dataset, measurement)
    finding.print()
    print(f"report: {finding.write(workdir.path, _STUDY.command(STUDY))}")
