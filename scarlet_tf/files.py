"""Writing files so that a reader, a kill or a power cut at any moment never meets half of one."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scarlet_tf.errors import InputError

WEIGHT_SUFFIXES = (".keras", ".weights.h5")
"""How files of a network's weights end, as Keras writes them."""


def check_output_dir(path: str | Path, flag: str) -> Path:
    """Returns `path` where files can be written in it, though it need not exist yet; leaves nothing behind.

    Raises InputError, naming `flag`, where it is a file or cannot be written.
    """
    path = Path(path)
    existing = path
    # os.path answers False where pathlib raises: below a directory that may not be searched
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    if not os.path.isdir(existing):
        raise InputError(f"--{flag} must be a directory. Received: {path}, and {existing} is a file.")
    try:
        with tempfile.TemporaryDirectory(dir=existing):
            pass
    except OSError as error:
        raise InputError(f"--{flag} must be writable. Received: {path} ({error.strerror}).") from error
    return path


def sync(path: Path) -> None:
    """Returns when what a file, or the list of names that a directory is, holds is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _swap(made: Path, path: Path, aside: Path) -> None:
    held = os.path.lexists(path)
    if held:
        os.rename(path, aside)
    try:
        os.rename(made, path)
    except OSError:
        if held:
            os.rename(aside, path)
        raise


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`, which takes the place of `path` once the block has ended well.

    Whatever is made there, a file or a directory, is removed if the block raises, and `path` keeps what it
    held; so it does where the block makes nothing, which raises FileNotFoundError. Parents are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        made = holder / path.name
        yield made
        if path.is_dir() or made.is_dir():  # a directory takes only a free place
            _swap(made, path, holder / f"{path.name}.replaced")
        else:
            sync(made)  # a power cut must not find the new name before the content
            os.replace(made, path)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def write_json(path: str | Path, data: object) -> None:
    """Writes `data` as indented JSON in place of `path`."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(data, indent=2) + "\n")


def digest(path: str | Path) -> str:
    """A digest of what a file holds, which tells it from any other."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def read_json(path: str | Path, what: str) -> object:
    """The content of a JSON file; raises InputError, naming `what` it should hold, if it cannot be read."""
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} must be a JSON file that holds {what}. Received: {error}.") from error
