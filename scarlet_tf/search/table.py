"""Accuracies that are known beforehand, from a file such as NAS-Bench-Macro's."""

import re
from collections.abc import Sequence
from pathlib import Path

from scarlet_tf.arch import Genotype, SearchSpace
from scarlet_tf.errors import InputError
from scarlet_tf.files import digest, read_json
from scarlet_tf.numbers import is_number

_GENOTYPE = "digits such as 02012100, or numbers joined by - or ,"
_EXPECTED = (
    f"an object from genotype ({_GENOTYPE}) to accuracy: a number from 0 to 1, or an object with accuracy, from 0 to "
    "1, or mean_acc, in percent"
)


def _genotype(text: str) -> tuple[int, ...]:
    """Raises ValueError where `text` spells none."""
    if not re.fullmatch("[0-9]+([-,][0-9]+)*", text):
        raise ValueError(f"A genotype must be {_GENOTYPE}.")
    return tuple(int(choice) for choice in (re.split("[-,]", text) if re.search("[-,]", text) else text))


def _accuracy(value: object) -> float | None:
    """From 0 to 1; None where `value` gives none."""
    if isinstance(value, dict):
        percent = value.get("mean_acc")
        value = value.get("accuracy", percent / 100 if is_number(percent) else None)
    return float(value) if is_number(value) and 0 <= value <= 1 else None


class AccuracyTable:
    """Accuracies of genotypes of a space, looked up: an evaluator for `search` that takes no time.

    `digest` tells its file from any other.
    """

    def __init__(self, path: str | Path, space: SearchSpace) -> None:
        """Reads a JSON file; raises InputError, naming the entry, where it is no table of `space`."""
        self._path = Path(path)
        data = read_json(path, _EXPECTED)
        if not isinstance(data, dict):
            raise InputError(f"{path} must hold {_EXPECTED}. Received: {type(data).__name__}.")
        self._accuracies: dict[Genotype, float] = {}
        for text, value in data.items():
            try:
                genotype = space.check(_genotype(text))
            except ValueError as error:
                raise InputError(f"{path}, entry {text!r}: {error} Give a table of {space.name}.") from error
            accuracy = _accuracy(value)
            if accuracy is None or genotype in self._accuracies:
                received = "a genotype that comes twice" if accuracy is not None else repr(value)
                raise InputError(f"{path}, entry {text!r}: it must hold {_EXPECTED}. Received: {received}.")
            self._accuracies[genotype] = accuracy
        self.digest = digest(path)

    @property
    def accuracies(self) -> dict[Genotype, float]:
        """Of all genotypes in the file, in its order."""
        return dict(self._accuracies)

    def __call__(self, genotypes: Sequence[Genotype]) -> list[float]:
        """The accuracy of each genotype; raises InputError for one that the table does not hold."""
        for genotype in genotypes:
            if genotype not in self._accuracies:
                raise InputError(
                    f"{self._path} must hold the accuracy of every network asked for. Received no entry for "
                    f"{'-'.join(map(str, genotype))}. Add it, or constrain the search to what the table holds."
                )
        return [self._accuracies[genotype] for genotype in genotypes]
