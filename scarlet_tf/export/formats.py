"""The formats that an export can write. Imports no TensorFlow, so that flags are checked at once."""

from collections.abc import Sequence

from scarlet_tf.errors import InputError

FORMATS = ("savedmodel", "tflite", "onnx", "keras")
QUANTIZE = ("none", "fp16", "dynamic", "int8", "qat")
"""How a TFLite file keeps weights and computes: float32; float16 weights (half the size; CPUs compute in float32);
int8 weights with activations quantised as they come (dynamic); all in int8, after training (int8) or as trained for it
(qat)."""


def check_formats(
    formats: Sequence[str],
    quantize: Sequence[str],
    known_formats: Sequence[str] = FORMATS,
    known_quantize: Sequence[str] = QUANTIZE,
) -> None:
    """Raises InputError, naming the flag, for formats and quantisations that are not known, or do not fit together."""
    if not formats or not set(formats) <= set(known_formats):
        raise InputError(f"--format takes {', '.join(known_formats)}. Received: {','.join(formats)!r}.")
    if not quantize or not set(quantize) <= set(known_quantize):
        raise InputError(f"--quantize takes {', '.join(known_quantize)}. Received: {','.join(quantize)!r}.")
    if set(quantize) != {"none"} and "tflite" not in formats:
        raise InputError(
            f"--quantize={','.join(quantize)} is for TFLite. Received: --format={','.join(formats)}. Add tflite to it."
        )
