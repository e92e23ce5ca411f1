import shutil
import subprocess
import sys

import numpy as np
import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.export.runtimes import load_artifact

ARTIFACTS = {
    "savedmodel": "savedmodel/1",
    "tflite": "model.tflite",
    "onnx": "model.onnx",
    "keras": "model.keras",
}
FILES = ["model.tflite", "model.onnx", "model.keras"]


@pytest.mark.parametrize("name", ARTIFACTS)
def test_predicts_the_keras_logits_over_several_batches(exported, network, name, random_images, logits_of):
    predictor = load_artifact(exported / ARTIFACTS[name], num_threads=1)
    assert (predictor.format, predictor.image_size, predictor.num_classes) == (name, 28, 10)
    images = random_images(70)
    logits = predictor.predict(images)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, logits_of(network, images), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(predictor.predict(images[:1]), predictor.predict(images[:1]))


def test_a_fixed_batch_takes_any_number_of_images(batched_file, network, random_images, logits_of):
    predictor = load_artifact(batched_file)
    images = random_images(5)
    np.testing.assert_allclose(predictor.predict(images), logits_of(network, images), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_quantised_input_and_output_are_read_as_real_numbers(network, random_images, tmp_path, dtype):
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    images = random_images(6)
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[np.newaxis]] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.dtypes.as_dtype(dtype)
    (tmp_path / "whole.tflite").write_bytes(converter.convert())
    images[0] *= 100  # beyond what int8 holds
    logits = load_artifact(tmp_path / "whole.tflite").predict(images)
    assert logits.dtype == np.float32
    interpreter = Interpreter(str(tmp_path / "whole.tflite"))
    interpreter.allocate_tensors()
    (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    limits = np.iinfo(dtype)
    for one, received in zip(images, logits, strict=True):
        scale, zero = image["quantization"]
        held = np.clip(np.round(one.astype(np.float64) / scale) + zero, limits.min, limits.max)
        interpreter.set_tensor(image["index"], held[np.newaxis].astype(dtype))
        interpreter.invoke()
        scale, zero = output["quantization"]
        expected = scale * (interpreter.get_tensor(output["index"])[0].astype(np.float64) - zero)
        np.testing.assert_allclose(received, expected, rtol=0, atol=1e-6)
        assert np.ptp(received) > 0


def test_no_images_give_no_logits(exported, random_images):
    assert load_artifact(exported / "model.onnx").predict(random_images(0)).shape == (0, 10)


def test_the_newest_version_under_a_base_directory_is_loaded(exported, tmp_path):
    (tmp_path / "10").symlink_to(exported / "savedmodel" / "1")
    (tmp_path / "9").mkdir()
    (tmp_path / "9" / "saved_model.pb").write_bytes(b"older, and not read")
    assert load_artifact(tmp_path).num_classes == 10


@pytest.mark.parametrize("name", ARTIFACTS)
@pytest.mark.parametrize("shape", [(2, 32, 32, 3), (2, 28, 28, 1), (28, 28, 3)])
def test_images_of_another_shape_are_refused(exported, name, shape):
    predictor = load_artifact(exported / ARTIFACTS[name])
    with pytest.raises(InputError, match=r"\(28, 28, 3\)"):
        predictor.predict(np.zeros(shape, np.float32))


@pytest.mark.parametrize("name", ["absent.tflite", "absent", "weights.h5", "empty_directory"])
def test_what_is_no_artifact_is_refused(tmp_path, name):
    (tmp_path / "weights.h5").write_bytes(b"weights")
    (tmp_path / "empty_directory").mkdir()
    with pytest.raises(InputError, match=name):
        load_artifact(tmp_path / name)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["garbage", "empty", "half", "end_missing"])
def test_a_corrupt_file_is_refused_in_one_line(exported, tmp_path, capfd, name, damage):
    whole = (exported / name).read_bytes()
    damaged = {
        "garbage": np.random.default_rng(0).bytes(3000),
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "end_missing": whole[:-20],
    }
    path = tmp_path / name
    path.write_bytes(damaged[damage])
    with pytest.raises(InputError) as caught:
        load_artifact(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("saved_model.pb", "garbage"),
        ("saved_model.pb", "half"),
        ("variables/variables.index", "garbage"),
        ("variables/variables.data-00000-of-00001", "half"),
    ],
)
def test_a_corrupt_savedmodel_is_refused(exported, tmp_path, file, damage):
    shutil.copytree(exported / "savedmodel" / "1", tmp_path / "1")
    whole = (tmp_path / "1" / file).read_bytes()
    (tmp_path / "1" / file).write_bytes(b"garbage" if damage == "garbage" else whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"^[^\n]*serving_default[^\n]*$"):
        load_artifact(tmp_path)


def test_a_network_with_other_inputs_is_refused(tmp_path):
    import keras

    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "dense.keras")
    with pytest.raises(InputError, match=r"input of shape \[None, 4\]"):
        load_artifact(tmp_path / "dense.keras")


def test_a_keras_file_with_code_in_it_is_refused(tmp_path):
    import keras

    ran = tmp_path / "ran"
    code = lambda x, ran=str(ran): open(ran, "w").close() or x[:, 0, 0]  # noqa: E731
    layers = [keras.Input((28, 28, 3)), keras.layers.Lambda(code)]
    keras.Sequential(layers).save(tmp_path / "code.keras")
    ran.unlink()  # made when it was built
    with pytest.raises(InputError, match=r"^[^\n]*code\.keras must hold a Keras model[^\n]*Lambda[^\n]*$"):
        load_artifact(tmp_path / "code.keras")
    assert not ran.exists()


def test_damage_that_shows_when_it_runs_is_refused(exported, tmp_path):
    import onnx

    model = onnx.load(exported / "model.onnx")
    (depthwise, *_) = (node for node in model.graph.node for a in node.attribute if a.name == "group" and a.i > 1)
    next(attribute for attribute in depthwise.attribute if attribute.name == "group").i = 2
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(InputError, match=r"^[^\n]*model\.onnx must hold[^\n]*$"):
        load_artifact(tmp_path / "model.onnx")


def test_tflite_and_onnx_run_quietly_without_tensorflow(exported):
    code = f"""
import sys
import numpy as np
from scarlet_tf.export.runtimes import load_artifact
for name in ("model.tflite", "model.onnx"):
    print(load_artifact("{exported}/" + name).predict(np.zeros((1, 28, 28, 3))).shape)
print("tensorflow" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[:3] == ["(1, 10)", "(1, 10)", "False"]
    assert done.stderr == ""
