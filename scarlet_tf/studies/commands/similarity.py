"""How alike the choices of each slot are, in supernets with a plain skip and with ELS (paper Figs. 1 and 4).

Trains a pair of supernets for each of --seeds, alike but for the stabilizer, or takes those of --supernets. On
validation images it measures the cosine similarity of what the choices of a slot make of the same input: of the skip to
the others by slot, with 95% intervals of the difference that ELS makes; as matrices; and for one slot as arrows in a
plane. Run the same command again to go on after a stop.
"""

from absl import flags

from scarlet_tf import command
from scarlet_tf.analysis.skip_similarity import STABILIZERS
from scarlet_tf.studies.commands.study_flags import whole_numbers
from scarlet_tf.studies.commands.supernet_flags import SupernetFlags
from scarlet_tf.studies.pairs import paired_supernets
from scarlet_tf.studies.similarity import SimilarityConfig, study_similarity
from scarlet_tf.studies.supernets import check_supernets, given_supernets, planned_supernets
from scarlet_tf.studies.workdir import StudyWorkdir

_STUDY = SupernetFlags(quick={"epochs": 4})
_SEEDS = _STUDY.add_of_training(flags.DEFINE_list("seeds", ["0"], "Seeds of the trainings, separated by commas."))
_IMAGES = _STUDY.add(flags.DEFINE_integer("images", 1000, "Validation images to measure on, or all where fewer."))
# Drawn from what is kept, and so no setting of the workdir.
_SLOT = flags.DEFINE_integer("slot", None, "Slot whose choices are drawn as arrows; by default a middle one.")


def main() -> None:
    _STUDY.read()
    given = _STUDY.supernets.value
    if given is None:
        seeds = whole_numbers(_SEEDS)
        base = _STUDY.training()
        supernets = planned_supernets(base, _STUDY.workdir.value, STABILIZERS, [base.method], seeds)
    else:
        supernets = given_supernets(given, STABILIZERS)
    pairs = paired_supernets(supernets)
    training = supernets[0].config
    config = SimilarityConfig(training.space, _IMAGES.value, _SLOT.value)
    workdir = StudyWorkdir(_STUDY.workdir.value, "similarity", _STUDY.settings())
    dataset = _STUDY.load_dataset(training)
    if given is None:
        check_supernets(supernets, dataset)
    command.start_tensorflow()
    finding = study_similarity(pairs, dataset, config, workdir, to_train=given is None)
    finding.print()
    print(f"written: {finding.write(workdir.path, _STUDY.command('similarity'))}")
