"""Operators that only training needs are found where there are any, and in no export of ours."""

import keras
import onnx
import pytest
import tensorflow as tf
import tf2onnx

from scarlet_tf.export.keras_file import write_keras
from scarlet_tf.export.leftovers import training_leftovers

EXPORTS = ["savedmodel/1", "model.tflite", "model.onnx", "model.keras"]


@pytest.mark.parametrize("name", EXPORTS)
def test_exports_have_none(exported, name):
    assert training_leftovers(exported / name) == []


def test_fresh_network_has_none_either(build, tmp_path):
    from scarlet_tf.export.onnx import write_onnx
    from scarlet_tf.export.tflite import write_tflite

    model = build("strided", trained=False)
    assert training_leftovers(write_tflite(model, tmp_path / "model.tflite")) == []
    assert training_leftovers(write_tflite(model, tmp_path / "half.tflite", "fp16")) == []
    assert training_leftovers(write_onnx(model, tmp_path / "model.onnx")) == []


@pytest.fixture(scope="module")
def training_function():
    """A convolution, a batch norm after an addition, which nothing can fold, and dropout, as in training."""
    kernel = tf.Variable(tf.random.normal([3, 3, 3, 4]))

    @tf.function(input_signature=[tf.TensorSpec([1, 8, 8, 3], tf.float32, name="image")])
    def call(image):
        y = tf.nn.conv2d(image, kernel, 1, "SAME")
        y, *_ = tf.raw_ops.FusedBatchNormV3(
            x=y, scale=tf.ones(4), offset=tf.zeros(4), mean=tf.zeros(0), variance=tf.zeros(0), is_training=True
        )
        return {"logits": tf.nn.dropout(y, 0.5)}

    call.kernel = kernel
    return call


def test_savedmodel_of_training_is_told(training_function, tmp_path):
    module = tf.Module()
    module.kernel, module.call = training_function.kernel, training_function
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": training_function})
    assert sorted(training_leftovers(tmp_path)) == ["FusedBatchNormV3 in training", "RandomUniform"]


def test_scaling_that_was_not_folded_is_told_in_a_tflite_file(tmp_path):
    image = keras.Input((8, 8, 3), batch_size=1)
    x = keras.layers.ReLU()(keras.layers.Conv2D(4, 3)(image))
    x = keras.layers.BatchNormalization()(x)
    model = keras.Model(image, keras.layers.ReLU()(x))
    model.layers[-2].moving_mean.assign([1.0, 2.0, 3.0, 4.0])
    model.layers[-2].gamma.assign([1.0, 2.0, 3.0, 4.0])
    (tmp_path / "model.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    assert sorted(training_leftovers(tmp_path / "model.tflite")) == [
        "ADD by a number a channel",
        "MUL by a number a channel",
    ]


def test_batch_norm_and_scaling_are_told_in_an_onnx_file(tmp_path):
    vectors = [onnx.numpy_helper.from_array(tf.range(4.0).numpy(), name) for name in "abcde"]
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("BatchNormalization", ["x", "a", "b", "c", "d"], ["y"]),
            onnx.helper.make_node("Mul", ["y", "e"], ["z"]),
            onnx.helper.make_node("Mul", ["z", "z"], ["w"]),
            onnx.helper.make_node("Dropout", ["w"], ["out"]),
        ],
        "graph",
        [onnx.helper.make_tensor_value_info("x", 1, [1, 4])],
        [onnx.helper.make_tensor_value_info("out", 1, [1, 4])],
        vectors,
    )
    onnx.save(onnx.helper.make_model(graph), tmp_path / "model.onnx")
    assert training_leftovers(tmp_path / "model.onnx") == [
        "BatchNormalization",
        "Mul by a number a channel",
        "Dropout",
    ]


def test_bias_of_a_dense_layer_is_none(tmp_path):
    dense = keras.layers.Dense(5, bias_initializer="ones")
    dense.build((None, 4))
    function = tf.function(dense.call, input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    proto, _ = tf2onnx.convert.from_function(function, input_signature=function.input_signature, opset=17)
    onnx.save(proto, tmp_path / "model.onnx")
    assert training_leftovers(tmp_path / "model.onnx") == []


def test_stabilizer_is_told_in_a_keras_file(tmp_path):
    from scarlet_tf.arch.spec import ArchSpec, Head, MBConv, Skip, Stem
    from scarlet_tf.nets.standalone import build_model

    arch = ArchSpec("kept", Stem(8), (MBConv(3, 3, 12), Skip(12)), Head(16))
    path = write_keras(build_model(arch, 16, 5, stabilizer="els"), tmp_path / "model.keras")
    assert training_leftovers(path) == ["Stabilizer"]
