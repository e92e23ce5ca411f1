import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.export.settings import ExportSettings


def test_each_artifact_is_one_job():
    settings = ExportSettings(["tflite", "onnx", "tflite"], ["none", "fp16", "none"])
    assert settings.jobs == [("tflite", "none"), ("tflite", "fp16"), ("onnx", "none")]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"formats": ["onnx", "coreml"]}, "savedmodel, tflite, onnx, keras.*coreml"),
        ({"formats": []}, "--format"),
        ({"formats": ["tflite"], "quantize": ["int3"]}, "--quantize takes none, fp16.*int3"),
        ({"formats": ["onnx"], "quantize": ["fp16"]}, "Add tflite"),
        ({"formats": ["tflite"], "batch_size": 0}, "--batch_size must be at least 1.*0"),
        ({"formats": ["onnx"], "batch_size": 2}, "--batch_size=2 is for tflite.*Add tflite"),
        ({"formats": ["onnx"], "opset": 5}, "--opset must be from.*5"),
        ({"formats": ["tflite"], "opset": 15}, "--opset=15 is for onnx"),
        ({"formats": ["onnx"], "onnx_layout": "hwcn"}, "--onnx_layout.*nhwc, nchw.*hwcn"),
        ({"formats": ["tflite"], "onnx_layout": "nchw"}, "--onnx_layout=nchw is for onnx"),
        ({"formats": ["savedmodel"], "version": 0}, "--version must be at least 1.*0"),
        ({"formats": ["tflite"], "version": 3}, "--version=3 is for savedmodel"),
    ],
)
def test_what_does_not_fit_is_refused_by_the_name_of_its_flag(values, named):
    with pytest.raises(InputError, match=named):
        ExportSettings(**values)
