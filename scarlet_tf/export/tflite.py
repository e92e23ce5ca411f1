"""A TFLite file, for LiteRT on a phone."""

import struct
import tempfile
from pathlib import Path

import keras
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from scarlet_tf.errors import InputError
from scarlet_tf.export.formats import QUANTIZE
from scarlet_tf.export.half_kernels import with_half_kernels
from scarlet_tf.export.operators import tflite_operators
from scarlet_tf.export.savedmodel import write_signature
from scarlet_tf.files import replacing

_NAME_FIELD = 10  # offset of `name` in the vtable of the schema's Tensor


def write_tflite(
    model: keras.Model,
    path: str | Path,
    quantize: str = "none",
    batch_size: int = 1,
    names: tuple[str, str] = ("image", "logits"),
) -> Path:
    """Writes `model` to `path` and returns it: input `image` (batch_size, s, s, 3) float32, output `logits`.

    `names` are what input and output are called instead, at most as long. Raises RuntimeError where an operator is not
    one of LiteRT's own.
    """
    if quantize not in QUANTIZE:
        raise InputError(f"quantize must be one of {', '.join(QUANTIZE)}. Received: {quantize!r}.")
    with tempfile.TemporaryDirectory() as saved_model:
        # With a dynamic batch, LiteRT cannot plan its memory and XNNPACK may refuse the graph.
        write_signature(model, saved_model, batch_size, names)
        content = converted(saved_model, quantize)
    _name_tensors(content, names)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def converted(saved_model: str | Path, quantize: str) -> bytearray:
    """The signature `serving_default` of a SavedModel as the content of a TFLite file.

    Raises RuntimeError where an operator is not one of LiteRT's own.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=["serving_default"])
    content = bytearray(converter.convert())
    if quantize == "fp16":
        content = with_half_kernels(content)
    foreign = [name for name in tflite_operators(content) if name.startswith(("CUSTOM:", "Flex"))]
    if foreign:
        raise RuntimeError(f"A TFLite file must need only LiteRT's own operators. It needs: {', '.join(foreign)}.")
    return content


def _name_tensors(content: bytearray, names: tuple[str, str]) -> None:
    """Names the input tensor and the output tensor as the signature does, within `content`.

    The converter names them after the SavedModel: `serving_default_image:0`, `StatefulPartitionedCall:0`.
    Both are longer, so that the new name fits in their place and nothing moves: weights stay aligned.
    """
    graph = schema.Model.GetRootAs(content).Subgraphs(0)
    for index, name in zip((graph.Inputs(0), graph.Outputs(0)), map(str.encode, names), strict=True):
        table = graph.Tensors(index)._tab
        start = table.Indirect(table.Pos + table.Offset(_NAME_FIELD))  # of a string: length, bytes, zero
        (length,) = struct.unpack_from("<I", content, start)
        if len(name) <= length:
            struct.pack_into(f"<I{length}s", content, start, len(name), name)
