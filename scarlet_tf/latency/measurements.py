"""Reading how long the files of a kit took. Never imports TensorFlow."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scarlet_tf.errors import InputError
from scarlet_tf.files import read_json

COLUMNS = ("file", "mean_us", "variance", "count")
_FORM = (
    f"a CSV with the columns {', '.join(COLUMNS)}, or a JSON file with an object of mean_us, variance and count a file"
)


@dataclass(frozen=True)
class Timing:
    """Runs of one file: their mean in microseconds, the variance of one (microseconds squared), and their number."""

    mean_us: float
    variance: float
    count: int


@dataclass(frozen=True)
class Measurements:
    """What was measured, by file name, on which device and with how many threads, None where that is not said."""

    timings: Mapping[str, Timing]
    device: str | None = None
    threads: int | None = None


def read_measurements(path: str | Path) -> Measurements:
    """The measurements in a CSV file, or in a JSON file where the name ends so.

    A CSV may have the columns device and threads too, the same in every row; JSON holds {"files": {file: {"mean_us",
    "variance", "count"}}}, and may hold "device" and "threads". Raises InputError for anything else.
    """
    path = Path(path)
    return _read_json(path) if path.suffix == ".json" else _read_csv(path)


def _timing(fields: Mapping, where: str) -> Timing:
    """Raises InputError, naming `where`, unless `fields` (numbers or their text) can be what was measured."""
    missing = [key for key in COLUMNS[1:] if fields.get(key) is None]
    if missing:
        raise InputError(f"{where} must have {', '.join(COLUMNS[1:])}. Received none of: {', '.join(missing)}.")
    try:
        mean, variance, count = (float(fields[key]) for key in COLUMNS[1:])
    except (TypeError, ValueError, OverflowError):
        mean = variance = count = math.nan
    if not (0 < mean < math.inf and 0 <= variance < math.inf and 1 <= count < math.inf and count == int(count)):
        received = ", ".join(f"{key}={fields[key]!r}" for key in COLUMNS[1:])
        raise InputError(
            f"{where}: mean_us must be above 0, variance at least 0, count a whole number of at least 1. "
            f"Received: {received}."
        )
    return Timing(mean, variance, int(count))


def _read_csv(path: Path) -> Measurements:
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"--measurements must be {_FORM}. Received: {path} ({error}).") from error
    if not rows or not set(COLUMNS) <= set(rows[0]):
        received = ", ".join(map(str, rows[0])) if rows else "no row"
        raise InputError(f"--measurements must be {_FORM}. Received: {path}, with {received}.")
    timings = {}
    for number, row in enumerate(rows, start=2):
        if not row["file"] or row["file"] in timings:
            raise InputError(f"{path}, line {number}: each file must have one line. Received: {row['file']!r} again.")
        timings[row["file"]] = _timing(row, f"{path}, line {number}")
    said = {}
    for key in ("device", "threads"):
        values = {row.get(key) for row in rows}
        if len(values) > 1:
            raise InputError(f"{path}: {key} must be the same in every line. Received: {sorted(map(str, values))}.")
        said[key] = values.pop()
    return Measurements(timings, said["device"], _threads(said["threads"], path))


def _read_json(path: Path) -> Measurements:
    data = read_json(path, "the times of a kit's files")
    files = data.get("files") if isinstance(data, dict) else None
    if not isinstance(files, dict) or not all(isinstance(fields, dict) for fields in files.values()):
        raise InputError(f'--measurements must be {_FORM}, under the key "files". Received: {path}, without it.')
    timings = {file: _timing(fields, f"{path}, {file}") for file, fields in files.items()}
    device = data.get("device")
    return Measurements(timings, None if device is None else str(device), _threads(data.get("threads"), path))


def _threads(value: object, path: Path) -> int | None:
    if value is None:
        return None
    try:
        threads = int(str(value))
    except ValueError:
        threads = 0
    if threads < 1:
        raise InputError(f"{path}: threads must be a whole number of at least 1. Received: {value!r}.")
    return threads
