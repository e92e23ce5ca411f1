"""One-shot accuracies of networks beside the truth about them, as the study `ranking` measured them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scarlet_tf.arch.space import Genotype, SearchSpace
from scarlet_tf.arch.spaces import space_from_data
from scarlet_tf.errors import InputError
from scarlet_tf.files import read_json
from scarlet_tf.numbers import is_number
from scarlet_tf.studies.finding import NUMBERS_FILE
from scarlet_tf.studies.one_shot import OneShot

_EXPECTED = "what `python -m scarlet_tf.analyze ranking` found"


@dataclass(frozen=True)
class MeasuredRanking:
    """Networks of `space`: their `truth`, accuracies from 0 to 1 out of `truth_source`, and those in `supernets`, on
    `images` images."""

    space: SearchSpace
    genotypes: tuple[Genotype, ...]
    truth: np.ndarray
    truth_source: str
    images: int
    supernets: tuple[OneShot, ...]

    @classmethod
    def read(cls, workdir: str | Path, flag: str = "ranking") -> "MeasuredRanking":
        """That in the workdir of a study `ranking`. Raises InputError, naming `flag`, where there is none."""
        path = Path(workdir) / NUMBERS_FILE
        if not path.is_file():
            raise InputError(
                f"--{flag} must be the --workdir of a study `ranking` that has ended. Received: {workdir}, without "
                f"{NUMBERS_FILE}."
            )
        data = read_json(path, _EXPECTED)
        try:
            space = space_from_data(data["space"], str(path))
            genotypes = tuple(space.check(tuple(genotype)) for genotype in data["genotypes"])
            supernets = tuple(
                OneShot(
                    one["stabilizer"], one["method"], int(one["seed"]), tuple(_shares(one["accuracies"], genotypes))
                )
                for one in data["supernets"].values()
            )
            truth = _shares(data["truth"], genotypes)
            return cls(space, genotypes, truth, str(data["truth_source"]), int(data["images"]), supernets)
        except InputError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path} must hold {_EXPECTED}. Received: {error!r}.") from error

    @property
    def skips(self) -> np.ndarray:
        """How many slots each network skips."""
        return np.array([genotype.count(self.space.skip_index) for genotype in self.genotypes])

    def of(self, stabilizer: str, method: str) -> Mapping[int, np.ndarray]:
        """One-shot accuracies in the supernets trained so, by seed."""
        found = (one for one in self.supernets if (one.stabilizer, one.method) == (stabilizer, method))
        return {one.seed: np.array(one.accuracies) for one in found}


def _shares(values: object, genotypes: tuple[Genotype, ...]) -> np.ndarray:
    if not isinstance(values, list) or len(values) != len(genotypes):
        raise ValueError(f"there must be one accuracy for each of the {len(genotypes)} networks")
    wrong = [value for value in values if not is_number(value) or not 0 <= value <= 1]
    if wrong:
        raise ValueError(f"accuracies must be from 0 to 1, not {wrong[0]!r}")
    return np.array(values, float)
