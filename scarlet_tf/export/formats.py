"""The formats that an export can write. Imports no TensorFlow, so that flags are checked at once."""

from collections.abc import Sequence

from scarlet_tf.errors import InputError

FORMATS = ("savedmodel", "tflite", "onnx", "keras")
QUANTIZE = ("none", "fp16", "dynamic", "int8", "qat")
"""How a TFLite file keeps weights and computes: float32; float16 weights (half the size; CPUs compute in float32);
int8 weights with activations quantised as they come (dynamic); all in int8, after training (int8) or as trained for it
(qat)."""

LAYOUTS = ("nhwc", "nchw")
"""Of an ONNX file's input: channels last, as everywhere here, or first."""
OPSETS = range(11, 23)
"""Of ONNX, that can be written."""


def check_formats(formats: Sequence[str], quantize: Sequence[str], known: Sequence[str] = FORMATS) -> None:
    """Raises InputError, naming the flag, for formats that are not `known`, and for quantisations that there are not or
    that do not fit."""
    if not formats or not set(formats) <= set(known):
        raise InputError(f"--format takes {', '.join(known)}. Received: {','.join(formats)!r}.")
    if not quantize or not set(quantize) <= set(QUANTIZE):
        raise InputError(f"--quantize takes {', '.join(QUANTIZE)}. Received: {','.join(quantize)!r}.")
    if set(quantize) != {"none"} and "tflite" not in formats:
        raise InputError(
            f"--quantize={','.join(quantize)} is for TFLite. Received: --format={','.join(formats)}. Add tflite to it."
        )


def check_onnx(opset: int, layout: str) -> None:
    """Raises InputError, naming the flag, for an opset or a layout that there is not."""
    if opset not in OPSETS:
        raise InputError(f"--opset must be {OPSETS[0]} to {OPSETS[-1]}. Received: {opset}.")
    if layout not in LAYOUTS:
        raise InputError(f"--layout must be one of {', '.join(LAYOUTS)}. Received: {layout!r}.")
