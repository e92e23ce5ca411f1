"""Networks that a search starts from, read from a file."""

from pathlib import Path

from scarlet_tf.arch import Genotype, SearchSpace
from scarlet_tf.errors import InputError
from scarlet_tf.files import read_json

_EXPECTED = "a list of genotypes, or of objects with a genotype as a search's pareto.json has them"


def read_initial_population(path: str | Path | None, space: SearchSpace) -> tuple[Genotype, ...]:
    """The genotypes in a JSON file, none of no file. Raises InputError, naming the entry that is none."""
    if path is None:
        return ()
    data = read_json(path, _EXPECTED)
    if not isinstance(data, list):
        raise InputError(f"{path} must hold {_EXPECTED}. Received: {type(data).__name__}.")
    genotypes = []
    for number, entry in enumerate(data):
        genotype = entry.get("genotype") if isinstance(entry, dict) else entry
        if not isinstance(genotype, list):
            raise InputError(f"{path}, entry {number}: it must hold {_EXPECTED}. Received: {entry!r}.")
        try:
            genotypes.append(space.check(genotype))
        except ValueError as error:
            raise InputError(f"{path}, entry {number}: {error}") from error
    return tuple(genotypes)
