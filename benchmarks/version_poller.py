"""Loads each version of a SavedModel in the moment it appears, as a server does that polls the base path."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from benchmarks.c_api import SavedModelSession, TensorFlowError

PATIENCE = 0.001  # seconds between two looks
_RECORD_FRAME = (12, 4)  # bytes before and after a TFRecord's content: its length, and checksums


@dataclass(frozen=True)
class Expected:
    """What a whole version answers: `logits` (n, classes) to `images` (float32 NHWC), and to as many `files`, the
    contents of image files, `file_logits`; and which files it has, by their path in it."""

    images: np.ndarray
    logits: np.ndarray
    files: list[bytes]
    file_logits: np.ndarray
    names: frozenset[str]
    tolerance: float = 1e-4  # of max |a - b| / max |b|


@dataclass(frozen=True)
class Sighting:
    """A version as it was when it was first seen: the size of each file in bytes, and what was wrong, if anything."""

    version: str
    sizes: dict[str, int]
    problem: str | None


def file_sizes(directory: Path) -> dict[str, int]:
    """Of all files below a directory, by their path in it."""
    paths = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.stat().st_size for path in paths}


def count_records(content: bytes) -> int:
    """How many records a TFRecord file has. Raises ValueError where the last one is cut off."""
    place, records = 0, 0
    while place < len(content):
        place += sum(_RECORD_FRAME) + int.from_bytes(content[place : place + 8], "little")
        records += 1
    if place != len(content):
        raise ValueError("warm-up requests that end in the middle of one")
    return records


def problem_with(version: Path, expected: Expected) -> str | None:
    """What keeps a server from taking a version, or makes it answer wrongly; None where nothing does."""
    try:
        session = SavedModelSession(version)
        try:
            files = np.array(expected.files, object)
            answers = {
                "serving_default": session.run("serving_default", {"image": expected.images})["logits"],
                "image_bytes": session.run("image_bytes", {"image_bytes": files})["logits"],
            }
        finally:
            session.close()
        records = count_records((version / "assets.extra" / "tf_serving_warmup_requests").read_bytes())
    except (TensorFlowError, OSError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"
    for name, logits in {"serving_default": expected.logits, "image_bytes": expected.file_logits}.items():
        error = np.abs(answers[name] - logits).max() / np.abs(logits).max()
        if not error <= expected.tolerance:
            return f"{name} is off by {error:.2g}"
    if not records:
        return "no warm-up requests"
    return None


def poll(base_dir: Path, expected: Expected, stopped: Callable[[], bool], seen: Callable[[Sighting], None]) -> None:
    """Calls `seen` for each directory under `base_dir` whose name is a number, loaded as soon as it is there, and
    returns once it is `stopped` and a last look has shown nothing new."""
    known = set()
    while True:
        last = stopped()
        try:
            names = [entry.name for entry in os.scandir(base_dir) if entry.is_dir()]
        except FileNotFoundError:
            names = []
        for name in sorted(set(names) - known):
            known.add(name)
            if name.isascii() and name.isdecimal():
                sizes = file_sizes(base_dir / name)
                problem = problem_with(base_dir / name, expected)
                missing = sorted(expected.names - sizes.keys())
                if missing and not problem:
                    problem = f"without {', '.join(missing)}"
                seen(Sighting(name, sizes, problem))
        if last:
            return
        time.sleep(PATIENCE)


def _poll_for(connection: Connection, base_dir: Path, expected: Expected) -> None:
    poll(base_dir, expected, connection.poll, connection.send)
    connection.send(None)


class Poller:
    """`poll` in a process of its own, which runs no TensorFlow but the C library."""

    def __init__(self, base_dir: Path, expected: Expected) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_poll_for, args=(theirs, base_dir, expected), daemon=True)
        self._process.start()
        theirs.close()

    def stop(self) -> list[Sighting]:
        """Ends it and returns what it has seen. Raises EOFError where it has ended before."""
        self._connection.send("stop")
        sightings = list(iter(self._connection.recv, None))
        self._process.join()
        return sightings
