"""A SavedModel in a version directory, as TensorFlow Serving reads it."""

import os
import tempfile
from pathlib import Path

import keras
import tensorflow as tf


def write_savedmodel(model: keras.Model, base_dir: str | Path) -> Path:
    """Writes `model` as the next version under `base_dir` and returns that version's directory.

    The signature `serving_default` takes `image` (float32 NHWC, any batch) and gives `logits`. The version
    appears whole or not at all: a server that polls `base_dir` never meets half of one.
    """
    base_dir = Path(base_dir)
    base_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing.", dir=base_dir) as holder:
        written = Path(holder) / "version"
        write_signature(model, written)
        return publish_version(written, base_dir)


def publish_version(written: Path, base_dir: Path) -> Path:
    """Moves the SavedModel `written` to the next version under `base_dir` (same file system); returns it."""
    base_dir.mkdir(parents=True, exist_ok=True)
    version = max(versions(base_dir), default=0) + 1
    while True:
        try:
            # Fails, and does not replace, where another export has taken the number meanwhile.
            written.rename(base_dir / str(version))
        except OSError:
            if not (base_dir / str(version)).exists():
                raise
            version += 1
        else:
            return base_dir / str(version)


def versions(base_dir: Path) -> list[int]:
    """The version numbers under `base_dir`, ascending."""
    return sorted(int(path.name) for path in base_dir.iterdir() if path.is_dir() and path.name.isdecimal())


def write_signature(
    model: keras.Model,
    directory: str | Path,
    batch_size: int | None = None,
    names: tuple[str, str] = ("image", "logits"),
) -> None:
    """Writes `model` as a SavedModel straight into `directory`, for any batch or a fixed `batch_size`.

    `names` are those of its input and its output.
    """
    input_name, output_name = names
    image = tf.TensorSpec((batch_size, *model.input_shape[1:]), tf.float32, name=input_name)
    function = tf.function(lambda image: {output_name: model(image, training=False)})
    signature = function.get_concrete_function(image)
    # keras.export.ExportArchive stores each weight twice: as the Keras variable and as TensorFlow's.
    owner = tf.Module()
    owner.weights = list(signature.variables)
    tf.saved_model.save(owner, os.fspath(directory), signatures={"serving_default": signature})
