"""A network's description as the metadata of an ONNX file: text that any runtime hands out by its key."""

import json
from pathlib import Path

import onnx

from scarlet_tf import __version__
from scarlet_tf.errors import InputError
from scarlet_tf.export.description import Description

_PRODUCER, _KEYS = "scarlet_tf", ("name", "labels", "preprocessing", "provenance")


def add_metadata(model: onnx.ModelProto, description: Description | None) -> None:
    """Says in `model` what wrote it and, where there is a description, each of its parts as JSON under its own key:
    `name`, `labels`, `preprocessing`, `provenance`."""
    model.producer_name, model.producer_version = _PRODUCER, __version__
    del model.metadata_props[:]
    if description is None:
        return
    model.doc_string = description.summary()
    for key, value in json.loads(description.to_json()).items():
        model.metadata_props.add(key=key, value=json.dumps(value))


def read_onnx_description(path: str | Path) -> Description | None:
    """The description in an ONNX file; None where it has none. Raises InputError where it cannot be read."""
    try:
        model = onnx.load(path, load_external_data=False)
        held = {entry.key: entry.value for entry in model.metadata_props if entry.key in _KEYS}
    except Exception as error:  # of the parser of protocol buffers, which has its own
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} must hold an ONNX model. Received: {reason}.") from error
    if model.producer_name != _PRODUCER or set(held) != set(_KEYS):
        return None
    parts = ", ".join(f"{json.dumps(key)}: {value}" for key, value in held.items())
    return Description.from_json(f"{{{parts}}}", path)
