"""From a trained network to files and back: the evaluate command finds the same accuracy in every one of them."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

NUM_IMAGES = 500  # the test split of synthetic
ARTIFACTS = {
    "savedmodel": 0,  # by how many images the accuracy may differ
    "model.tflite": 0,
    "model.onnx": 0,
    "model.keras": 0,
    "model_fp16.tflite": 5,
    "model_dynamic.tflite": 10,
    "model_int8.tflite": 25,
}
INT8_IMAGES = 25


@pytest.fixture(scope="module")
def workdir(network_flags, tmp_path_factory, run_command) -> Path:
    """Workdir of a network trained for so short that it is wrong now and then."""
    workdir = tmp_path_factory.mktemp("round_trip") / "network"
    done = run_command("train", *network_flags, "--epochs=1", "--learning_rate=0.05", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    return workdir


@pytest.fixture(scope="module")
def correct(run_command) -> Callable[..., int]:
    """How many test images the evaluate command finds right."""

    def correct(*flags: str) -> int:
        done = run_command("evaluate", *flags)
        assert (done.returncode, done.stderr) == (0, "")
        return int(re.search(rf"(\d+) of {NUM_IMAGES} test images of synthetic", done.stdout)[1])

    return correct


@pytest.fixture(scope="module")
def exported(workdir, tmp_path_factory, run_command) -> Path:
    """Directory with the trained network in every format."""
    output_dir = tmp_path_factory.mktemp("round_trip") / "exported"
    done = run_command(
        "export",
        f"--model={workdir}",
        "--format=savedmodel,tflite,onnx,keras",
        "--quantize=none,fp16,dynamic,int8",
        f"--output_dir={output_dir}",
    )
    assert (done.returncode, done.stderr) == (0, "")
    return output_dir


@pytest.fixture(scope="module")
def source(workdir, correct) -> int:
    """How many the network itself gets right."""
    received = correct(f"--model={workdir}")
    assert NUM_IMAGES / 4 < received < NUM_IMAGES
    return received


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_artifact_is_as_accurate_as_its_source(artifact, exported, source, correct):
    received = correct(f"--model={exported / artifact}", "--dataset=synthetic")
    assert abs(received - source) <= ARTIFACTS[artifact]


def test_file_with_int8_input_and_output_is_evaluated_as_if_of_real_numbers(exported, source, correct, tmp_path):
    import keras
    import tensorflow as tf

    from scarlet_tf.data import load_dataset

    images, _ = next(load_dataset("synthetic").evaluation_batches("validation", 100, 16).as_numpy_iterator())
    model = keras.models.load_model(exported / "model.keras")
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[np.newaxis]] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (tmp_path / "whole.tflite").write_bytes(converter.convert())
    received = correct(f"--model={tmp_path / 'whole.tflite'}", "--dataset=synthetic")
    assert abs(received - source) <= INT8_IMAGES
