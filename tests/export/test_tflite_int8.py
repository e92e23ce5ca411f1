import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from scarlet_tf.errors import InputError
from scarlet_tf.export.operators import operators
from scarlet_tf.export.partitions import partitions
from scarlet_tf.export.runtimes import load_artifact
from scarlet_tf.export.tflite import check_integers, converted, write_tflite


@pytest.fixture(scope="module")
def strided(build):
    """Has squeeze-excite, hard-swish, 7x7 and stride 2."""
    return build("strided")


@pytest.fixture(scope="module")
def representative(random_images):
    return random_images(100, seed=1)


@pytest.fixture(scope="module")
def int8_file(strided, representative, tmp_path_factory):
    path = tmp_path_factory.mktemp("int8") / "model_int8.tflite"
    return write_tflite(strided, path, "int8", representative=representative)


def test_int8_takes_and_gives_floats_by_the_usual_names(int8_file):
    interpreter = Interpreter(str(int8_file))
    (image,), (logits,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (image["name"], image["shape"].tolist(), image["dtype"]) == ("image", [1, 28, 28, 3], np.float32)
    assert (logits["name"], logits["shape"].tolist(), logits["dtype"]) == ("logits", [1, 10], np.float32)
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["image"], "outputs": ["logits"]}}


def test_int8_is_all_integers_in_one_partition(int8_file):
    counts = operators(int8_file)
    assert (counts["QUANTIZE"], counts["DEQUANTIZE"]) == (1, 1)
    assert set(counts) == {
        "QUANTIZE", "CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "MUL", "MEAN", "PAD", "RESHAPE", "DEQUANTIZE",
    }  # fmt: skip
    tensors = Interpreter(str(int8_file)).get_tensor_details()
    floats = [tensor["name"] for tensor in tensors if tensor["dtype"] == np.float32]
    assert sorted(floats) == ["image", "logits"]
    assert partitions(int8_file).count == 1


def test_kernels_have_a_scale_for_each_channel(int8_file):
    tensors = Interpreter(str(int8_file)).get_tensor_details()
    kernels = [tensor for tensor in tensors if tensor["dtype"] == np.int8 and len(tensor["shape"]) == 4]
    per_channel = [tensor for tensor in kernels if len(tensor["quantization_parameters"]["scales"]) > 1]
    # stem 3, four blocks of 3 with two parts more of the 7x7, two squeeze-excites of 2, head, classifier
    assert len(per_channel) == 3 + 4 * 3 + 2 + 2 * 2 + 1 + 1
    assert all(not tensor["quantization_parameters"]["zero_points"].any() for tensor in per_channel)


def test_int8_computes_nearly_the_keras_logits(int8_file, strided, random_images, logits_of):
    images = random_images(64)
    expected, logits = logits_of(strided, images), load_artifact(int8_file).predict(images)
    error = np.sqrt(np.square(logits - expected).mean()) / expected.std()
    assert 1e-4 < error < 0.1
    assert (logits.argmax(1) == expected.argmax(1)).mean() > 0.9


def test_int8_with_and_without_xnnpack_agree(int8_file, random_images):
    from ai_edge_litert.interpreter import OpResolverType

    (image,) = random_images(1)
    plain = Interpreter(str(int8_file), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    logits = plain.get_signature_runner("serving_default")(image=image[np.newaxis])["logits"]
    (step,) = {
        tensor["quantization"][0]
        for tensor in plain.get_tensor_details()
        if tensor["name"].count("/logits_flat/Reshape")
    }
    np.testing.assert_allclose(load_artifact(int8_file).predict(image[np.newaxis]), logits, rtol=0, atol=3 * step)


def test_dynamic_has_weights_of_a_byte(strided, tmp_path, random_images, logits_of):
    path = write_tflite(strided, tmp_path / "model.tflite", "dynamic")
    whole = write_tflite(strided, tmp_path / "whole.tflite")
    assert path.stat().st_size < 0.55 * whole.stat().st_size
    images = random_images(16)
    expected, logits = logits_of(strided, images), load_artifact(path).predict(images)
    assert 1e-4 < np.sqrt(np.square(logits - expected).mean()) / expected.std() < 0.1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda images: None, "--quantize=int8 needs images.*none.*--dataset"),
        (lambda images: images[:99], "--representative_images must be at least 100.*99"),
        (lambda images: images[:, :-1], r"\(n, 28, 28, 3\).*\(100, 27, 28, 3\)"),
        (lambda images: images[0], r"\(n, 28, 28, 3\).*\(28, 28, 3\)"),
        (lambda images: np.uint8(images), "float32 images.*uint8"),
        (lambda images: images * np.float32(np.nan), "finite"),
    ],
)
def test_images_that_int8_cannot_use(change, said, strided, representative, tmp_path):
    with pytest.raises(InputError, match=said):
        write_tflite(strided, tmp_path / "model.tflite", "int8", representative=change(representative))
    assert list(tmp_path.iterdir()) == []


def test_qat_needs_a_network_trained_for_it(strided, tmp_path):
    with pytest.raises(InputError, match=r"--quantize=qat.*train --qat"):
        write_tflite(strided, tmp_path / "model.tflite", "qat")
    assert list(tmp_path.iterdir()) == []


def test_floats_within_an_int8_file_are_refused(strided, tmp_path):
    path = write_tflite(strided, tmp_path / "model.tflite", "dynamic")
    with pytest.raises(RuntimeError, match="from one QUANTIZE to one DEQUANTIZE"):
        check_integers(path.read_bytes())
    from scarlet_tf.export.savedmodel import write_signature

    write_signature(strided, tmp_path / "saved_model", 1)
    with pytest.raises(RuntimeError, match="floats in"):  # nothing says what to round
        converted(tmp_path / "saved_model", "int8")
