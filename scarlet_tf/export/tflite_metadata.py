"""A network's description inside its TFLite file, as the metadata that task libraries and code generators read.

TFLite's metadata is a flatbuffer of its own (schema `tflite.ModelMetadata`, file identifier M001) in a buffer of the
model that the model's `metadata` names TFLITE_METADATA. The files that it mentions lie in a zip archive after the
model's end: `labels.txt`, a label a line, and `description.json`, all of the description; and `model.sha256`, a digest
of all that comes before the archive, by which a damaged file is told.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import number_types

from scarlet_tf.export.description import FILE_NAME, RESIZES, Description

LABELS_FILE, DIGEST_FILE = "labels.txt", "model.sha256"

_METADATA_NAME, _METADATA_IDENTIFIER, _MIN_PARSER_VERSION = "TFLITE_METADATA", b"M001", "1.0.0"
_RGB, _AXIS_LABELS, _IMAGE_PROPERTIES, _NORMALIZATION = map(np.uint8, (1, 2, 2, 1))  # members of enums and unions
_ALIGNMENT = 16  # the largest in a TFLite file: LiteRT maps the file and computes on weights in place
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date of zip; one that stays makes the same file each time
_MODEL_FIELDS = ("version", "operator_codes", "subgraphs", "description", "buffers", "metadata_buffer", "metadata",
                 "signature_defs")  # fmt: skip


def with_metadata(content: bytes | bytearray, description: Description) -> bytes:
    """The TFLite file `content` with `description` in it, in place of one that it had.

    What `content` holds is kept byte by byte and aligned as it was: a new root, which also names the metadata, is
    written before it. Raises ValueError unless it has one graph of one input and one output.
    """
    content = content[: _model_end(content)]
    content = bytes(content) + bytes(-len(content) % _ALIGNMENT)
    model = schema.Model.GetRootAs(content)
    graph = model.Subgraphs(0)
    numbers = model.SubgraphsLength(), graph.InputsLength(), graph.OutputsLength()
    if numbers != (1, 1, 1):
        raise ValueError(f"A classifier has 1 graph, 1 input and 1 output. Received: {numbers}.")
    names = (graph.Tensors(index).Name().decode() for index in (graph.Inputs(0), graph.Outputs(0)))
    content = _with_buffer(content, model, _metadata(description, *names))
    files = {
        LABELS_FILE: labels_text(description),
        FILE_NAME: description.to_json(),
        DIGEST_FILE: hashlib.sha256(content).hexdigest(),
    }
    written = io.BytesIO(content)
    with zipfile.ZipFile(written, "a") as archive:  # uncompressed: readers point into the mapped file
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text)
    return written.getvalue()


def check_whole(path: str | Path) -> None:
    """Raises ValueError where the TFLite file at `path` holds metadata and is not, byte by byte, as it was written."""
    content = Path(path).read_bytes()
    if _METADATA_NAME.encode() not in content:
        return
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise ValueError("metadata whose files are cut off")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if archive.testzip() is not None:
            raise ValueError(f"a damaged {archive.testzip()}")
        if DIGEST_FILE not in archive.namelist():  # of another writer
            return
        digest = archive.read(DIGEST_FILE).decode()
    if hashlib.sha256(content[: _model_end(content)]).hexdigest() != digest:
        raise ValueError("other bytes than were written")


def labels_text(description: Description) -> str:
    """A label a line, in the order of the logits; breaks of lines within a label become spaces."""
    return "".join(" ".join(label.split()) + "\n" for label in description.labels)


def _model_end(content: bytes | bytearray) -> int:
    """Where the archive after a model starts, or else `content` ends."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return min((member.header_offset for member in archive.infolist()), default=archive.start_dir)
    except zipfile.BadZipFile:
        return len(content)


def _with_buffer(content: bytes, model: schema.Model, metadata: bytes) -> bytes:
    """`content`, which holds `model`, behind a new root of the model with one more buffer, `metadata`.

    Flatbuffers are built from their end and point forwards: `content` becomes the end of a builder as if it had been
    built there, and what stays is pointed to.
    """
    size = len(content)
    builder = flatbuffers.Builder(size + len(metadata) + 16 * model.BuffersLength() + 4096)
    builder.head = len(builder.Bytes) - size
    builder.Bytes[builder.head :] = content
    builder.minalign = _ALIGNMENT
    buffers = [size - model.Buffers(index)._tab.Pos for index in range(model.BuffersLength())]
    entries = [model.Metadata(index) for index in range(model.MetadataLength())]
    entries = [size - entry._tab.Pos for entry in entries if entry.Name() != _METADATA_NAME.encode()]

    builder.StartVector(1, len(metadata), _ALIGNMENT)
    builder.head -= len(metadata)
    builder.Bytes[builder.head : builder.head + len(metadata)] = metadata
    data, name = builder.EndVector(), builder.CreateString(_METADATA_NAME)
    schema.BufferStart(builder)
    schema.BufferAddData(builder, data)
    buffer = schema.BufferEnd(builder)
    schema.MetadataStart(builder)
    schema.MetadataAddName(builder, name)
    schema.MetadataAddBuffer(builder, len(buffers))
    entry = schema.MetadataEnd(builder)

    held = {}
    for index, field in enumerate(_MODEL_FIELDS):
        place = model._tab.Offset(4 + 2 * index)
        if place and field != "version":
            held[field] = size - model._tab.Indirect(model._tab.Pos + place)
    held["buffers"], held["metadata"] = _vector(builder, [*buffers, buffer]), _vector(builder, [*entries, entry])
    builder.StartObject(len(_MODEL_FIELDS))
    builder.PrependUint32Slot(0, model.Version(), 0)
    for field, offset in held.items():
        builder.PrependUOffsetTRelativeSlot(_MODEL_FIELDS.index(field), offset, 0)
    builder.Finish(builder.EndObject(), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _vector(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _metadata(description: Description, image: str, logits: str) -> bytes:
    """The flatbuffer `tflite.ModelMetadata`; `image` and `logits` are what the tensors are called.

    Tables are written as mappings from the schema's field numbers. Normalisation is of pixels from 0 to 255.
    """
    fed = description.preprocessing
    mean, std = (255 * np.array(vector) for vector in (fed.normalisation.mean, fed.normalisation.std))
    size = np.uint32(fed.image_size)
    input_tensor = {
        0: image,
        1: f"RGB images, {RESIZES[fed.resize]}.",
        3: {0: _IMAGE_PROPERTIES, 1: {0: _RGB, 1: {0: size, 1: size}}},  # content, its properties
        4: [{0: _NORMALIZATION, 1: {0: np.float32(mean), 1: np.float32(std)}}],  # process units
        5: {0: np.float32((255 - mean) / std), 1: np.float32(-mean / std)},  # the tensor's largest, its smallest values
    }
    output_tensor = {
        0: logits,
        1: "A logit a class; their softmax are probabilities.",
        6: [{0: LABELS_FILE, 1: "A class a line, in the order of the logits.", 2: _AXIS_LABELS}],
    }
    root = {
        0: description.name,
        1: description.summary(),
        3: [{0: description.name, 2: [input_tensor], 3: [output_tensor]}],
        6: [{0: FILE_NAME, 1: "Labels, preprocessing and provenance as JSON."}],
        7: _MIN_PARSER_VERSION,
    }
    builder = flatbuffers.Builder()
    builder.Finish(_written(builder, root), file_identifier=_METADATA_IDENTIFIER)
    return bytes(builder.Output())


def _written(builder: flatbuffers.Builder, value: Mapping | list | str | np.ndarray) -> int:
    """The offset of a table, a vector of tables, a string or a vector of numbers, once it is written."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, list):
        return _vector(builder, [_written(builder, table) for table in value])
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    numbers = {field: held for field, held in value.items() if isinstance(held, np.generic)}
    offsets = {field: _written(builder, held) for field, held in value.items() if field not in numbers}
    builder.StartObject(max(value) + 1)
    for field, number in numbers.items():
        flags = {"uint8": number_types.Uint8Flags, "uint32": number_types.Uint32Flags}[number.dtype.name]
        builder.PrependSlot(flags, field, int(number), 0)
    for field, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    return builder.EndObject()
