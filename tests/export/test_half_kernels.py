"""A .tflite file with float16 kernels: what is rounded, what is not, and that LiteRT runs it."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from scarlet_tf.export.half_kernels import with_half_kernels
from scarlet_tf.export.operators import tflite_operators
from scarlet_tf.export.tflite import write_tflite
from scarlet_tf.timing.litert_profile import profile


@pytest.fixture(scope="module", params=["skipping", "strided"])
def model(request, build):
    return build(request.param)


@pytest.fixture(scope="module")
def float_file(model, tmp_path_factory):
    return write_tflite(model, tmp_path_factory.mktemp("half") / "model.tflite")


@pytest.fixture(scope="module")
def half(float_file):
    return bytes(with_half_kernels(float_file.read_bytes()))


def constants(content):
    """The constants of floats, in the order of the tensors."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    found = []
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        types = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.FLOAT16: np.float16}
        if data is not None and tensor.type in types:
            found.append(np.frombuffer(data.tobytes(), types[tensor.type]).reshape(tensor.shape))
    return found


def logits(content, images):
    interpreter = Interpreter(model_content=bytes(content))
    interpreter.allocate_tensors()
    (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for one in images:
        interpreter.set_tensor(image["index"], one[np.newaxis])
        interpreter.invoke()
        found.append(interpreter.get_tensor(output["index"])[0])
    return np.array(found)


def test_kernels_are_rounded_and_nothing_else(float_file, half):
    before, after = constants(float_file.read_bytes()), constants(half)
    kernels = [value.astype(np.float16) for value in before if value.ndim > 1]
    assert len(kernels) > 10
    expected = [value for value in before if value.ndim < 2] + kernels  # the new ones come last
    assert [value.dtype for value in after] == [value.dtype for value in expected]
    for value, wanted in zip(after, expected, strict=True):
        np.testing.assert_array_equal(value, wanted)


def test_names_are_left_to_what_operators_compute(float_file, half):
    def names(content):
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
        is_constant = [model.buffers[tensor.buffer].data is not None for tensor in model.subgraphs[0].tensors]
        return is_constant, [tensor.name for tensor in model.subgraphs[0].tensors]

    is_constant, before = names(float_file.read_bytes())
    _, after = names(half)
    assert any(b";" in name for name in before)
    expected = [None if is_constant[i] else name.split(b";")[0] for i, name in enumerate(before)]
    assert after == expected + [None] * (len(after) - len(expected))


def test_operators_are_the_same_but_for_one_dequantize_a_kernel(float_file, half):
    before, after = tflite_operators(float_file.read_bytes()), tflite_operators(half)
    kernels = sum(value.ndim > 1 for value in constants(float_file.read_bytes()))
    assert after == before | {"DEQUANTIZE": kernels}


def test_litert_computes_what_it_does_of_rounded_kernels(float_file, half, random_images):
    content = float_file.read_bytes()
    for value in constants(content):  # kernels replaced by what float16 makes of them, in their place
        if value.ndim > 1:
            rounded = value.astype(np.float16).astype(np.float32)
            assert content.count(value.tobytes()) == 1
            content = content.replace(value.tobytes(), rounded.tobytes())
    images = random_images(8)
    np.testing.assert_allclose(logits(half, images), logits(content, images), rtol=0, atol=1e-5)


def test_input_and_output_keep_their_names(half):
    interpreter = Interpreter(model_content=half)
    assert [tensor["name"] for tensor in interpreter.get_input_details()] == ["image"]
    assert [tensor["name"] for tensor in interpreter.get_output_details()] == ["logits"]


def test_error_is_a_fraction_of_the_converters(model, half, random_images, logits_of):
    images = random_images(32)
    expected = logits_of(model, images)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    theirs = converter.convert()
    errors = [np.abs(logits(content, images) - expected).max() for content in (half, theirs)]
    assert 0 < errors[0] < 0.7 * errors[1]
    assert len(half) < 1.1 * len(theirs)


def test_xnnpack_takes_all_of_it(half, tmp_path):
    (tmp_path / "half.tflite").write_bytes(half)
    assert all(operator.delegated for operator in profile(tmp_path / "half.tflite", runs=1, warmup=0))


def test_kernel_beyond_float16_stays_as_it_is(tmp_path):
    import keras

    image = keras.Input((4, 4, 3))
    layers = [keras.layers.Conv2D(2, 1), keras.layers.Conv2D(2, 1)]
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(layers[1](layers[0](image))))
    layers[0].kernel.assign(np.full((1, 1, 3, 2), 7e4))
    content = write_tflite(model, tmp_path / "model.tflite").read_bytes()
    kernels = [value.dtype for value in constants(bytes(with_half_kernels(content))) if value.ndim > 1]
    assert sorted(map(str, kernels)) == ["float16", "float32"]
