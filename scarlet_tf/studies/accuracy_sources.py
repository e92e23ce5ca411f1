"""Where the accuracies of a study's searches come from. Never imports TensorFlow before a supernet is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from scarlet_tf.arch import SearchSpace
from scarlet_tf.data import Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.files import digest
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.evaluation import Evaluation
from scarlet_tf.search.nsga2 import check_constraints, search
from scarlet_tf.search.selection import SearchResult
from scarlet_tf.search.table import AccuracyTable
from scarlet_tf.studies.supernets import StudySupernet, check_supernets, train_supernets

CHECKPOINTS = Path("checkpoints") / "checkpoint"
BN_WORDS = {"moving": "moving", "recalibrate": "recalibrated"}


class AccuracySource(Protocol):
    """Accuracies of the networks of `space`, which are counted at `image_size` pixels with `num_classes`.

    `description` says what they are, `origin` tells where they come from from anything else (None: a training of the
    study, which its own settings tell), and `dataset_name` whose images they are of, where that is known.
    """

    @property
    def space(self) -> SearchSpace: ...

    @property
    def image_size(self) -> int: ...

    @property
    def num_classes(self) -> int: ...

    @property
    def description(self) -> str: ...

    @property
    def origin(self) -> str | None: ...

    @property
    def dataset_name(self) -> str | None: ...

    def check(self, configs: Sequence[SearchConfig]) -> None:
        """Raises InputError where it is known beforehand that one of the searches cannot be done; changes nothing."""

    def prepare(self) -> None:
        """Does what must be done before the first search."""

    def search(self, config: SearchConfig, name: str) -> SearchResult:
        """The search with these settings; by `name` it finds again what it did before it was stopped."""


@dataclass(frozen=True)
class TableSource:
    """Accuracies that are known beforehand."""

    space: SearchSpace
    image_size: int
    num_classes: int
    table: AccuracyTable
    description: str
    dataset_name: None = None

    @property
    def origin(self) -> str:
        return self.table.digest

    def check(self, configs: Sequence[SearchConfig]) -> None:
        for config in configs:
            search(self.space, replace(config, generations=1), self.table)

    def prepare(self) -> None:
        """Nothing to be done."""

    def search(self, config: SearchConfig, name: str) -> SearchResult:
        return search(self.space, config, self.table)


@dataclass(frozen=True)
class SupernetSource:
    """One-shot accuracies of `supernet`, on validation images of `dataset` as `evaluation` says. It is trained first if
    it is to be `trained_here`. Each search has a workdir of its own below `searches`."""

    supernet: StudySupernet
    trained_here: bool
    dataset: Dataset
    evaluation: Evaluation
    searches: Path
    strategy: str = "auto"

    def __post_init__(self) -> None:
        trained = self.supernet.config.num_classes
        if not self.trained_here and self.dataset.num_classes != trained:
            raise InputError(
                f"--dataset must have the {trained} classes of the supernet. Received: {self.dataset.name}, with "
                f"{self.dataset.num_classes}."
            )

    @property
    def space(self) -> SearchSpace:
        return self.supernet.config.space

    @property
    def image_size(self) -> int:
        return self.supernet.config.image_size

    @property
    def num_classes(self) -> int:
        return self.dataset.num_classes

    @property
    def dataset_name(self) -> str:
        return self.dataset.name

    @property
    def origin(self) -> str | None:
        return None if self.trained_here else digest(self.supernet.path / CHECKPOINTS)

    @property
    def description(self) -> str:
        config = self.supernet.config
        return (
            f"one-shot accuracies on {self.evaluation.images(self.dataset):,} validation images of {self.dataset.name} "
            f"({BN_WORDS[self.evaluation.bn]} BN statistics) in one supernet ({config.method}, {config.stabilizer})"
        )

    def check(self, configs: Sequence[SearchConfig]) -> None:
        if self.trained_here:
            check_supernets([self.supernet], self.dataset)
        for config in configs:
            check_constraints(self.space, config)

    def prepare(self) -> None:
        if self.trained_here:
            train_supernets([self.supernet], self.dataset)

    def search(self, config: SearchConfig, name: str) -> SearchResult:
        from scarlet_tf.search.run import search_supernet

        found = search_supernet(
            self.supernet.path,
            self.searches / name,
            self.dataset,
            config,
            self.evaluation,
            num_picks=3,
            strategy=self.strategy,
        )
        return found[0]
