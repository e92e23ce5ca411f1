from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from scarlet_tf.errors import InputError
from scarlet_tf.export import tflite
from scarlet_tf.export.operators import operators
from scarlet_tf.export.tflite import write_tflite


def run(path, images):
    """Logits of `images`, a batch of the size that the file was made for."""
    interpreter = Interpreter(str(path))
    return interpreter.get_signature_runner("serving_default")(image=images)["logits"]


@pytest.fixture(scope="module")
def fp16_file(network, tmp_path_factory):
    return write_tflite(network, tmp_path_factory.mktemp("fp16") / "model_fp16.tflite", "fp16")


def test_names_and_shapes_are_image_and_logits(exported):
    interpreter = Interpreter(str(exported / "model.tflite"))
    (image,), (logits,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (image["name"], image["shape"].tolist(), image["dtype"]) == ("image", [1, 28, 28, 3], np.float32)
    assert (logits["name"], logits["shape"].tolist(), logits["dtype"]) == ("logits", [1, 10], np.float32)
    signature = {"inputs": ["image"], "outputs": ["logits"]}
    assert interpreter.get_signature_list() == {"serving_default": signature}


def test_litert_computes_the_keras_logits(exported, network, random_images, logits_of):
    images = random_images(3)
    logits = np.concatenate([run(exported / "model.tflite", image[np.newaxis]) for image in images])
    np.testing.assert_allclose(logits, logits_of(network, images), rtol=0, atol=1e-5)


def test_batch_norm_is_folded_and_hard_swish_is_one_operator(exported):
    assert operators(exported / "model.tflite") == {
        "CONV_2D": 16,  # stem 2, two a block, two a squeeze-excite, projection 1, head 1
        "HARD_SWISH": 8,  # two a block
        "DEPTHWISE_CONV_2D": 5,  # stem 1, one a block
        "MUL": 4,  # by 1/6 and onto the features, in each of two squeeze-excites
        "MEAN": 3,  # two squeeze-excites, the head's pooling
        "ADD": 2,  # two shortcuts
        "FULLY_CONNECTED": 1,
    }


def test_stride_2_pads_on_its_own_only_on_even_sizes(tmp_path, build, random_images, logits_of):
    network = build("strided")
    path = write_tflite(network, tmp_path / "model.tflite")
    counts = operators(path)
    assert counts["PAD"] == 5  # 28 -> 14, 14 -> 7 and, of a 7x7 convolution's three parts, 4 -> 2; not 7 -> 4
    assert counts["DEPTHWISE_CONV_2D"] == 1 + 3 + 3  # the stem's, three blocks' and the parts of the 7x7 one
    assert counts["HARD_SWISH"] == 8
    assert set(counts) == {
        "CONV_2D", "DEPTHWISE_CONV_2D", "HARD_SWISH", "MUL", "MEAN", "ADD", "PAD", "FULLY_CONNECTED",
    }  # fmt: skip
    images = random_images(1)
    np.testing.assert_allclose(run(path, images), logits_of(network, images), rtol=0, atol=1e-5)


def test_a_fixed_batch_of_several_images(batched_file, network, random_images, logits_of):
    assert Interpreter(str(batched_file)).get_input_details()[0]["shape"].tolist() == [3, 28, 28, 3]
    images = random_images(3)
    np.testing.assert_allclose(run(batched_file, images), logits_of(network, images), rtol=0, atol=1e-5)


def test_fp16_is_half_the_size_and_close(fp16_file, exported, network, random_images, logits_of):
    sizes = [path.stat().st_size for path in (fp16_file, exported / "model.tflite")]
    assert 0.45 < sizes[0] / sizes[1] < 0.65
    images = random_images(1)
    expected = logits_of(network, images)
    error = np.abs(run(fp16_file, images) - expected).max() / np.abs(expected).max()
    assert 0 < error < 1e-2


def test_fp16_adds_only_dequantize(fp16_file, exported):
    counts = operators(fp16_file)
    assert counts.pop("DEQUANTIZE") > 0
    assert counts == operators(exported / "model.tflite")


@pytest.mark.parametrize("foreign", ["FlexErf", "CUSTOM:MyOp"])
def test_operators_that_litert_lacks_are_refused(monkeypatch, exported, network, tmp_path, foreign):
    converter = SimpleNamespace(convert=(exported / "model.tflite").read_bytes)
    monkeypatch.setattr(tf.lite.TFLiteConverter, "from_saved_model", lambda *args, **kwargs: converter)
    monkeypatch.setattr(tflite, "write_signature", lambda *args: None)
    monkeypatch.setattr(tflite, "tflite_operators", lambda content: {"CONV_2D": 1, foreign: 1})
    with pytest.raises(RuntimeError, match=foreign):
        write_tflite(network, tmp_path / "model.tflite")
    assert list(tmp_path.iterdir()) == []


def test_unknown_quantisation_is_refused(network, tmp_path):
    with pytest.raises(InputError, match=r"none, fp16.*'int3'"):
        write_tflite(network, tmp_path / "model.tflite", "int3")
