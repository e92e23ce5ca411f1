"""Asks a TensorFlow Serving for the classes of images, over REST or gRPC.

    python client.py rest photo.jpg other.png
    python client.py grpc --signature=image_bytes photo.jpg
    python client.py rest --signature=serving_default images.npy

classify and image_bytes take JPEG and PNG files as they are; serving_default takes a .npy file of images as the network
eats them: float32 (n, size, size, 3). A line of JSON an image is printed. REST needs Python and NumPy; gRPC needs
grpcio and tensorflow-serving-api, which brings TensorFlow.
"""

import argparse
import base64
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

SIGNATURES = {
    "classify": ("image_bytes", ("classes", "scores")),
    "image_bytes": ("image_bytes", ("logits",)),
    "serving_default": ("image", ("logits",)),
}
"""By signature, the name of its input and those of its outputs."""

BATCH_SIZE = 8  # the server's max_batch_size, in batching.config
PORTS = {"rest": 8501, "grpc": 8500}


class ServerError(RuntimeError):
    """The server cannot be reached, or refuses a request, such as one with a file that is no image."""


def rest_request(signature: str, values: np.ndarray) -> dict:
    """What to POST, as JSON: an instance a value. Bytes are told from text by `b64`."""
    name, _ = SIGNATURES[signature]
    plain = [
        {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value.tolist() for value in values
    ]
    return {"signature_name": signature, "instances": [{name: value} for value in plain]}


def ask_rest(server: str, model: str, signature: str, values: np.ndarray, timeout: float = 60) -> dict[str, np.ndarray]:
    """The outputs by name, one row a value. values: bytes objects (n,), or float32 (n, size, size, 3)."""
    _, outputs = SIGNATURES[signature]
    request = urllib.request.Request(
        f"http://{server}/v1/models/{model}:predict",
        json.dumps(rest_request(signature, values)).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            rows = json.load(response)["predictions"]
    except urllib.error.HTTPError as error:
        body = error.read().decode(errors="replace")
        raise ServerError(f"{server} answered {error.code}: {body}") from error
    except OSError as error:
        raise ServerError(f"{server} cannot be reached: {error}") from error
    if len(outputs) == 1:  # a row is then the value itself
        rows = [{outputs[0]: row} for row in rows]
    return {name: np.array([row[name] for row in rows]) for name in outputs}


def grpc_request(model: str, signature: str, values: np.ndarray) -> "predict_pb2.PredictRequest":  # noqa: F821
    """The PredictRequest. values: as in `ask_rest`."""
    from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2
    from tensorflow_serving.apis import predict_pb2

    name, _ = SIGNATURES[signature]
    sizes = [tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in values.shape]
    tensor = tensor_pb2.TensorProto(tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=sizes))
    if values.dtype == object:
        tensor.dtype = types_pb2.DT_STRING
        tensor.string_val.extend(values)
    else:
        tensor.dtype = types_pb2.DT_FLOAT
        tensor.tensor_content = np.ascontiguousarray(values, "<f4").tobytes()
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tensor)
    return request


def ask_grpc(server: str, model: str, signature: str, values: np.ndarray, timeout: float = 60) -> dict[str, np.ndarray]:
    """As `ask_rest`."""
    try:
        import grpc
        from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
    except ImportError as error:
        raise ServerError(f"gRPC needs: pip install grpcio tensorflow-serving-api ({error}).") from error
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(server, options) as channel:
        try:
            response = PredictionServiceStub(channel).Predict(grpc_request(model, signature, values), timeout)
        except grpc.RpcError as error:
            raise ServerError(f"{server} answered {error.code().name}: {error.details()}") from error
    answers = {}
    for name in SIGNATURES[signature][1]:
        tensor = response.outputs[name]
        flat = [value.decode() for value in tensor.string_val] or list(tensor.float_val)
        if tensor.tensor_content:
            flat = np.frombuffer(tensor.tensor_content, "<f4")
        answers[name] = np.reshape(flat, [dim.size for dim in tensor.tensor_shape.dim])
    return answers


ASK = {"rest": ask_rest, "grpc": ask_grpc}


def read_values(signature: str, files: list[str]) -> np.ndarray:
    """What a signature takes: the contents of files, or the images in a .npy file."""
    if SIGNATURES[signature][0] == "image_bytes":
        values = np.empty(len(files), object)
        values[:] = [Path(file).read_bytes() for file in files]
        return values
    return np.concatenate([np.load(file, allow_pickle=False).astype(np.float32) for file in files])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", choices=ASK)
    parser.add_argument("files", nargs="+", help="JPEG or PNG files, or .npy files for serving_default")
    parser.add_argument("--server", help="HOST:PORT; by default this machine, at TensorFlow Serving's own ports")
    parser.add_argument("--model", default="scarlet", help="the name in models.config")
    parser.add_argument("--signature", choices=SIGNATURES, default="classify")
    given = parser.parse_args()
    server = given.server or f"localhost:{PORTS[given.protocol]}"
    try:
        values = read_values(given.signature, given.files)
        for start in range(0, len(values), BATCH_SIZE):
            part = values[start : start + BATCH_SIZE]
            outputs = ASK[given.protocol](server, given.model, given.signature, part)
            for row in range(len(part)):
                print(json.dumps({name: value[row].tolist() for name, value in outputs.items()}, ensure_ascii=False))
    except (OSError, ValueError, ServerError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
