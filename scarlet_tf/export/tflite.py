"""A TFLite file, for LiteRT on a phone."""

import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from scarlet_tf.errors import InputError
from scarlet_tf.export.description import Description
from scarlet_tf.export.half_kernels import with_half_kernels
from scarlet_tf.export.operators import tflite_operators
from scarlet_tf.export.savedmodel import write_signature
from scarlet_tf.export.settings import MIN_REPRESENTATIVE, QUANTIZE
from scarlet_tf.export.tflite_metadata import with_metadata
from scarlet_tf.files import replacing
from scarlet_tf.nets.depthwise_parts import depthwise_in_parts

if TYPE_CHECKING:
    from scarlet_tf.quantization.twin import Twin

INTEGERS = ("int8", "qat")
"""The quantisations in which all is computed in 8-bit integers."""

_NAME_FIELD = 10  # offset of `name` in the vtable of the schema's Tensor


def write_tflite(
    model: keras.Model,
    path: str | Path,
    quantize: str = "none",
    batch_size: int = 1,
    names: tuple[str, str] = ("image", "logits"),
    representative: np.ndarray | None = None,
    twin: "Twin | None" = None,
    description: Description | None = None,
) -> Path:
    """Writes `model` to `path` and returns it: input `image` (batch_size, s, s, 3) float32, output `logits` float32.

    `names` are what input and output are called instead, at most as long. `quantize`, one of QUANTIZE, says how weights
    are kept and what is computed in integers: for int8 by the ranges of activations on `representative`, at least
    MIN_REPRESENTATIVE float32 images (n, s, s, 3) as the network is fed; for qat as `twin` was trained. `description`,
    where given, is put in as TFLite's metadata. Raises InputError where these are missing or do not fit, RuntimeError
    where an operator is not one of LiteRT's own, or not in integers as it should be.
    """
    if quantize not in QUANTIZE:
        raise InputError(f"quantize must be one of {', '.join(QUANTIZE)}. Received: {quantize!r}.")
    if quantize in INTEGERS:
        twin = _integer_twin(model, quantize, representative, twin)
    with tempfile.TemporaryDirectory() as saved_model, depthwise_in_parts(model):
        # With a dynamic batch, LiteRT cannot plan its memory and XNNPACK may refuse the graph.
        if quantize in INTEGERS:
            from scarlet_tf.quantization.layers import dilated_rows

            with dilated_rows(twin.model):
                write_signature(twin.model, saved_model, batch_size, names)
        else:
            write_signature(model, saved_model, batch_size, names)
        content = converted(saved_model, quantize)
    _name_tensors(content, names)
    if description is not None:
        content = with_metadata(content, description)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def _integer_twin(model: keras.Model, quantize: str, representative: np.ndarray | None, twin: "Twin | None") -> "Twin":
    """The quantised twin that an int8 file is made of: its ranges are those of activations on images, or trained."""
    if quantize == "qat":
        if twin is None:
            raise InputError(
                "--quantize=qat is for a network trained for it. Received: one that was not. Train it with "
                "train --qat --weights=WORKDIR first, or give --quantize=int8, which needs no training."
            )
        return twin
    check_representative(representative, model.input_shape[1])
    from scarlet_tf.quantization.calibration import calibrate  # takes seconds to import
    from scarlet_tf.quantization.twin import build_twin

    twin = build_twin(model, quantised=True)
    calibrate(twin, (representative[start : start + 50] for start in range(0, len(representative), 50)))
    return twin


def check_representative(images: np.ndarray | None, image_size: int) -> None:
    """Raises InputError, naming the flags, unless `images` are enough for --quantize=int8 and as the network is fed."""
    if images is None:
        raise InputError(
            "--quantize=int8 needs images from which it takes the ranges of activations. Received: none. Give "
            "--dataset, and --data_dir where it has files."
        )
    if images.ndim != 4 or images.shape[1:] != (image_size, image_size, 3) or images.dtype != np.float32:
        raise InputError(
            f"--quantize=int8 needs float32 images of shape (n, {image_size}, {image_size}, 3). Received: "
            f"{images.dtype} of shape {images.shape}."
        )
    if len(images) < MIN_REPRESENTATIVE:
        raise InputError(
            f"--representative_images must be at least {MIN_REPRESENTATIVE} for --quantize=int8, and --dataset must "
            f"have as many. Received: {len(images)}."
        )
    if not np.isfinite(images).all():
        raise InputError("--dataset must give images of finite numbers for --quantize=int8. Received: others.")


def converted(saved_model: str | Path, quantize: str) -> bytearray:
    """The signature `serving_default` of a SavedModel as the content of a TFLite file.

    For int8 and qat it must be that of a quantised twin. Raises RuntimeError where an operator is not one of LiteRT's
    own, or, for those two, computes with floats.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=["serving_default"])
    if quantize not in ("none", "fp16"):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    content = bytearray(converter.convert())
    if quantize == "fp16":
        content = with_half_kernels(content)
    foreign = [name for name in tflite_operators(content) if name.startswith(("CUSTOM:", "Flex"))]
    if foreign:
        raise RuntimeError(f"A TFLite file must need only LiteRT's own operators. It needs: {', '.join(foreign)}.")
    if quantize in INTEGERS:
        check_integers(content)
    return content


def check_integers(content: bytes | bytearray) -> None:
    """Raises RuntimeError unless all that a TFLite file computes is in int8, from one QUANTIZE on its input to one
    DEQUANTIZE before its output."""
    graph = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content)).subgraphs[0]
    ends = {*graph.inputs, *graph.outputs}
    floats = {index for index, tensor in enumerate(graph.tensors) if tensor.type == schema.TensorType.FLOAT32}
    counts = tflite_operators(content)
    if floats != ends or (counts.get("QUANTIZE"), counts.get("DEQUANTIZE")) != (1, 1):
        inner = sorted(graph.tensors[index].name.decode() for index in floats - ends)
        raise RuntimeError(
            "An int8 TFLite file must compute in integers from one QUANTIZE to one DEQUANTIZE. It has "
            f"{counts.get('QUANTIZE', 0)} and {counts.get('DEQUANTIZE', 0)}, and floats in: {', '.join(inner)}."
        )


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
