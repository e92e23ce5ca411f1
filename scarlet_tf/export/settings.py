"""What an export writes, checked before TensorFlow is paid for and named in errors as the flags that give it."""

from collections.abc import Sequence
from dataclasses import dataclass

from scarlet_tf.errors import InputError

FORMATS = ("savedmodel", "tflite", "onnx", "keras")
QUANTIZE = ("none", "fp16", "dynamic", "int8", "qat")
"""How a TFLite file keeps weights and computes: float32; float16 weights (half the size; CPUs compute in float32);
int8 weights with activations quantised as they come (dynamic); all in int8, after training (int8) or as trained for it
(qat)."""
MIN_REPRESENTATIVE = 100
"""Images that int8 needs at least: a range is set by the largest value seen, and of fewer images than there are tails
of activations it would be cut short."""
ONNX_LAYOUTS = ("nhwc", "nchw")
"""Of an ONNX file's input: channels last, as everywhere here, or first."""
OPSETS = range(11, 23)
"""Of ONNX, that can be written."""


@dataclass(frozen=True)
class ExportSettings:
    """`formats`, of FORMATS; `quantize`, of QUANTIZE, the TFLite files to write, the other formats stay float32;
    `batch_size` of these files; `opset` and `onnx_layout`, of ONNX_LAYOUTS, of the ONNX file's input; `version` of the
    SavedModel, by default the next free one.

    Raises InputError, naming the flag, for values that there are not, and for those that `formats` have no use for.
    """

    formats: Sequence[str]
    quantize: Sequence[str] = ("none",)
    batch_size: int = 1
    opset: int = 17
    onnx_layout: str = "nhwc"
    version: int | None = None

    def __post_init__(self) -> None:
        check_formats(self.formats, self.quantize)
        if self.batch_size < 1:
            raise InputError(f"--batch_size must be at least 1. Received: {self.batch_size}.")
        check_onnx(self.opset, self.onnx_layout)
        if self.version is not None and self.version < 1:
            raise InputError(f"--version must be at least 1. Received: {self.version}.")
        for flag, value, default, needed in (
            ("batch_size", self.batch_size, 1, "tflite"),
            ("opset", self.opset, 17, "onnx"),
            ("onnx_layout", self.onnx_layout, "nhwc", "onnx"),
            ("version", self.version, None, "savedmodel"),
        ):
            if value != default and needed not in self.formats:
                raise InputError(
                    f"--{flag}={value} is for {needed}. Received: --format={','.join(self.formats)}. Add {needed}."
                )

    @property
    def jobs(self) -> list[tuple[str, str]]:
        """Each artifact once, as its format and how it is quantised."""
        jobs = [(name, how) for name in self.formats for how in (self.quantize if name == "tflite" else ["none"])]
        return list(dict.fromkeys(jobs))


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


def check_onnx(opset: int, layout: str) -> None:
    """Raises InputError, naming the flag, for an opset or a layout that there is not."""
    if opset not in OPSETS:
        raise InputError(f"--opset must be from {OPSETS[0]} to {OPSETS[-1]}. Received: {opset}.")
    if layout not in ONNX_LAYOUTS:
        raise InputError(f"--onnx_layout must be one of {', '.join(ONNX_LAYOUTS)}. Received: {layout!r}.")
