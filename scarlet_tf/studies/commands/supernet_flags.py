"""The flags of commands that compare supernets, given or trained; they belong to the command that asks for them."""

from collections.abc import Mapping

from absl import flags

from scarlet_tf import command
from scarlet_tf.data import Dataset
from scarlet_tf.studies.commands.study_flags import TrainingFlags
from scarlet_tf.train.config import METHODS, TrainConfig

flags.disclaim_key_flags()


class SupernetFlags(TrainingFlags):
    """Those of training, and `--supernets`: workdirs of supernets that are trained already, in the place of training.

    A command that adds flags which only count for training, such as seeds, says so by `add_of_training`.
    """

    def __init__(self, quick: Mapping[str, object]) -> None:
        super().__init__(quick)
        self._of_training = set(self._own) - {"workdir", "quick", "data_dir"}
        self.add_of_training(flags.DEFINE_enum("method", "fair", METHODS, "How supernets are trained, as in train."))
        self.supernets = self.add(
            flags.DEFINE_list("supernets", None, "Workdirs of supernets trained already, separated by commas.")
        )

    def add_of_training(self, flag: flags.FlagHolder) -> flags.FlagHolder:
        """As `add`, of a flag that must be left out with --supernets."""
        self._of_training.add(flag.name)
        return self.add(flag)

    def read(self) -> None:
        """As that of all studies. Raises InputError also where flags of training are given with --supernets."""
        super().read()
        if self.supernets.value is not None:
            command.refuse("--supernets", *(flag for name, flag in self._own.items() if name in self._of_training))

    def settings(self) -> dict[str, object]:
        """What the outcome depends on, by name of the flag."""
        useless = {"supernets"} if self.supernets.value is None else self._of_training
        return {name: value for name, value in super().settings().items() if name not in useless}

    def load_dataset(self, training: TrainConfig) -> Dataset:
        """The images of `training`, in --data_dir where that is given."""
        return command.load_dataset(training.dataset, self._own["data_dir"].value or training.data_dir)
