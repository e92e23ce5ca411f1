import keras
import pytest
import tensorflow as tf

from scarlet_tf.export.partitions import Partitions, partitions
from scarlet_tf.export.tflite import write_tflite


@keras.saving.register_keras_serializable("tests")
class RunningSum(keras.layers.Layer):
    """Along the rows: an operator that XNNPACK does not have."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.cumsum(x, axis=1)


def convolutions(number_of_sums: int) -> keras.Model:
    image = x = keras.Input((8, 8, 3), name="image")
    for _ in range(number_of_sums):
        x = RunningSum()(keras.layers.Conv2D(4, 3)(x))
    x = keras.layers.Conv2D(4, 3, padding="same")(x)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("number_of_sums", [0, 1, 2])
def test_operators_that_xnnpack_lacks_are_left_and_part_the_others(number_of_sums, tmp_path):
    path = write_tflite(convolutions(number_of_sums), tmp_path / "model.tflite")
    left = {"CUMSUM": number_of_sums} if number_of_sums else {}
    assert partitions(path) == Partitions(number_of_sums + 1, left)
