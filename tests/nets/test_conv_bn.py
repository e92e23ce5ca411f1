import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.nets.conv_bn import ConvBN, activate, downsampled

EPSILON = 1e-5


class OneConv(keras.layers.Layer):
    """A layer that is nothing but a pointwise convolution to 3 channels and its batch norm."""

    def build(self, input_shape):
        self.conv = ConvBN(self, "conv", 1, input_shape[-1], 3)

    def call(self, x, training=False):
        return self.conv(x, training)


def batch_norm_in_numpy(y, conv):
    """Output in training mode, and the statistics of the batch with the unbiased variance."""
    mean, variance = y.mean((0, 1, 2)), y.var((0, 1, 2))
    out = (y - mean) / np.sqrt(variance + EPSILON) * np.asarray(conv.gamma) + np.asarray(conv.beta)
    return out, mean, y.var((0, 1, 2), ddof=1)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-13)])
def test_batch_statistics_normalise_and_move_the_moving_ones(randomise, dtype, tolerance):
    layer = OneConv(dtype=dtype)
    layer.build((None, None, None, 5))
    randomise(layer)
    rng = np.random.default_rng(1)
    moving_mean = np.asarray(layer.conv.mean, np.float64)
    moving_variance = np.asarray(layer.conv.variance, np.float64)
    for _ in range(3):
        x = rng.normal(0.7, 2, (4, 3, 5, 5)).astype(dtype)
        expected, mean, variance = batch_norm_in_numpy(
            x.astype(np.float64) @ np.asarray(layer.conv.kernel)[0, 0], layer.conv
        )
        moving_mean = 0.9 * moving_mean + 0.1 * mean
        moving_variance = 0.9 * moving_variance + 0.1 * variance
        np.testing.assert_allclose(layer(x, training=True), expected, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(layer.conv.mean, moving_mean, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(layer.conv.variance, moving_variance, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-13)])
def test_moving_statistics_normalise_at_inference_and_stay(randomise, dtype, tolerance):
    layer = OneConv(dtype=dtype)
    layer.build((None, None, None, 5))
    randomise(layer)
    conv = layer.conv
    x = np.random.default_rng(1).normal(0.7, 2, (4, 3, 5, 5)).astype(dtype)
    mean, variance, gamma, beta = map(keras.ops.convert_to_numpy, (conv.mean, conv.variance, conv.gamma, conv.beta))
    y = x.astype(np.float64) @ np.asarray(conv.kernel)[0, 0]
    expected = (y - mean) / np.sqrt(variance + EPSILON) * gamma + beta
    np.testing.assert_allclose(layer(x), expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(conv.mean, mean)
    np.testing.assert_array_equal(conv.variance, variance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_single_pixel_leaves_finite_statistics(dtype):
    layer = OneConv(dtype=dtype)
    out = layer(np.ones((1, 1, 1, 5), dtype), training=True)
    assert np.isfinite(out).all()
    assert np.isfinite(layer.conv.variance).all()


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (None, [-4, -1.5, 0, 1.5, 7]),
        ("relu", [0, 0, 0, 1.5, 7]),
        ("relu6", [0, 0, 0, 1.5, 6]),
        ("hard_swish", [0, -0.375, 0, 1.125, 7]),
    ],
)
def test_activations_by_hand(activation, expected):
    np.testing.assert_allclose(activate(tf.constant([-4, -1.5, 0, 1.5, 7]), activation), expected, atol=1e-6)


def test_sizes_are_rounded_up():
    assert downsampled((None, 7, 8, 3), 2, 5) == (None, 4, 4, 5)
    assert downsampled((2, None, 9, 3), 4, 5) == (2, None, 3, 5)
