"""What a server does with a published version, in processes that have seen no Keras model: TensorFlow 1's loader on the
warm-up requests, and TensorFlow's C library without its Python code."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.c_api import SavedModelSession, TensorFlowError
from scarlet_tf.export.image_bytes import network_input

REPLAY = """
import sys
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

version, output = sys.argv[1:]
requests = [
    PredictionLog.FromString(record).predict_log.request
    for record in tf.compat.v1.io.tf_record_iterator(version + "/assets.extra/tf_serving_warmup_requests")
]
arrays = {}
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    signatures = tf.compat.v1.saved_model.load(session, ["serve"], version).signature_def
    for number, request in enumerate(requests):
        name = request.model_spec.signature_name
        signature = signatures[name]
        assert set(request.inputs) == set(signature.inputs), name
        fed = {signature.inputs[key].name: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()}
        answers = session.run({key: info.name for key, info in signature.outputs.items()}, fed)
        for key, tensor in request.inputs.items():
            arrays[f"{number} {name} in {key}"] = tf.make_ndarray(tensor).astype("S" if tensor.dtype == 7 else "f")
        for key, answer in answers.items():
            arrays[f"{number} {name} out {key}"] = answer.astype("S") if answer.dtype == object else answer
np.savez(output, **arrays)
assert "scarlet_tf" not in sys.modules
"""

WITHOUT_PYTHON = """
import json, sys
from pathlib import Path
import numpy as np
from benchmarks.c_api import SavedModelSession, TensorFlowError

version, directory = sys.argv[1], Path(sys.argv[2])
session = SavedModelSession(version)
files = np.array([(directory / str(number)).read_bytes() for number in range(int(sys.argv[3]))], object)
answers = {
    "floats": session.run("serving_default", {"image": np.load(directory / "images.npy")}),
    "files": session.run("image_bytes", {"image_bytes": files}),
    "classes": session.run("classify", {"image_bytes": files}),
}
try:
    session.run("image_bytes", {"image_bytes": np.array([files[0], b"no image"], object)})
except TensorFlowError as error:
    answers["error"] = str(error)
session.close()
assert not [name for name in sys.modules if name.split(".")[0] in ("tensorflow", "keras", "scarlet_tf")]
def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value.astype("U" if value.dtype == object else float).tolist() if isinstance(value, np.ndarray) else value
answers["classes"]["classes"] = np.vectorize(bytes.decode, otypes=[object])(answers["classes"]["classes"])
print(json.dumps(plain(answers)))
"""


def run(code, *arguments):
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def of_files(network, description, photos, logits_of):
    """Keras' logits of the photos as the evaluation pipeline prepares them."""
    return logits_of(network, network_input(tf.constant(photos), description.preprocessing))


def test_warm_up_requests_are_answered_by_tensorflow_1s_loader_as_by_keras(
    base_dir, network, description, tmp_path, logits_of
):
    run(REPLAY, base_dir / "1", tmp_path / "answers.npz")
    arrays = dict(np.load(tmp_path / "answers.npz"))
    asked = [name.rsplit(" in ", 1) for name in arrays if " in " in name]
    assert len(asked) == 9
    for request, name in asked:
        given = arrays[f"{request} in {name}"]
        if name == "image_bytes":
            given = network_input(tf.constant(given), description.preprocessing)
        logits = logits_of(network, given)
        if "classify" in request:
            best = [description.labels[index].encode() for index in logits.argmax(axis=1)]
            assert arrays[f"{request} out classes"][:, 0].tolist() == best
            scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            np.testing.assert_allclose(arrays[f"{request} out scores"][:, 0], scores.max(axis=1), rtol=1e-4)
        else:
            np.testing.assert_allclose(arrays[f"{request} out logits"], logits, rtol=0, atol=1e-5)


def test_the_c_library_alone_answers_as_keras(
    base_dir, network, description, photos, of_files, random_images, tmp_path, logits_of
):
    images = random_images(3, seed=5)
    np.save(tmp_path / "images.npy", images)
    for number, content in enumerate(photos):
        (tmp_path / str(number)).write_bytes(content)
    answers = json.loads(run(WITHOUT_PYTHON, base_dir / "1", tmp_path, len(photos)))
    np.testing.assert_allclose(answers["floats"]["logits"], logits_of(network, images), rtol=0, atol=1e-5)
    np.testing.assert_allclose(answers["files"]["logits"], of_files, rtol=0, atol=1e-5)
    best = [description.labels[index] for index in of_files.argmax(axis=1)]
    assert [row[0] for row in answers["classes"]["classes"]] == best
    assert np.shape(answers["classes"]["scores"]) == (len(photos), 5)
    assert "image_bytes must be the contents of a JPEG or PNG file. Received another kind of file" in answers["error"]


@pytest.fixture(scope="module")
def session(base_dir):
    session = SavedModelSession(base_dir / "1")
    yield session
    session.close()


def test_the_loader_finds_the_names_of_the_signatures(session):
    names = {name: (set(s["inputs"]), set(s["outputs"])) for name, s in session.signatures.items() if name[:2] != "__"}
    assert names == {
        "serving_default": ({"image"}, {"logits"}),
        "image_bytes": ({"image_bytes"}, {"logits"}),
        "classify": ({"image_bytes"}, {"classes", "scores"}),
    }


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_an_answer_does_not_depend_on_the_batch_it_is_in(session, photos, of_files, batch):
    files = np.array(photos[:batch], object)
    answer = session.run("image_bytes", {"image_bytes": files})["logits"]
    np.testing.assert_allclose(answer, of_files[:batch], rtol=0, atol=1e-5)


BAD = {
    "empty": (b"", "image_bytes must be the contents of a JPEG or PNG file. Received: none"),
    "gif": (b"GIF89a" + bytes(40), "image_bytes must be the contents of a JPEG or PNG file"),
    "long": (b"\xff\xd8\xff" + bytes(2**24), "image_bytes must be a file of at most 16777216 bytes"),
    "large": (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x80\0\0\0\x80\0" + bytes(30),
        r"at most 25000000 pixels.*\[32768 32768\]",
    ),
    "jpeg in name alone": (b"\xff\xd8\xff" + bytes(40), "Invalid JPEG data"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("signature", ["image_bytes", "classify"])
def test_a_bad_file_ends_in_a_status_that_says_what_is_wrong(session, photos, signature, kind):
    content, message = BAD[kind]
    with pytest.raises(TensorFlowError, match=message):
        session.run(signature, {"image_bytes": np.array([photos[0], content], object)})
    assert session.run(signature, {"image_bytes": np.array(photos[:1], object)})  # it goes on serving


def test_a_version_that_lacks_a_file_does_not_load(base_dir, tmp_path):
    for path in (base_dir / "1").rglob("*"):
        if path.is_file() and ".data-" not in path.name:
            copy = tmp_path / path.relative_to(base_dir / "1")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    with pytest.raises(TensorFlowError, match="variables"):
        SavedModelSession(tmp_path)
