"""What a quantised TFLite file loses: accuracy, agreement with the float32 file, and noise layer by layer."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from scarlet_tf.export.partitions import partitions
from scarlet_tf.export.runtimes import load_artifact, notices_dropped

SQNR_IMAGES = 16
"""Images that layers are compared on: kernels that keep all tensors are slow ones."""
LARGEST_DB = 150.0
"""What equal tensors count as, about the precision of float32 sums."""

_POOL = "pool"
"""A layer that a file may lack: of a single pixel it computes nothing."""
_LAYER = re.compile(r"(stem|slot_\d+|head|pool|logits)(?![0-9a-z])")


def quantisation_report(
    reference: str | Path, files: Mapping[str, str | Path], images: np.ndarray, labels: np.ndarray | None = None
) -> dict[str, dict]:
    """By name of a variant in `files`, how its .tflite file compares with the float32 one of the same weights.

    `images` are float32 (n, s, s, 3); with `labels` (n,) there is the `accuracy` of each, and for the key `none` that
    of `reference`. `top1_agreement` counts the images whose best class is that of the reference, `sqnr_db` is the
    signal-to-noise ratio by layer (`layer_sqnr`, on the first SQNR_IMAGES), `partitions` how many XNNPACK makes.
    """
    expected = load_artifact(reference).predict(images)
    report = {"none": _figures(Path(reference), expected, expected, labels)}
    for name, path in files.items():
        if Path(path) == Path(reference):
            continue
        entry = _figures(Path(path), load_artifact(path).predict(images), expected, labels)
        report[name] = {**entry, "sqnr_db": layer_sqnr(reference, path, images[:SQNR_IMAGES])}
    return report


def _figures(path: Path, logits: np.ndarray, expected: np.ndarray, labels: np.ndarray | None) -> dict:
    best = logits.argmax(axis=1)
    entry = {"bytes": path.stat().st_size, "partitions": partitions(path).count}
    if labels is not None:
        entry["accuracy"] = float(np.mean(best == labels))
    agreed = int((best == expected.argmax(axis=1)).sum())
    return {**entry, "top1_agreement": {"count": agreed, "of": len(logits)}}


def layer_sqnr(reference: str | Path, path: str | Path, images: np.ndarray) -> dict[str, float]:
    """Signal-to-quantisation-noise ratio of each layer's output, in decibels: 10 log10(sum x^2 / sum (x - y)^2), x of
    the float32 file `reference`, y of the file at `path`, its integers times their scale, on `images` (n, s, s, 3).

    Layers are those of the network, in its order: stem, slot_0, ..., head, pool, logits. Where y is a whole number
    of times as large as x, as int8 files have hard-swish sixfold, it is divided by that. Raises ValueError where the
    files do not have the same layers.
    """
    signal, noise = {}, {}
    for x_layers, y_layers in zip(_layer_outputs(reference, images), _layer_outputs(path, images), strict=True):
        if (x_layers.keys() ^ y_layers.keys()) - {_POOL}:
            layers = f"{list(x_layers)} of {reference}. Received: {list(y_layers)}"
            raise ValueError(f"{path} must have the layers {layers}.")
        for name in x_layers:
            if name not in y_layers:
                continue
            x = x_layers[name]
            y = y_layers[name].reshape(x.shape)
            energy = np.square(x).sum()
            larger = max(1.0, np.round((x * y).sum() / energy)) if energy else 1.0
            signal[name] = signal.get(name, 0.0) + energy
            noise[name] = noise.get(name, 0.0) + np.square(x - y / larger).sum()
    return {name: _decibels(signal[name], noise[name]) for name in signal}


def _decibels(signal: float, noise: float) -> float:
    if noise == 0.0 or signal == 0.0:
        return LARGEST_DB if noise == 0.0 else -LARGEST_DB
    return float(np.clip(10.0 * np.log10(signal / noise), -LARGEST_DB, LARGEST_DB))


def _layer_outputs(path: str | Path, images: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    """For each image, by layer, the last tensor that was computed in it, as float64."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    with notices_dropped():
        interpreter = Interpreter(
            model_path=str(path),
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
    details = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    last = {}
    for node in interpreter._get_ops_details():
        if node["op_name"] == "DEQUANTIZE":  # of a weight in 16 bits, or of the output, which is there in integers
            continue
        for index in node["outputs"]:
            layer = _layer(details[index]["name"])
            if layer is not None:
                last[layer] = details[index]
    (image,) = interpreter.get_input_details()
    for one in images:
        interpreter.set_tensor(image["index"], np.broadcast_to(one, image["shape"]))
        interpreter.invoke()
        yield {layer: _real_values(interpreter, tensor) for layer, tensor in last.items()}


def _layer(tensor: str) -> str | None:
    """The layer that a tensor belongs to by its name: MODEL/slot_3_1/add, MODEL/slot_3_add/add, or logits."""
    parts = tensor.partition(";")[0].split("/")
    match = _LAYER.match(parts[1] if len(parts) > 1 else parts[0])
    return match[1] if match else None


def _real_values(interpreter: object, tensor: dict) -> np.ndarray:
    values = np.float64(interpreter.get_tensor(tensor["index"]))
    scale, zero_point = tensor["quantization"]
    return (values - zero_point) * scale if scale else values
