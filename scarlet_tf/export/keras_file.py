"""A Keras file: architecture and weights, to load again in Python."""

from pathlib import Path

import keras

from scarlet_tf.files import replacing


def write_keras(model: keras.Model, path: str | Path) -> Path:
    """Writes `model` to `path`, which ends in .keras, and returns it. What it was trained with is left out."""
    plain = type(model).from_config(model.get_config())  # without optimizer and loss, which others could not load
    plain.set_weights(model.get_weights())
    with replacing(path) as temporary:
        plain.save(temporary)
    return Path(path)
