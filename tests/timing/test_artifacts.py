"""Artifacts as contestants: what they are fed, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.timing.artifacts import check_artifact, contestants, start_artifact


def test_dynamic_batch_takes_any_and_gives_what_the_runtime_does(files):
    import onnxruntime

    started = start_artifact(str(files / "model.onnx"), 3, 224, threads=1)
    assert started.facts == {
        "file": str(files / "model.onnx"),
        "format": "onnx",
        "input_shape": [3, 12, 12, 3],
        "input_type": "float32",
        "bytes": (files / "model.onnx").stat().st_size,
    }
    images = np.random.default_rng(0).standard_normal((3, 12, 12, 3), np.float32)
    (expected,) = onnxruntime.InferenceSession(files / "model.onnx").run(None, {"image": images})
    np.testing.assert_allclose(started.run()[0], expected, rtol=0, atol=1e-5)


def test_tflite_runs_what_it_declares(files):
    started = start_artifact(str(files / "model.tflite"), 1, 224, threads=2)
    assert started.facts["input_shape"] == [1, 12, 12, 3]
    assert started.run()[0].shape == (1, 5)


def test_int8_image_of_another_shape_is_fed_int8(int8_file):
    started = start_artifact(str(int8_file), 1, 224, threads=1)
    assert (started.facts["input_shape"], started.facts["input_type"]) == ([1, 10, 14, 1], "int8")
    (output,) = started.run()
    assert (output.shape, output.dtype) == ((1, 3), np.int8)


def test_open_image_size_is_the_one_given(tmp_path):
    import keras

    image = keras.Input((3, None, None))  # channels first
    x = keras.layers.Conv2D(4, 3, data_format="channels_last")(keras.layers.Permute((2, 3, 1))(image))
    from scarlet_tf.export.savedmodel import write_signature

    write_signature(keras.Model(image, keras.layers.GlobalAveragePooling2D()(x)), tmp_path / "1")
    code = (
        "from scarlet_tf.timing.artifacts import start_artifact; import tensorflow as tf\n"
        f"started = start_artifact({str(tmp_path)!r}, 2, 9, threads=3)\n"
        "print(started.facts['input_shape'], started.run()[0].shape)\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-2:] == ["[2, 3, 9, 9] (2, 4)", "3"], done.stderr


def test_contestants_are_named_by_what_tells_them_apart(tmp_path):
    paths = [tmp_path / "x" / "model.tflite", tmp_path / "y" / "savedmodel"]
    found = contestants(paths, [1, 2])
    assert [(one.name, one.threads) for one in found] == [
        (name, threads) for threads in (1, 2) for name in ("x/model.tflite", "y/savedmodel")
    ]
    assert contestants(paths[:1], [1])[0].name == "model.tflite"


@pytest.mark.parametrize("name", ["absent.onnx", "weights.h5", "empty"])
def test_what_is_called_otherwise_is_refused_unopened(tmp_path, name):
    (tmp_path / "weights.h5").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=name):
        check_artifact(tmp_path / name, "model")


@pytest.mark.parametrize("name", ["model.tflite", "model.onnx"])
def test_truncated_file_is_refused_in_one_line(files, tmp_path, name):
    whole = (files / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=name) as caught:
        start_artifact(str(tmp_path / name), 1, 224, threads=1)
    assert "\n" not in str(caught.value)


def test_fixed_batch_takes_no_other(files):
    with pytest.raises(InputError, match=r"--batch_size .* batches of 1\. Received: 2"):
        start_artifact(str(files / "model.tflite"), 2, 224, threads=1)


def test_network_of_two_inputs_is_refused(tmp_path):
    import keras
    import tensorflow as tf

    inputs = [keras.Input((4,)), keras.Input((4,))]
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Add()(inputs)))
    path = tmp_path / "two.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    with pytest.raises(InputError, match=r"two\.tflite"):
        start_artifact(str(path), 1, 224, threads=1)
