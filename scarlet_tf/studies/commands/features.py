"""Feature maps of an image by choice, at one slot of one or more supernets (paper Fig. 11).

Takes supernets of any stabilizer in --supernets, or trains two that are alike but for it, with ELS and with a plain
skip. For --image, or a test image of the data set, it draws the same channels of what each choice makes of the same
input, and gives the norms and cosine similarities of the whole outputs. Run the same command again to go on after a
stop.
"""

from pathlib import Path

from absl import flags

from scarlet_tf import command
from scarlet_tf.errors import InputError
from scarlet_tf.export.description import Preprocessing
from scarlet_tf.studies.commands.supernet_flags import SupernetFlags
from scarlet_tf.studies.features import FeaturesConfig, ShownImage, check_one_dataset, study_features
from scarlet_tf.studies.supernets import check_supernets, given_supernets, planned_supernets
from scarlet_tf.studies.workdir import StudyWorkdir
from scarlet_tf.train.config import STABILIZERS
from scarlet_tf.train.trained_on import TrainedOn
from scarlet_tf.train.workdir import Workdir

_STUDY = SupernetFlags(quick={"epochs": 4})
_SEED = _STUDY.add_of_training(flags.DEFINE_integer("seed", 0, "Seed of the trainings."))
# What is drawn takes no training anew, and so is no setting of the workdir.
_SLOT = flags.DEFINE_integer("slot", None, "Slot whose choices are drawn; by default the middle one.")
_CHANNELS = flags.DEFINE_integer("channels", 6, "Channels to draw.")
_IMAGE = flags.DEFINE_string("image", None, "JPEG or PNG file, instead of an image of the data set.")
_IMAGE_INDEX = flags.DEFINE_integer("image_index", 0, "Number of the test image of the data set.")


def main() -> None:
    _STUDY.read()
    given, file = _STUDY.supernets.value, _IMAGE.value
    if file is not None:
        command.refuse("--image", _IMAGE_INDEX)
        if not Path(file).is_file():
            raise InputError(f"--image must be a JPEG or PNG file. Received: {file}, which is none.")
    if given is None:
        base = _STUDY.training()
        supernets = planned_supernets(base, _STUDY.workdir.value, ("skip", "els"), [base.method], [_SEED.value])
    else:
        supernets = given_supernets(given, STABILIZERS, all_needed=False)
        check_one_dataset(supernets)
    training = supernets[0].config
    config = FeaturesConfig(training.space, _SLOT.value, _CHANNELS.value)
    workdir = StudyWorkdir(_STUDY.workdir.value, "features", _STUDY.settings())
    dataset = _STUDY.load_dataset(training) if given is None or file is None else None
    if given is None:
        check_supernets(supernets, dataset)
    command.start_tensorflow()
    if file is None:
        image = ShownImage.of_dataset(dataset, _IMAGE_INDEX.value, training.image_size)
    else:
        trained_on = TrainedOn.of_dataset(dataset) if dataset else TrainedOn.read(Workdir(supernets[0].path).data_path)
        preprocessing = Preprocessing(training.image_size, trained_on.resize, trained_on.normalisation)
        image = ShownImage.of_file(file, preprocessing)
    finding = study_features(supernets, image, config, workdir, dataset if given is None else None)
    finding.print()
    print(f"written: {finding.write(workdir.path, _STUDY.command('features'))}")
