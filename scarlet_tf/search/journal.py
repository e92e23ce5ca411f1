"""A search on disk: a line for each evaluated individual and each generation, from which a killed search goes on."""

import fcntl
import json
import os
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from scarlet_tf.arch import Genotype
from scarlet_tf.errors import InputError
from scarlet_tf.files import sync
from scarlet_tf.numbers import is_number
from scarlet_tf.search.individual import Individual
from scarlet_tf.search.selection import GenerationRecord

JOURNAL = "journal.jsonl"
_FORMAT = 2
_MISSING = "missing"
_HEADER = "the header"
_ENTRY = "an individual with a genotype and measures, acc among them from 0 to 1, or an end of a generation,"


def _line(data: Mapping) -> bytes:
    return json.dumps(data).encode() + b"\n"


def _flatten(data: Mapping, prefix: str = "") -> dict[str, object]:
    flat = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _is_genotype(data: object) -> bool:
    return isinstance(data, list) and all(type(choice) is int for choice in data)


def _is_generation(data: object) -> bool:
    return type(data) is int and data >= 0


def _is_entry(data: object) -> bool:
    if not isinstance(data, dict):
        return False
    if "after_generation" in data:
        return _is_generation(data["after_generation"])
    measures, parents = data.get("measures"), data.get("parents")
    return (
        _is_genotype(data.get("genotype"))
        and _is_generation(data.get("generation"))
        and isinstance(data.get("operator"), str)
        and isinstance(parents, list)
        and all(map(_is_genotype, parents))
        and isinstance(measures, dict)
        and {"acc", "madds", "params"} <= measures.keys()
        and all(map(is_number, measures.values()))
        and 0 <= measures["acc"] <= 1
        and isinstance(data.get("violated", []), list)
        and set(data.get("violated", [])) <= measures.keys()
    )


def _damaged(path: Path, number: int, line: bytes, expected: str) -> InputError:
    return InputError(
        f"{path}, line {number}, must be {expected} of a search. Received: {reprlib.repr(line)}. "
        "Delete this line and those after it to go on from there, or give another --workdir."
    )


@dataclass(frozen=True)
class _Content:
    """What a journal file holds: its header, None in an empty one, its entries, and a last line without its end."""

    header: dict | None
    entries: tuple[dict, ...]
    torn: bytes
    size: int

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises InputError where the file cannot be read or a line is damaged."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path} must be a readable file. Received: {error.strerror}.") from error
        *lines, torn = content.split(b"\n")
        parsed = []
        for number, line in enumerate(lines, start=1):
            expected = _HEADER if number == 1 else _ENTRY
            try:
                data = json.loads(line)
            except ValueError as error:
                raise _damaged(path, number, line, expected) from error
            if not (isinstance(data, dict) and "journal" in data if number == 1 else _is_entry(data)):
                raise _damaged(path, number, line, expected)
            if number == 1 and data["journal"] != _FORMAT:
                raise InputError(
                    f"{path} must be a journal of format {_FORMAT}. Received: format {data['journal']!r}, of another "
                    "version of this program. Give another --workdir."
                )
            parsed.append(data)
        return cls(parsed[0] if parsed else None, tuple(parsed[1:]), torn, len(content))


def _opened(path: Path) -> BinaryIO:
    """The file, made if it is missing, to append to; nobody else gets it before it is closed, or this process ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except FileExistsError as error:
        raise InputError(f"{path} must be in a directory. Received: {path.parent} is a file.") from error
    except OSError as error:
        raise InputError(f"{path} must be a writable file. Received: {error.strerror}.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise InputError(
            f"{path} must be of a search that no longer runs. Received: one that another process is writing. "
            "Wait for it, or give another --workdir."
        ) from error
    except OSError:  # a file system without locks
        pass
    return file


class Journal:
    """The file `journal.jsonl`: a header, then a JSON line an evaluated individual and an ended generation, each on
    disk once written.

    `accuracies` holds what was found on opening, by genotype. A search that goes on repeats itself: what it
    appends is compared with the lines found, and written from where they end. A last line without its end, as a kill
    leaves it, is cut off. Raises InputError, and changes nothing, where another line is damaged, the header differs
    from `header` or another process has the journal open. A context manager.
    """

    def __init__(self, path: str | Path, header: Mapping) -> None:
        self._path = Path(path)
        self._file = _opened(self._path)
        try:
            self._begin(_line({"journal": _FORMAT, **header}))
        except BaseException:
            self.close()
            raise

    def _begin(self, first_line: bytes) -> None:
        found = _Content.read(self._path)
        if found.header is not None:
            self._check_header(found.header, json.loads(first_line))
        elif not first_line.startswith(found.torn):
            raise _damaged(self._path, 1, found.torn, _HEADER)
        individuals = [entry for entry in found.entries if "genotype" in entry]
        self.accuracies: dict[Genotype, float] = {
            tuple(entry["genotype"]): float(entry["measures"]["acc"]) for entry in individuals
        }
        self._found, self._repeated = found.entries, 0
        self._file.truncate(found.size - len(found.torn))
        if found.header is None:
            self._write(first_line)
            sync(self._path.parent)

    def _check_header(self, found: dict, expected: dict) -> None:
        found, expected = _flatten(found), _flatten(expected)
        differences = [
            f"{key} is {reprlib.repr(found.get(key, _MISSING))} there and "
            f"{reprlib.repr(expected.get(key, _MISSING))} here"
            for key in sorted(found.keys() | expected.keys())
            if found.get(key, _MISSING) != expected.get(key, _MISSING)
        ]
        if differences:
            raise InputError(
                f"{self._path} is of a search with other settings: {'; '.join(differences)}. "
                "Give the same settings, or another --workdir."
            )

    def _write(self, lines: bytes) -> None:
        self._file.write(lines)
        self._file.flush()
        os.fsync(self._file.fileno())

    def _append(self, entries: Sequence[Mapping]) -> None:
        new = []
        for entry in entries:
            if self._repeated == len(self._found):
                new.append(_line(entry))
            else:
                self._repeat(entry)
        if new:
            self._write(b"".join(new))

    def _repeat(self, entry: Mapping) -> None:
        there = self._found[self._repeated]
        self._repeated += 1
        for key in ("genotype", "after_generation"):
            if there.get(key) != entry.get(key):
                raise InputError(
                    f"{self._path}, line {self._repeated + 1}, must repeat what this search does, {key} "
                    f"{entry.get(key)}. Received: {there.get(key)}. Another version of this program, or a hand, wrote "
                    "it: give another --workdir."
                )

    def append_individuals(self, individuals: Sequence[Individual], seconds: float) -> None:
        """Writes a line for each, evaluated in so many seconds each; all are on disk when this returns."""
        self._append(
            [
                {
                    "genotype": list(one.genotype),
                    "generation": one.generation,
                    "operator": one.operator,
                    "parents": [list(parent) for parent in one.parents],
                    "measures": dict(one.measures),
                    "violated": list(one.violated),
                    "seconds": round(seconds, 6),
                }
                for one in individuals
            ]
        )

    def append_generation(self, record: GenerationRecord) -> None:
        """Writes the line of a generation that ended; it is on disk when this returns."""
        self._append(
            [
                {
                    "after_generation": record.generation,
                    "rejected": dict(record.rejected),
                    "survivors": list(record.survivors),
                    "hypervolume": record.hypervolume,
                }
            ]
        )

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_journal(path: str | Path) -> tuple[dict, tuple[Individual, ...], int]:
    """The header of a journal, its individuals in the order evaluated, and its number of generations, the last perhaps
    unfinished; a last line without its end is left out.

    Raises InputError where it is no journal.
    """
    content = _Content.read(Path(path))
    if content.header is None:
        raise _damaged(Path(path), 1, content.torn, _HEADER)
    individuals = tuple(
        Individual(
            tuple(entry["genotype"]),
            entry["measures"],
            entry["generation"],
            entry["operator"],
            tuple(map(tuple, entry["parents"])),
            tuple(entry.get("violated", ())),
        )
        for entry in content.entries
        if "genotype" in entry
    )
    begun = [entry.get("after_generation", entry.get("generation")) for entry in content.entries]
    return content.header, individuals, max(begun, default=-1) + 1
