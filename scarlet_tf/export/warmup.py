"""Warm-up requests: what TensorFlow Serving runs on a version that it has loaded, before clients get to it."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from scarlet_tf.export.description import Preprocessing

WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
"""Where a server looks for it in a version."""

BATCH_SIZES = (1, 4, 8)
"""Those that the batching parameters in `export/serving` pad requests to."""

_JPEG_QUALITY = 95


@dataclass(frozen=True)
class Request:
    """A signature's name, and a value for each of its inputs."""

    signature: str
    inputs: Mapping[str, np.ndarray]


def warmup_requests(images: np.ndarray, preprocessing: Preprocessing) -> list[Request]:
    """For each batch size and each signature that `write_savedmodel` makes, a request of these images, or of their
    JPEG files. images: float32 (n, s, s, 3), as the network eats them; where there are too few, they repeat."""
    contents = np.array([_encoded(image, preprocessing) for image in images[: max(BATCH_SIZES)]], object)
    batches = [np.arange(size) % len(contents) for size in BATCH_SIZES]
    return [
        *(Request("serving_default", {"image": images[batch]}) for batch in batches),
        *(Request("image_bytes", {"image_bytes": contents[batch]}) for batch in batches),
        *(Request("classify", {"image_bytes": contents[batch]}) for batch in batches),
    ]


def _encoded(image: np.ndarray, preprocessing: Preprocessing) -> bytes:
    """The JPEG file of one image, as far as its pixels are from 0 to 255."""
    normalisation = preprocessing.normalisation
    pixels = 255 * (image * np.float32(normalisation.std) + np.float32(normalisation.mean))
    pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return tf.io.encode_jpeg(pixels, quality=_JPEG_QUALITY).numpy()


def write_warmup(directory: str | Path, requests: Iterable[Request], model_name: str) -> None:
    """Writes WARMUP_FILE of the version in `directory`."""
    path = Path(directory) / WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(os.fspath(path)) as writer:
        for request in requests:
            log = PredictionLog()
            message = log.predict_log.request
            message.model_spec.name = model_name
            message.model_spec.signature_name = request.signature
            for name, value in request.inputs.items():
                message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            writer.write(log.SerializeToString())


def read_warmup(directory: str | Path) -> list[Request]:
    """The requests in WARMUP_FILE of the version in `directory`."""
    requests = []
    for record in tf.data.TFRecordDataset(os.fspath(Path(directory) / WARMUP_FILE)):
        message = PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in message.inputs.items()}
        requests.append(Request(message.model_spec.signature_name, inputs))
    return requests


def replay_warmup(directory: str | Path) -> list[dict[str, np.ndarray]]:
    """The outputs by name of each warm-up request of the version in `directory`, loaded anew.

    Raises RuntimeError where a request fails, as a server would then not take the version, and where the first
    dimension of an output is not the batch, by which a server that batches requests splits it.
    """
    requests = read_warmup(directory)
    loaded = tf.saved_model.load(os.fspath(directory))
    return [_answer(loaded.signatures[request.signature], request) for request in requests]


def _answer(signature: Callable[..., Mapping[str, tf.Tensor]], request: Request) -> dict[str, np.ndarray]:
    try:
        outputs = signature(**{name: tf.constant(value) for name, value in request.inputs.items()})
    except tf.errors.OpError as error:
        reason = " ".join(error.message.split())
        raise RuntimeError(f"A warm-up request of {request.signature} failed: {reason}") from error
    outputs = {name: value.numpy() for name, value in outputs.items()}
    if len({value.shape[:1] for value in (*request.inputs.values(), *outputs.values())}) != 1:
        raise RuntimeError(f"The first dimension of all that {request.signature} takes and gives must be the batch.")
    return outputs
