"""A Keras file: architecture and weights, to load again in Python."""

from pathlib import Path

import keras

from scarlet_tf.files import replacing


def write_keras(model: keras.Model, path: str | Path) -> Path:
    """Writes `model` to `path`, which ends in .keras, and returns it."""
    with replacing(path) as temporary:
        model.save(temporary)
    return Path(path)
