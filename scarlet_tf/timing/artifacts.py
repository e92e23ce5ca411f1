"""Exported files as contestants: any network from one array to others, be it ours or not."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from scarlet_tf import command
from scarlet_tf.errors import InputError
from scarlet_tf.export.runtimes import find_savedmodel, notices_dropped, onnx_session, reading, tflite_interpreter
from scarlet_tf.timing.contest import Contestant, Started

KINDS = "a .tflite, .onnx or .keras file, or a SavedModel's directory"
_ONE_INPUT = "from one array to others"
_ONNX_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
}


def check_artifact(path: str | Path, flag: str) -> Path:
    """Returns `path` where it is there and called as an artifact is; nothing is opened. Raises InputError, naming
    `flag`, where not."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"--{flag} must be {KINDS}. Received: {path}, which does not exist.")
    if path.is_dir():
        find_savedmodel(path)
    elif path.suffix not in _STARTS:
        raise InputError(f"--{flag} must be {KINDS}. Received: {path}.")
    return path


def contestants(
    paths: Sequence[str | Path], threads: Sequence[int], batch_size: int = 1, image_size: int = 224
) -> list[Contestant]:
    """Every artifact with every number of threads, named by what of its path tells it from the others. `image_size` is
    of images whose size a file leaves open, in pixels a side."""
    common = os.path.commonpath([Path(path).absolute().parent for path in paths])
    names = [os.path.relpath(Path(path).absolute(), common) for path in paths]
    return [
        Contestant(name, n, start_artifact, (str(path), batch_size, image_size))
        for n in threads
        for name, path in zip(names, paths, strict=True)
    ]


def start_artifact(path: str, batch_size: int, image_size: int, threads: int) -> Started:
    """Loads an artifact into this process, which must not have started TensorFlow if it is a SavedModel or Keras file.

    Its run goes from an array of its input's shape and type, noise, to NumPy arrays. Raises InputError where the file
    is none, has not one input of numbers, or only takes another batch than `batch_size`.
    """
    path = Path(path)
    start = _start_savedmodel if path.is_dir() else _STARTS[path.suffix]
    shape, dtype, run = start(path, batch_size, image_size, threads)
    data = _noise(shape, dtype)
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    facts = {
        "file": str(path),
        "format": path.suffix.removeprefix(".") or "savedmodel",
        "input_shape": list(shape),
        "input_type": dtype.name,
        "bytes": sum(file.stat().st_size for file in files),
    }
    return Started(lambda: run(data), facts)


def _noise(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    rng = np.random.default_rng(0)
    if np.issubdtype(dtype, np.floating):
        return rng.standard_normal(shape, np.float32).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def _input_shape(declared: Sequence, path: Path, batch_size: int, image_size: int) -> tuple[int, ...]:
    """`declared` with `batch_size` and `image_size` for what is open in it: None, a name, -1."""
    known = [size if isinstance(size, int) and size > 0 else None for size in declared]
    if not known:
        raise InputError(f"{path} must hold a network {_ONE_INPUT}. Received: an input of unknown rank.")
    if known[0] not in (None, batch_size):
        raise InputError(
            f"--batch_size must be what every file takes. {path} takes batches of {known[0]}. Received: {batch_size}."
        )
    return batch_size, *(image_size if size is None else size for size in known[1:])


def _start_tflite(path: Path, batch_size: int, image_size: int, threads: int) -> tuple:
    with reading(path, f"a TFLite model {_ONE_INPUT}"):
        interpreter = tflite_interpreter(path, threads)
        (image,) = interpreter.get_input_details()
        dtype = _checked_type(image["dtype"])
    shape = _input_shape(image["shape_signature"].tolist(), path, batch_size, image_size)
    with reading(path, f"a TFLite model for images of shape {shape}"), notices_dropped():
        if shape != tuple(image["shape"]):
            interpreter.resize_tensor_input(image["index"], shape)
        interpreter.allocate_tensors()
        interpreter.invoke()
    outputs = [output["index"] for output in interpreter.get_output_details()]

    def run(images: np.ndarray) -> list[np.ndarray]:
        interpreter.set_tensor(image["index"], images)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in outputs]

    return shape, dtype, run


def _start_onnx(path: Path, batch_size: int, image_size: int, threads: int) -> tuple:
    with reading(path, f"an ONNX model {_ONE_INPUT}"):
        session = onnx_session(path, threads)
        (image,) = session.get_inputs()
        if image.type not in _ONNX_DTYPES:
            raise ValueError(f"an input of {image.type}")
        dtype = np.dtype(_ONNX_DTYPES[image.type])
    shape = _input_shape(image.shape, path, batch_size, image_size)
    return shape, dtype, lambda images: session.run(None, {image.name: images})


def _start_savedmodel(path: Path, batch_size: int, image_size: int, threads: int) -> tuple:
    path = find_savedmodel(path)
    tf = _tensorflow(threads)
    with reading(path, f"a SavedModel whose signature serving_default is {_ONE_INPUT}"):
        loaded = tf.saved_model.load(path)
        signature = loaded.signatures["serving_default"]
        ((name, image),) = signature.structured_input_signature[1].items()
        dtype = _checked_type(image.dtype.as_numpy_dtype)
        declared = image.shape.as_list()
    shape = _input_shape(declared, path, batch_size, image_size)

    def run(images: np.ndarray, _owner: object = loaded) -> list[np.ndarray]:
        # A signature does not keep the variables that it reads: their owner must live as long.
        return [output.numpy() for output in signature(**{name: tf.constant(images)}).values()]

    return shape, dtype, run


def _start_keras(path: Path, batch_size: int, image_size: int, threads: int) -> tuple:
    tf = _tensorflow(threads)
    import keras

    import scarlet_tf.nets.standalone  # noqa: F401  (registers the layers)

    with reading(path, f"a Keras model {_ONE_INPUT}"):
        model = keras.models.load_model(path, compile=False)
        (image,), outputs = model.inputs, len(model.outputs)
        dtype = _checked_type(image.dtype)
    shape = _input_shape(list(image.shape), path, batch_size, image_size)
    call = tf.function(
        lambda images: tf.nest.flatten(model(images, training=False)), input_signature=[tf.TensorSpec(shape, dtype)]
    )
    with reading(path, f"a Keras model for images of shape {shape} and {outputs} outputs"):
        call.get_concrete_function()
    return shape, dtype, lambda images: [output.numpy() for output in call(tf.constant(images))]


_STARTS: dict[str, Callable[..., tuple]] = {".tflite": _start_tflite, ".onnx": _start_onnx, ".keras": _start_keras}


def _checked_type(dtype: object) -> np.dtype:
    """ValueError unless it is one of numbers that images may have."""
    dtype = np.dtype(dtype)
    if dtype not in [np.dtype(known) for known in _ONNX_DTYPES.values()]:
        raise ValueError(f"an input of {dtype.name}")
    return dtype


def _tensorflow(threads: int) -> ModuleType:
    """TensorFlow, whose threads are the process's: so many inside an operation, and one operation at a time."""
    command.start_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf
