"""The versions of a SavedModel under a server's base path, published whole or not at all. Imports no TensorFlow."""

import os
import shutil
import tempfile
from pathlib import Path

from scarlet_tf.errors import InputError
from scarlet_tf.files import sync

LARGEST = 2**63 - 1  # a server keeps the number in 64 bits


def versions(base_dir: str | Path) -> list[int]:
    """The version numbers under `base_dir`, ascending: of all directories that a server takes for a version."""
    base_dir = Path(base_dir)
    if not base_dir.is_dir():
        return []
    names = (path.name for path in base_dir.iterdir() if path.is_dir())
    return sorted(int(name) for name in names if name.isascii() and name.isdecimal())


def check_version(base_dir: str | Path, version: int | None) -> None:
    """Raises InputError, naming --version, unless `version` can be published under `base_dir`; None is the next one."""
    if os.path.lexists(base_dir) and not os.path.isdir(base_dir):
        raise InputError(f"{base_dir} must be a directory, of a SavedModel's versions. Received: a file; move it away.")
    there = versions(base_dir)
    listed = f"{base_dir} has {', '.join(map(str, there)) or 'none'}"
    if version is None:
        if there and there[-1] >= LARGEST:
            raise InputError(f"--version must be given where there is no next one. {listed}.")
    elif not 1 <= version <= LARGEST:
        raise InputError(f"--version must be a positive integer, up to {LARGEST}. Received: {version}.")
    elif version in there or os.path.lexists(Path(base_dir) / str(version)):
        raise InputError(f"--version must be a number that is free. Received: {version}. {listed}.")


def publish_version(written: str | Path, base_dir: str | Path, version: int | None = None) -> Path:
    """Moves the directory `written` to `base_dir/version`, by default the number after the highest there; returns that.

    The version appears at once with all its files, which are on disk by then, so that a server that polls `base_dir`
    never meets a part of one, nor does one that starts after a power cut. Of exporters that publish at the same time
    none overwrites what another has published. Raises InputError, leaving `written` where it is, for a number that is
    taken or no positive integer. What a kill leaves is in a hidden directory, which no server looks at.
    """
    base_dir = Path(base_dir)
    check_version(base_dir, version)
    base_dir.mkdir(parents=True, exist_ok=True)
    # beside the versions, from where a rename is possible even if `written` is on another disk
    with tempfile.TemporaryDirectory(prefix=".publishing.", dir=base_dir) as holder:
        made = Path(shutil.move(written, Path(holder) / "version"))
        _sync_tree(made)
        published = _rename_to_version(made, base_dir, version)
    sync(base_dir)
    sync(base_dir.parent)
    return published


def _rename_to_version(made: Path, base_dir: Path, version: int | None) -> Path:
    number = version or max(versions(base_dir), default=0) + 1
    while True:
        path = base_dir / str(number)
        try:
            made.rename(path)  # fails, and does not replace, where another export has taken the number meanwhile
        except OSError:
            if not os.path.lexists(path):
                raise
            if version:
                check_version(base_dir, version)
            number += 1
        else:
            return path


def _sync_tree(directory: Path) -> None:
    for parent, _, files in os.walk(directory, topdown=False):
        for name in files:
            sync(Path(parent) / name)
        sync(Path(parent))
