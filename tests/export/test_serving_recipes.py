"""The recipes of `export/serving` against an export: they name what it has, and the client gets its answers."""

import base64
import importlib.util
import json
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.wrappers_pb2 import DESCRIPTOR as WRAPPERS
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow_serving.apis import prediction_service_pb2_grpc
from tensorflow_serving.apis.predict_pb2 import PredictResponse
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from benchmarks.c_api import SavedModelSession, TensorFlowError
from scarlet_tf.export.warmup import BATCH_SIZES

SERVING = Path(__file__).parents[2] / "export" / "serving"


def load_client():
    spec = importlib.util.spec_from_file_location("serving_client", SERVING / "client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


client = load_client()


def batching_parameters():
    """`batching.config`, by the fields of TensorFlow Serving's BatchingParameters that a recipe may use."""
    file = descriptor_pb2.FileDescriptorProto(name="batching.proto", syntax="proto3", dependency=[WRAPPERS.name])
    message = file.message_type.add(name="BatchingParameters")
    kinds = descriptor_pb2.FieldDescriptorProto
    names = ["max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads"]
    for number, name in enumerate(names, start=1):
        wrapper = ".google.protobuf.Int64Value"
        message.field.add(name=name, number=number, label=kinds.LABEL_OPTIONAL, type=11, type_name=wrapper)
    message.field.add(name="allowed_batch_sizes", number=6, label=kinds.LABEL_REPEATED, type=kinds.TYPE_INT64)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(WRAPPERS.serialized_pb)
    pool.Add(file)
    empty = message_factory.GetMessageClass(pool.FindMessageTypeByName("BatchingParameters"))()
    return text_format.Parse((SERVING / "batching.config").read_text(), empty)


def test_the_server_is_told_the_name_and_the_path_that_the_other_recipes_use(monkeypatch, capsys):
    config = text_format.Parse((SERVING / "models.config").read_text(), ModelServerConfig())
    (model,) = config.model_config_list.config
    assert model.model_platform == "tensorflow"
    compose = (SERVING / "compose.yaml").read_text()
    assert re.search(rf"\$\{{SAVEDMODEL:.*\}}:{model.base_path}:ro$", compose, re.MULTILINE)
    named = re.findall(r"=/config/(\S+)$", compose, re.MULTILINE)
    assert named == ["models.config", "batching.config"]
    assert all((SERVING / name).is_file() for name in named)
    asked = []
    monkeypatch.setitem(client.ASK, "rest", lambda server, name, *_: asked.append((server, name)) or {})
    monkeypatch.setattr(sys, "argv", ["client.py", "rest", str(SERVING / "client.py")])
    client.main()
    assert asked == [("localhost:8501", model.name)]
    assert f'"{client.PORTS["rest"]}:8501"' in compose
    assert f'"{client.PORTS["grpc"]}:8500"' in compose


def test_requests_are_padded_to_sizes_that_exports_warm_up():
    parameters = batching_parameters()
    assert tuple(parameters.allowed_batch_sizes) == BATCH_SIZES
    assert parameters.max_batch_size.value == BATCH_SIZES[-1] == client.BATCH_SIZE
    assert parameters.batch_timeout_micros.value > 0
    assert parameters.num_batch_threads.value > 0
    assert parameters.max_enqueued_batches.value > 0


def test_the_client_names_what_an_export_has(base_dir):
    saved_model = SavedModel.FromString((base_dir / "1" / "saved_model.pb").read_bytes())
    exported = {
        name: signature
        for name, signature in saved_model.meta_graphs[0].signature_def.items()
        if not name.startswith("__")
    }
    assert {name: (set(s.inputs), set(s.outputs)) for name, s in exported.items()} == {
        name: ({given}, set(answered)) for name, (given, answered) in client.SIGNATURES.items()
    }
    values = {"image_bytes": np.array([b"file"], object), "image": np.zeros((1, 28, 28, 3), np.float32)}
    for name, signature in exported.items():
        ((given, info),) = signature.inputs.items()
        tensor = client.grpc_request("scarlet", name, values[given]).inputs[given]
        assert tensor.dtype == info.dtype
        wanted = tf.TensorShape(info.tensor_shape)
        assert wanted.is_compatible_with(tf.TensorShape(tensor.tensor_shape))


class RestServer(BaseHTTPRequestHandler):
    """As much of the server's REST interface as its documentation says of `predict` on rows."""

    session: SavedModelSession

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            assert self.path == "/v1/models/sloths:predict"
            code, answer = 200, {"predictions": self.predict(asked["signature_name"], asked["instances"])}
        except TensorFlowError as error:
            code, answer = 400, {"error": str(error)}
        content = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def predict(self, signature, instances):
        (name,) = instances[0]
        inputs = self.session.signatures[signature]["inputs"]
        assert list(inputs) == [name]
        values = [instance[name] for instance in instances]
        if isinstance(values[0], dict):
            column = np.array([base64.b64decode(value["b64"], validate=True) for value in values], object)
        else:
            column = np.array(values, np.float32)
        outputs = self.session.run(signature, {name: column})
        rows = [{key: self.plain(key, value[row]) for key, value in outputs.items()} for row in range(len(column))]
        return [next(iter(row.values())) for row in rows] if len(outputs) == 1 else rows

    @staticmethod
    def plain(name, value):
        if value.dtype != object:
            return value.tolist()
        if name.endswith("_bytes"):
            return [{"b64": base64.b64encode(item).decode()} for item in value]
        return [item.decode() for item in value]

    def log_message(self, *_):
        pass


class GrpcServer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """`Predict` of the service as its own definition has it."""

    def __init__(self, session):
        self.session = session

    def Predict(self, request, context):
        if request.model_spec.name != "sloths":
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request.model_spec.name}")
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        try:
            outputs = self.session.run(request.model_spec.signature_name, inputs)
        except TensorFlowError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        response = PredictResponse()
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response


@pytest.fixture(scope="module")
def session(base_dir):
    session = SavedModelSession(base_dir / "1")
    yield session
    session.close()


@pytest.fixture(scope="module")
def servers(session):
    """By protocol, the address of a server of the export."""
    rest = ThreadingHTTPServer(("127.0.0.1", 0), type("Server", (RestServer,), {"session": session}))
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    server = grpc.server(ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(GrpcServer(session), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield {"rest": f"127.0.0.1:{rest.server_port}", "grpc": f"127.0.0.1:{port}"}
    server.stop(None)
    rest.shutdown()
    rest.server_close()


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_client_gets_the_answers_of_every_signature(servers, session, protocol, photos, random_images):
    files = np.array(photos, object)
    for signature, values in (("classify", files), ("image_bytes", files), ("serving_default", random_images(2))):
        answers = client.ASK[protocol](servers[protocol], "sloths", signature, values)
        expected = session.run(signature, {client.SIGNATURES[signature][0]: values})
        assert answers.keys() == expected.keys()
        for name, value in expected.items():
            if name == "classes":
                assert answers[name].tolist() == [[label.decode() for label in row] for row in value]
            else:
                assert answers[name].shape == value.shape
                np.testing.assert_allclose(answers[name], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_what_the_graph_refuses_reaches_the_client_as_the_graph_says_it(servers, protocol):
    with pytest.raises(client.ServerError, match=r"(400|INVALID_ARGUMENT): .*image_bytes must be the contents of a"):
        client.ASK[protocol](servers[protocol], "sloths", "classify", np.array([b"no image"], object))


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_a_server_that_is_not_there_is_an_error(protocol):
    with pytest.raises(client.ServerError, match=r"127\.0\.0\.1:9 (cannot be reached|answered UNAVAILABLE)"):
        client.ASK[protocol]("127.0.0.1:9", "sloths", "classify", np.array([b"file"], object), timeout=5)


REST_ALONE = """
import runpy, sys
for name in ("tensorflow", "tensorflow_serving", "grpc", "requests"):
    sys.modules[name] = None  # whoever imports it fails
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_client(*arguments):
    line = [sys.executable, "-c", REST_ALONE, str(SERVING / "client.py"), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True)


def test_the_client_prints_a_line_an_image_and_needs_no_tensorflow_for_rest(servers, photos, description, tmp_path):
    files = []
    for number in range(client.BATCH_SIZE + 1):  # more than one request
        files.append(tmp_path / f"{number}.jpg")
        files[-1].write_bytes(photos[number % len(photos)])
    done = run_client("rest", f"--server={servers['rest']}", "--model=sloths", *files)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(files)
    assert all(len(line["classes"]) == 5 and line["classes"][0] in description.labels for line in lines)
    assert all(line["scores"] == sorted(line["scores"], reverse=True) for line in lines)
    assert lines[0]["classes"] == lines[len(photos)]["classes"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rest", "--server=127.0.0.1:9", str(SERVING / "client.py")], "error: 127.0.0.1:9 cannot be reached"),
        (["rest", "missing.jpg"], "error: .*missing.jpg"),
        (["grpc", str(SERVING / "client.py")], "error: gRPC needs: pip install grpcio tensorflow-serving-api"),
    ],
)
def test_the_client_says_in_a_line_what_is_wrong(arguments, message):
    done = run_client(*arguments)
    assert done.returncode == 1
    assert re.match(message, done.stderr)
    assert len(done.stderr.splitlines()) == 1
