import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.nets.blocks import InvertedBottleneck
from scarlet_tf.nets.depthwise_parts import MAX_TAPS, depthwise_in_parts, row_parts, summed_depthwise


@pytest.mark.parametrize("kernel_size", [7, 9, 11])
def test_parts_are_small_and_hold_each_row_once(kernel_size):
    parts = row_parts(kernel_size)
    rows = [list(range(kernel_size))[part] for part, _ in parts]
    assert sorted(itertools.chain(*rows)) == list(range(kernel_size))
    assert all(len(part) * kernel_size <= MAX_TAPS for part in rows)
    assert all(
        np.diff(part).tolist() == [dilation] * (len(part) - 1) for part, (_, dilation) in zip(rows, parts, strict=True)
    )
    assert all(part[0] + part[-1] == kernel_size - 1 for part in rows)  # else SAME would shift the image


def compiled(function, *arguments):
    """By XLA: of TensorFlow's own kernels on a CPU only oneDNN's, which not every CPU gets, know dilations."""
    return tf.function(function, jit_compile=True)(*arguments)


def by_definition(x, kernel, bias, stride):
    """float64: each output pixel is a sum over the window around it, with zeros outside of the image."""
    size = kernel.shape[0]
    padded = np.pad(x.astype(np.float64), [(0, 0), (size // 2, size // 2), (size // 2, size // 2), (0, 0)])
    height, width = (-(-side // stride) for side in x.shape[1:3])
    y = np.zeros((len(x), height, width, x.shape[3]))
    for row in range(height):
        for column in range(width):
            window = padded[:, row * stride : row * stride + size, column * stride : column * stride + size]
            y[:, row, column] = (window * kernel[..., 0]).sum((1, 2))
    return y + bias


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(12, 12), (9, 7), (2, 3), (1, 1)])
def test_the_sum_is_the_convolution(size, stride):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, *size, 5)).astype(np.float32)
    kernel, bias = rng.normal(size=(7, 7, 5, 1)).astype(np.float32), rng.normal(size=5).astype(np.float32)
    y = compiled(lambda *tensors: summed_depthwise(*tensors, stride), x, kernel, bias)
    np.testing.assert_allclose(y, by_definition(x, kernel, bias, stride), rtol=0, atol=1e-5)


@pytest.fixture
def block():
    keras.utils.set_random_seed(0)
    block = InvertedBottleneck(24, 8, kernel_size=7, use_se=True, use_shortcut=True)
    block.build((None, 8, 8, 8))
    rng = np.random.default_rng(0)
    for weight in block.weights:
        if weight.name.endswith(("gamma", "variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.name.endswith(("beta", "mean", "bias")):
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return block


def depthwise_convolutions(block, x, training=False):
    graph = tf.function(lambda x: block(x, training=training)).get_concrete_function(x).graph
    return [op for op in graph.get_operations() if op.type == "DepthwiseConv2dNative"]


def test_a_block_computes_the_same_in_parts(block):
    x = tf.random.stateless_normal((2, 8, 8, 8), seed=(0, 1))
    image = keras.Input((8, 8, 8))
    model = keras.Model(image, block(image))
    expected = block(x, training=False)
    assert len(depthwise_convolutions(block, x)) == 1
    with depthwise_in_parts(model):
        assert len(depthwise_convolutions(block, x)) == 3
        assert len(depthwise_convolutions(block, x, training=True)) == 1
        parts = compiled(lambda x: block(x, training=False), x)
        np.testing.assert_allclose(parts, expected, rtol=0, atol=1e-5)
    assert len(depthwise_convolutions(block, x)) == 1
