"""A Keras file: architecture and weights, to load again in Python."""

import json
import zipfile
from pathlib import Path

import keras

from scarlet_tf.export.description import FILE_NAME, Description
from scarlet_tf.files import replacing

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date of zip; one that stays makes the same file each time


def write_keras(model: keras.Model, path: str | Path, description: Description | None = None) -> Path:
    """Writes `model` to `path`, which ends in .keras, and returns it. What it was trained with is left out.

    `description`, where given, is one more member of the file, which Keras passes over.
    """
    plain = type(model).from_config(model.get_config())  # without optimizer and loss, which others could not load
    plain.set_weights(model.get_weights())
    with replacing(path) as temporary:
        plain.save(temporary)
        with zipfile.ZipFile(temporary) as archive:
            members = {name: archive.read(name) for name in sorted(archive.namelist())}
        dated = json.loads(members["metadata.json"])
        members["metadata.json"] = json.dumps({key: dated[key] for key in dated if key != "date_saved"})
        if description is not None:
            members[FILE_NAME] = description.to_json()
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return Path(path)
