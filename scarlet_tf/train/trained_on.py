"""A workdir's `data.json`: what a network must be told of the data set that it learns from, to be used without it."""

from dataclasses import asdict, dataclass
from pathlib import Path

from scarlet_tf.data import Dataset
from scarlet_tf.data.preprocessing import Normalisation
from scarlet_tf.errors import InputError
from scarlet_tf.export.description import Preprocessing
from scarlet_tf.files import read_json, write_json


@dataclass(frozen=True)
class TrainedOn:
    """The data set's name, its classes in the order of the logits, and how its images were made what networks eat
    (see `Preprocessing`)."""

    dataset: str
    labels: tuple[str, ...]
    resize: str
    normalisation: Normalisation

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> "TrainedOn":
        fed = Preprocessing.of_dataset(dataset, image_size=0)
        return cls(dataset.name, dataset.class_names, fed.resize, fed.normalisation)

    def write(self, path: str | Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: str | Path) -> "TrainedOn":
        """Raises InputError, naming the file, for any that `write` did not make."""
        what = "what is known of a data set"
        data = read_json(path, what)
        try:
            vectors = {key: tuple(data["normalisation"][key]) for key in ("mean", "std")}
            return cls(data["dataset"], tuple(data["labels"]), data["resize"], Normalisation(**vectors))
        except (TypeError, KeyError) as error:
            raise InputError(f"{path} must hold {what}. Received: {error!r}.") from error
