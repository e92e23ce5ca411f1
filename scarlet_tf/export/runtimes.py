"""Running an exported artifact by the runtime that it is made for.

Each loader imports its own runtime: a .tflite file or an .onnx file runs without TensorFlow.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scarlet_tf.errors import InputError

if TYPE_CHECKING:
    import keras
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter

_BATCH_SIZE = 64
_KINDS = "a .tflite, .onnx or .keras file, or a SavedModel's directory"
_CLASSIFIER = ", from square images to logits"


@dataclass(frozen=True)
class Predictor:
    """One loaded artifact. `run` maps at most `batch_size` images (float32 NHWC) to their logits."""

    format: str
    image_size: int
    num_classes: int
    batch_size: int
    run: Callable[[np.ndarray], np.ndarray]

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Logits (n, num_classes) of `images` (n, image_size, image_size, 3). InputError for other shapes."""
        images = np.asarray(images, np.float32)
        shape = (self.image_size, self.image_size, 3)
        if images.shape[1:] != shape:
            raise InputError(
                f"The {self.format} model takes images of shape {shape}. Received: {images.shape[1:]}. "
                "Give the image size it was exported with."
            )
        logits = np.empty((len(images), self.num_classes), np.float32)
        for start in range(0, len(images), self.batch_size):
            batch = slice(start, start + self.batch_size)
            logits[batch] = self.run(images[batch])
        return logits


def load_artifact(path: str | Path, num_threads: int | None = None) -> Predictor:
    """Loads a .tflite, .onnx or .keras file, a SavedModel, or the newest of the versions in a directory.

    `num_threads` is for LiteRT and onnxruntime; by default, each decides. Raises InputError where there is no
    such file, or where it does not hold a network from images to logits.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"An exported model must be {_KINDS}. Received: {path}, which does not exist.")
    if path.is_dir():
        predictor = _load_savedmodel(path)
    elif path.suffix == ".tflite":
        predictor = _load_tflite(path, num_threads)
    elif path.suffix == ".onnx":
        predictor = _load_onnx(path, num_threads)
    elif path.suffix == ".keras":
        predictor = _load_keras(path)
    else:
        raise InputError(f"An exported model must be {_KINDS}. Received: {path}.")
    with reading(path, "a network that runs"):  # some damage shows only then
        predictor.predict(np.zeros((1, predictor.image_size, predictor.image_size, 3)))
    return predictor


def keras_predictor(model: "keras.Model") -> Predictor:
    """Runs a Keras model in memory."""
    import tensorflow as tf

    image_size, num_classes = _sizes(model.input_shape, model.output_shape)
    image = tf.TensorSpec((None, image_size, image_size, 3), tf.float32)
    call = tf.function(lambda image: model(image, training=False), input_signature=[image])
    return Predictor("keras", image_size, num_classes, _BATCH_SIZE, lambda images: call(images).numpy())


def _load_keras(path: Path) -> Predictor:
    import keras

    import scarlet_tf.nets.standalone  # noqa: F401  (registers the layers)

    with reading(path, f"a Keras model{_CLASSIFIER}"):
        return keras_predictor(keras.models.load_model(path, compile=False))


def find_savedmodel(path: Path) -> Path:
    """The directory of the SavedModel `path`, or of the newest of the versions in it. Raises InputError for others."""
    if not (path / "saved_model.pb").is_file():
        numbers = [int(child.parent.name) for child in path.glob("*/saved_model.pb") if child.parent.name.isdecimal()]
        if not numbers:
            raise InputError(f"An exported model must be {_KINDS}. Received: {path}, which holds no saved_model.pb.")
        path = path / str(max(numbers))
    return path


def _load_savedmodel(path: Path) -> Predictor:
    path = find_savedmodel(path)
    import tensorflow as tf

    with reading(path, f"a SavedModel with the signature serving_default{_CLASSIFIER}"):
        loaded = tf.saved_model.load(path)
        signature = loaded.signatures["serving_default"]
        ((input_name, image),) = signature.structured_input_signature[1].items()
        ((output_name, logits),) = signature.structured_outputs.items()
        image_size, num_classes = _sizes(image.shape, logits.shape)

    def run(images: np.ndarray, _owner: object = loaded) -> np.ndarray:
        # A signature does not keep the variables that it reads: their owner must live as long.
        return signature(**{input_name: tf.constant(images)})[output_name].numpy()

    return Predictor("savedmodel", image_size, num_classes, _BATCH_SIZE, run)


def onnx_session(path: Path, num_threads: int | None) -> "onnxruntime.InferenceSession":
    """Opens an .onnx file to run on CPUs; `num_threads` None leaves it to onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads or 0
    # Threads that spin while they wait slow each other down several times where cores are shared.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _load_onnx(path: Path, num_threads: int | None) -> Predictor:
    with reading(path, f"an ONNX model{_CLASSIFIER}"):
        session = onnx_session(path, num_threads)
        (image,), (logits,) = session.get_inputs(), session.get_outputs()
        batch, *sides = image.shape
        channels_first = len(sides) == 3 and sides[0] == 3 != sides[2]
        image_size, num_classes = _sizes([batch, *sides[1:], 3] if channels_first else image.shape, logits.shape)
        batch_size = batch if isinstance(batch, int) else _BATCH_SIZE

    def run(images: np.ndarray) -> np.ndarray:
        fed = np.ascontiguousarray(images.transpose(0, 3, 1, 2)) if channels_first else images
        return session.run([logits.name], {image.name: fed})[0]

    return Predictor("onnx", image_size, num_classes, batch_size, run)


def tflite_interpreter(path: Path, num_threads: int | None) -> "Interpreter":
    """Opens a .tflite file; its tensors are still to be allocated. `num_threads` None is one thread."""
    from ai_edge_litert.interpreter import Interpreter

    from scarlet_tf.export.tflite_metadata import check_whole

    check_whole(path)
    with notices_dropped():
        return Interpreter(model_path=str(path), num_threads=num_threads)


def _load_tflite(path: Path, num_threads: int | None) -> Predictor:
    with reading(path, f"a TFLite model{_CLASSIFIER}"):
        interpreter = tflite_interpreter(path, num_threads)
        with notices_dropped():
            interpreter.allocate_tensors()
        (image,), (logits,) = interpreter.get_input_details(), interpreter.get_output_details()
        image_size, num_classes = _sizes(image["shape"], logits["shape"])
        quantised, real = _coding(image)[0], _coding(logits)[1]
    image_buffer, logits_buffer = interpreter.tensor(image["index"]), interpreter.tensor(logits["index"])

    def run(images: np.ndarray) -> np.ndarray:
        # A last, smaller batch leaves earlier images in the rest of the buffer, whose logits are not read.
        image_buffer()[: len(images)] = quantised(images)
        interpreter.invoke()
        return real(logits_buffer()[: len(images)])

    return Predictor("tflite", image_size, num_classes, int(image["shape"][0]), run)


def _coding(tensor: dict) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    """From real numbers to what a TFLite `tensor` (its details) holds of them, and back: real = scale * (held - zero).

    Raises ValueError unless it holds float32, or int8 or uint8 with a scale.
    """
    dtype, (scale, zero_point) = np.dtype(tensor["dtype"]), tensor["quantization"]
    if dtype == np.float32:
        return lambda real: real, np.copy
    if dtype not in (np.int8, np.uint8) or not scale:
        raise ValueError(f"a tensor of {dtype.name} where float32, or int8 or uint8 with a scale is expected")
    limits = np.iinfo(dtype)
    return (
        lambda real: np.clip(np.rint(real / scale) + zero_point, limits.min, limits.max).astype(dtype),
        lambda whole: np.float32(scale) * (whole.astype(np.float32) - np.float32(zero_point)),
    )


def _sizes(image_shape: tuple, logits_shape: tuple) -> tuple[int, int]:
    """Image size and number of classes; ValueError unless shapes are (n, size, size, 3) and (n, classes)."""
    image_shape, logits_shape = list(image_shape), list(logits_shape)
    if len(image_shape) != 4 or len(logits_shape) != 2 or image_shape[1] != image_shape[2] or image_shape[3] != 3:
        raise ValueError(f"an input of shape {image_shape} and an output of shape {logits_shape}")
    return int(image_shape[1]), int(logits_shape[1])


@contextmanager
def notices_dropped(*starts: bytes) -> Iterator[None]:
    """Keeps lines that start like one of `starts`, by default `INFO:`, off stderr, to which LiteRT's native code writes
    them; no setting does."""
    starts = starts or (b"INFO:",)
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            written.seek(0)
            os.write(2, b"".join(line for line in written if not line.startswith(starts)))


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turns whatever a runtime raises on a file that it cannot take into one InputError, which says `what` it should
    hold."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} must hold {what}. Received: {reason}.") from error
