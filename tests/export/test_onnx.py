import json

import numpy as np
import onnx
import onnxruntime
import pytest
import tf2onnx
from onnx.reference import ReferenceEvaluator
from tf2onnx.optimizer.transpose_optimizer import TransposeOptimizer

from scarlet_tf.errors import InputError
from scarlet_tf.export import onnx as onnx_export
from scarlet_tf.export.description import read_description
from scarlet_tf.export.onnx import write_onnx
from scarlet_tf.export.operators import operators
from scarlet_tf.export.runtimes import load_artifact


def run(path, images):
    return onnxruntime.InferenceSession(path).run(["logits"], {"image": images})[0]


def test_names_opset_and_dynamic_batch(exported):
    model = onnx.load(exported / "model.onnx")
    (image,), (logits,) = model.graph.input, model.graph.output
    dims = [[dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in (image, logits)]
    assert (image.name, logits.name) == ("image", "logits")
    assert dims == [["batch", 28, 28, 3], ["batch", 10]]
    assert next(entry.version for entry in model.opset_import if entry.domain == "") == 17
    onnx.checker.check_model(model, full_check=True)


@pytest.mark.parametrize("batch", [1, 3])
def test_onnxruntime_computes_the_keras_logits(exported, network, batch, random_images, logits_of):
    images = random_images(batch)
    logits = run(exported / "model.onnx", images)
    np.testing.assert_allclose(logits, logits_of(network, images), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["skipping", "strided"])
def test_transposes_leave_a_network_of_zero_biases(name, tmp_path, build, random_images, logits_of):
    network = build(name, trained=False)
    path = write_onnx(network, tmp_path / "model.onnx")
    assert operators(path)["Transpose"] == 1
    images = random_images(2)
    np.testing.assert_allclose(run(path, images), logits_of(network, images), rtol=0, atol=1e-5)


def test_batch_norm_is_folded_and_activations_are_one_node(exported):
    assert operators(exported / "model.onnx") == {
        "Conv": 21,  # 16 ordinary and 5 depthwise
        "HardSwish": 8,  # two a block
        "Clip": 3,  # relu6 of the stem and the head
        "GlobalAveragePool": 3,
        "Add": 3,  # two shortcuts, the classifier's bias
        "Relu": 2,
        "HardSigmoid": 2,
        "Mul": 2,  # by the gates of two squeeze-excites
        "Transpose": 1,
        "Squeeze": 1,
        "MatMul": 1,
    }


def test_channels_first_needs_no_transpose(network, tmp_path, random_images, logits_of):
    path = write_onnx(network, tmp_path / "model.onnx", layout="nchw")
    model = onnx.load(path)
    dims = [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert dims == ["batch", 3, 28, 28]
    assert "Transpose" not in operators(path)
    images = random_images(3)
    expected = logits_of(network, images)
    np.testing.assert_allclose(run(path, images.transpose(0, 3, 1, 2)), expected, rtol=0, atol=1e-5)
    predictor = load_artifact(path)
    assert (predictor.image_size, predictor.num_classes) == (28, 10)
    np.testing.assert_allclose(predictor.predict(images), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("opset", [11, 13, 14, 18, 22])
@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_every_opset_computes_the_keras_logits(opset, layout, tmp_path, build, random_images, logits_of):
    network = build("strided")
    path = write_onnx(network, tmp_path / "model.onnx", opset=opset, layout=layout)
    model = onnx.load(path)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    counts = operators(path)
    assert ("HardSwish" in counts) == (opset >= 14)
    assert "Pad" not in counts
    images = random_images(2)
    fed = images if layout == "nhwc" else images.transpose(0, 3, 1, 2)
    np.testing.assert_allclose(run(path, fed), logits_of(network, images), rtol=0, atol=1e-5)
    reference = ReferenceEvaluator(model).run(["logits"], {"image": fed})[0]  # without any of onnxruntime's rewrites
    np.testing.assert_allclose(reference, logits_of(network, images), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("flag", "value"), [("opset", 10), ("opset", 23), ("layout", "nwhc")])
def test_opsets_and_layouts_that_there_are_not_are_refused(flag, value, network, tmp_path):
    with pytest.raises(InputError, match=rf"^--(onnx_)?{flag} must be .*Received: .*{value}"):
        write_onnx(network, tmp_path / "model.onnx", **{flag: value})
    assert list(tmp_path.iterdir()) == []


def test_the_same_network_gives_the_same_bytes(network, tiny_description, tmp_path):
    first, second = (write_onnx(network, tmp_path / name, tiny_description) for name in ("1.onnx", "2.onnx"))
    assert first.read_bytes() == second.read_bytes()


def test_nodes_and_weights_are_named_after_layers(exported):
    graph = onnx.load(exported / "model.onnx").graph
    first = graph.node[1]
    assert (first.name, list(first.input[1:])) == ("stem/Conv", ["stem/Conv.weight", "stem/Conv.bias"])
    assert {node.name.split("/")[0] for node in graph.node} == {
        "stem", "slot_1", "slot_2", "slot_5", "slot_6", "slot_7", "head", "pool", "logits",
    }  # fmt: skip


def test_labels_and_preprocessing_are_metadata_that_onnxruntime_hands_out(network, tiny_description, tmp_path):
    path = write_onnx(network, tmp_path / "model.onnx", tiny_description)
    metadata = onnxruntime.InferenceSession(path).get_modelmeta()
    held = {key: json.loads(value) for key, value in metadata.custom_metadata_map.items()}
    assert held["name"] == "tiny"
    assert held["labels"] == list(tiny_description.labels)
    assert held["preprocessing"]["normalisation"] == {"mean": [0.5, 0.25, 0.2], "std": [0.2, 0.25, 0.5]}
    assert held["preprocessing"]["image_size"] == 28
    assert held["provenance"] == {"weights": {"file": "a.keras"}}
    assert metadata.producer_name == "scarlet_tf"
    assert "28 by 28 pixels" in metadata.description
    assert read_description(path) == tiny_description


def test_a_file_without_description_has_none(network, tmp_path):
    path = write_onnx(network, tmp_path / "model.onnx")
    assert read_description(path) is None
    model = onnx.load(path)
    model.metadata_props.add(key="name", value="of someone else, and no JSON")
    onnx.save(model, tmp_path / "foreign.onnx")
    assert read_description(tmp_path / "foreign.onnx") is None


def test_transposes_left_inside_are_an_error_and_leave_no_file(monkeypatch, network, tmp_path):
    monkeypatch.setattr(onnx_export, "MAX_TRANSPOSES", {"nhwc": 0})
    with pytest.raises(RuntimeError, match=r"at most 0 Transposes\. It has 1"):
        write_onnx(network, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_tf2onnx_is_left_as_it_was(exported):
    assert tf2onnx.optimizer._get_optimizers()["optimize_transpose"] is TransposeOptimizer


def test_batch_norm_is_folded_where_features_are_one_pixel(tmp_path, build, random_images, logits_of):
    network = build("strided", 16)  # 16 -> 8 -> 4 -> 2 -> 1
    path = write_onnx(network, tmp_path / "model.onnx")
    assert "BatchNormalization" not in operators(path)
    images = random_images(2, 16)
    np.testing.assert_allclose(run(path, images), logits_of(network, images), rtol=0, atol=1e-5)
