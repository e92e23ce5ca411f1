"""A search on disk: one line for each evaluated individual, from which a killed search goes on."""

import json
import os
import reprlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from scarlet_tf.arch import Genotype
from scarlet_tf.errors import InputError

_FORMAT = {"journal": 1}
_MISSING = "missing"


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


def _is_entry(data: object) -> bool:
    if not isinstance(data, dict):
        return False
    genotype, accuracy = data.get("genotype"), data.get("accuracy")
    return (
        isinstance(genotype, list)
        and all(type(choice) is int for choice in genotype)
        and type(accuracy) in (int, float)
        and 0 <= accuracy <= 1
    )


class Journal:
    """The file `journal.jsonl`: a header, then one JSON line an evaluated individual, each on disk once
    written.

    `accuracies` holds what was found on opening, by genotype. A last line without its end, as a kill leaves
    it, is cut off. Raises InputError, and changes nothing, where another line is damaged or the header
    differs from `header`. A context manager.
    """

    def __init__(self, path: str | Path, header: Mapping) -> None:
        self._path = Path(path)
        first_line = _line({**_FORMAT, **header})
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            content = b""
        except OSError as error:
            raise InputError(f"{path} must be a readable file. Received: {error.strerror}.") from error
        *lines, torn = content.split(b"\n")
        if lines:
            self._check_header(self._parse(lines[0], 1), json.loads(first_line))
        elif not first_line.startswith(torn):
            raise self._damaged(1, torn)
        self.accuracies: dict[Genotype, float] = {}
        for number, line in enumerate(lines[1:], start=2):
            entry = self._parse(line, number)
            if not _is_entry(entry):
                raise self._damaged(number, line)
            self.accuracies.setdefault(tuple(entry["genotype"]), float(entry["accuracy"]))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab", buffering=0)
        except OSError as error:
            raise InputError(f"{path} must be a writable file. Received: {error.strerror}.") from error
        self._file.truncate(len(content) - len(torn))
        if not lines:
            self._write(first_line)

    def _damaged(self, number: int, line: bytes) -> InputError:
        what = "the header" if number == 1 else "an object with a genotype and an accuracy from 0 to 1"
        return InputError(
            f"{self._path}, line {number}, must be {what} of a search. Received: {reprlib.repr(line)}. "
            "Delete this line and those after it to go on from there, or give another --workdir."
        )

    def _parse(self, line: bytes, number: int) -> object:
        try:
            return json.loads(line)
        except ValueError as error:
            raise self._damaged(number, line) from error

    def _check_header(self, found: object, expected: dict) -> None:
        if not isinstance(found, dict):
            raise self._damaged(1, json.dumps(found).encode())
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

    def _write(self, line: bytes) -> None:
        self._file.write(line)
        os.fsync(self._file.fileno())

    def append(self, entry: Mapping) -> None:
        """Writes one line; it is on disk when this returns."""
        self._write(_line(entry))

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
