"""Trains a network that skips slots with a stabilizer (ELS) in them, with a rectified one (ELS-ReLU), and without.

ELS is linear and is removed exactly: with it the network should train as it does without. ELS-ReLU adds what the final
network does not have: the paper finds that it overestimates the network (section 6.3, Fig. 8). All are trained alike,
on the same images in the same order, validated after every epoch and tested in the end. Run the same command again to
go on after a stop.
"""

from absl import flags

from scarlet_tf import command
from scarlet_tf.studies.commands.study_flags import TrainingFlags, whole_numbers
from scarlet_tf.studies.equivariance import study_equivariance
from scarlet_tf.studies.stabilized_networks import VARIANTS, check_networks, planned_networks
from scarlet_tf.studies.workdir import StudyWorkdir

FLAGS = TrainingFlags({"model": "small:2-5-3-5-2-5-3", "seeds": ["0", "1", "2"], "epochs": 4}, model="scarlet_c")
_STABILIZERS = FLAGS.add(
    flags.DEFINE_list("stabilizers", list(VARIANTS), f"What stands in skipped slots, of {', '.join(VARIANTS)}.")
)
_SEEDS = FLAGS.add(flags.DEFINE_list("seeds", ["0"], "Seeds of weights and data order, separated by commas."))


def main() -> None:
    FLAGS.read()
    base, seeds = FLAGS.training(), whole_numbers(_SEEDS)
    workdir = StudyWorkdir(FLAGS.workdir.value, "equivariance", FLAGS.settings())
    dataset = command.load_dataset(base.dataset, base.data_dir)
    networks = planned_networks(base, _STABILIZERS.value, seeds, dataset.num_examples("validation"))
    check_networks(networks, workdir.path, dataset)
    command.start_tensorflow()

    finding = study_equivariance(networks, workdir, dataset)
    finding.print()
    print(f"written: {finding.write(workdir.path, FLAGS.command('equivariance'))}")
