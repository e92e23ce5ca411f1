"""Files of a network of two convolutions, in every format, and of others that are not of this package."""

from pathlib import Path

import pytest

from scarlet_tf.export.keras_file import write_keras
from scarlet_tf.export.onnx import write_onnx
from scarlet_tf.export.savedmodel import write_signature
from scarlet_tf.export.tflite import write_tflite


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Path:
    """Directory with model.tflite (a batch of 1), model.onnx, model.keras and savedmodel/1 (any batch)."""
    import keras

    image = keras.Input((12, 12, 3), name="image")
    x = keras.layers.Conv2D(4, 3, strides=2)(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(5)(x))
    directory = tmp_path_factory.mktemp("files")
    write_tflite(model, directory / "model.tflite")
    write_onnx(model, directory / "model.onnx")
    write_keras(model, directory / "model.keras")
    write_signature(model, directory / "savedmodel" / "1")
    return directory


@pytest.fixture(scope="session")
def int8_file(tmp_path_factory) -> Path:
    """A .tflite file whose input and output are int8, of images of 10 x 14 pixels and one channel."""
    import keras
    import numpy as np
    import tensorflow as tf

    image = keras.Input((10, 14, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, activation="relu")(image))
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(image, keras.layers.Dense(3)(x)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    rng = np.random.default_rng(0)
    converter.representative_dataset = lambda: ([rng.normal(size=(1, 10, 14, 1)).astype(np.float32)] for _ in range(8))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    path = tmp_path_factory.mktemp("int8") / "other.tflite"
    path.write_bytes(converter.convert())
    return path
