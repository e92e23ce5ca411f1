"""What networks reach when each is trained alone, from a table that somebody else made. Never imports TensorFlow."""

import re
from collections.abc import Mapping, Sequence
from itertools import chain, product
from pathlib import Path

import numpy as np

from scarlet_tf.arch.cells import cells, repeated
from scarlet_tf.arch.nas_bench_101 import CONVOLUTIONS, chain_hash, kernels_of
from scarlet_tf.arch.space import Genotype, SearchSpace
from scarlet_tf.arch.spec import Conv
from scarlet_tf.errors import InputError
from scarlet_tf.files import read_json
from scarlet_tf.numbers import is_number
from scarlet_tf.search.table import AccuracyTable

EPOCHS = "108"
"""Of the longest training of NAS-Bench-101, whose accuracies are the truth."""
_SPLITS = ("test_acc", "val_acc")
_MAX_CONVOLUTIONS = 5  # of NAS-Bench-101's graphs
_EXPECTED = (
    f"an object from chain (as {' '.join(CONVOLUTIONS.values())}, or (empty)) or NAS-Bench-101's hash of it to "
    f"accuracy: a number from 0 to 1, or an object with test_acc or val_acc, each an object from epochs to accuracy "
    f"that has {EPOCHS}"
)


def read_truth(path: str | Path, space: SearchSpace) -> dict[Genotype, float]:
    """The accuracy, in [0, 1], of each network of `space` that a JSON file holds, by its genotype, in the file's order.

    Of a space of inverted bottlenecks the file is an `AccuracyTable`, as NAS-Bench-Macro's. Of one of plain
    convolutions it is a table of chains, each of which every cell of a network repeats, and the genotypes are the
    canonical ones (`scarlet_tf.arch.cells`). Where its entries are objects, the truth is the test accuracy at 108
    epochs if all have one, else the validation accuracy; of several runs, a list, it is their mean.

    Raises InputError, naming the entry, where it is no such table.
    """
    if not space.is_plain:
        return AccuracyTable(path, space).accuracies
    return _ChainTable(Path(path), space).accuracies


class _ChainTable:
    """The chains of a file, checked."""

    def __init__(self, path: Path, space: SearchSpace) -> None:
        self._path, self._space = path, space
        try:
            longest = min(_MAX_CONVOLUTIONS, *map(len, cells(space)))
        except ValueError as error:
            raise InputError(f"{path}: a table of chains cannot be read for this space: {error}") from error
        self._choices = {choice.kernel: index for index, choice in enumerate(space.choices) if isinstance(choice, Conv)}
        kernels = [kernel for kernel in CONVOLUTIONS if kernel in self._choices]
        lengths = range(longest + 1)
        chains = chain.from_iterable(product(kernels, repeat=length) for length in lengths)
        self._of_hash = {chain_hash(kernels): kernels for kernels in chains}
        data = read_json(path, _EXPECTED)
        if not isinstance(data, dict) or not data:
            raise InputError(f"{path} must hold {_EXPECTED}. Received: {data if data == {} else type(data).__name__}.")
        split = next(
            (split for split in _SPLITS if all(_accuracy(value, split) is not None for value in data.values())), None
        )
        self.accuracies: dict[Genotype, float] = {}
        for key, value in data.items():
            genotype = self._genotype(key, value)
            accuracy = _accuracy(value, split or _SPLITS[-1])
            if accuracy is None:
                raise self._error(key, _shown(value))
            if genotype in self.accuracies:
                raise self._error(key, "a chain that comes twice")
            self.accuracies[genotype] = accuracy

    def _error(self, key: str, received: str) -> InputError:
        return InputError(f"{self._path}, entry {key!r}: it must hold {_EXPECTED}. Received: {received}.")

    def _genotype(self, key: str, value: object) -> Genotype:
        is_hash = re.fullmatch("[0-9a-f]{32}", key)
        if is_hash and key not in self._of_hash:
            raise self._error(key, f"the hash of none of the {len(self._of_hash)} chains of {self._space.name}")
        try:
            kernels = self._of_hash[key] if is_hash else kernels_of(key)
            genotype = repeated(self._space, [self._choice(kernel) for kernel in kernels])
        except ValueError as error:
            raise InputError(f"{self._path}, entry {key!r}: {error} Give a table of {self._space.name}.") from error
        stated = value.get("hash") if isinstance(value, Mapping) else None
        if stated not in (None, chain_hash(kernels)):
            raise self._error(key, f"the hash {stated!r} of another chain")
        return genotype

    def _choice(self, kernel: int) -> int:
        if kernel not in self._choices:
            raise ValueError(f"A chain must be of the space's choices. Received: {CONVOLUTIONS[kernel]}.")
        return self._choices[kernel]


def _shown(value: object) -> str:
    return f"an object with {', '.join(map(str, value)) or 'nothing'}" if isinstance(value, Mapping) else repr(value)


def _accuracy(value: object, split: str) -> float | None:
    """From 0 to 1; None where `value` gives none."""
    if isinstance(value, Mapping):
        by_epochs = value.get(split)
        value = by_epochs.get(EPOCHS) if isinstance(by_epochs, Mapping) else None
    runs: Sequence[object] = value if isinstance(value, list) else [value]
    if not runs or not all(is_number(run) and 0 <= run <= 1 for run in runs):
        return None
    return float(np.mean(runs))
