import numpy as np
import onnx
import onnxruntime
import pytest
import tf2onnx
from tf2onnx.optimizer.transpose_optimizer import TransposeOptimizer

from scarlet_tf.export import onnx as onnx_export
from scarlet_tf.export.onnx import write_onnx
from scarlet_tf.export.operators import operators


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
    assert operators(path)["Transpose"] <= 2
    images = random_images(2)
    np.testing.assert_allclose(run(path, images), logits_of(network, images), rtol=0, atol=1e-5)


def test_batch_norm_is_folded(exported):
    counts = operators(exported / "model.onnx")
    assert counts["Conv"] == 21  # 16 ordinary and 5 depthwise
    assert counts["Add"] == 13  # 8 hard-swish, 2 squeeze-excite, 2 shortcuts, the classifier's bias
    assert counts["Mul"] == 20  # 2 a hard-swish, 2 a squeeze-excite
    assert "BatchNormalization" not in counts


def test_transposes_left_inside_are_an_error_and_leave_no_file(monkeypatch, network, tmp_path):
    monkeypatch.setattr(onnx_export, "MAX_TRANSPOSES", 0)
    with pytest.raises(RuntimeError, match=r"at most 0 Transposes\. It has 1"):
        write_onnx(network, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_tf2onnx_is_left_as_it_was(exported):
    assert tf2onnx.optimizer._get_optimizers()["optimize_transpose"] is TransposeOptimizer
