import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.nets.gradients import depthwise_conv, pointwise_conv, sixfold_hard_swish


def depthwise_in_numpy(x, kernel, upstream, stride, pad):
    """Output of the convolution, and the gradients of sum(upstream * output) for x and kernel, tap by tap."""
    size = len(kernel)
    padded = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    height, width = upstream.shape[1:3]
    out, of_x, of_kernel = np.zeros(upstream.shape), np.zeros(padded.shape), np.zeros(kernel.shape)
    for row in range(size):
        for column in range(size):
            reads = np.s_[:, row : row + stride * height : stride, column : column + stride * width : stride]
            out += padded[reads] * kernel[row, column, :, 0]
            of_x[reads] += upstream * kernel[row, column, :, 0]
            of_kernel[row, column, :, 0] = (padded[reads] * upstream).sum((0, 1, 2))
    return out, of_x[:, pad : pad + x.shape[1], pad : pad + x.shape[2]], of_kernel


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize(
    ("kernel_size", "stride", "height", "width"),
    [
        (3, 1, 5, 4),
        (5, 1, 6, 9),
        (7, 1, 8, 7),
        (7, 1, 7, 12),
        (3, 1, 2, 1),
        (5, 1, 4, 3),
        (7, 1, 3, 2),
        (7, 1, 9, 1),
        (1, 1, 3, 2),
        (3, 2, 6, 8),
        (3, 2, 5, 7),
        (5, 2, 8, 9),
        (7, 2, 7, 10),
        (7, 2, 2, 1),
        (5, 3, 7, 9),
    ],
)
def test_depthwise_gradients_are_numpys(dtype, static, kernel_size, stride, height, width):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(3, height, width, 18)), rng.normal(size=(kernel_size, kernel_size, 18, 1))
    pad = kernel_size // 2
    upstream = rng.normal(size=(3, -(-height // stride), -(-width // stride), 18))
    shape = x.shape if static else (None, None, None, 18)
    signature = [tf.TensorSpec(s, dtype) for s in (shape, kernel.shape, upstream.shape if static else shape)]

    @tf.function(input_signature=signature)
    def run(x, kernel, upstream):
        with tf.GradientTape() as tape:
            tape.watch((x, kernel))
            out = depthwise_conv(x, kernel, stride)
        return out, *tape.gradient(out, (x, kernel), upstream)

    ours = run(*(tf.constant(value, dtype) for value in (x, kernel, upstream)))
    tolerance = {"float32": 1e-5, "float64": 1e-13}[dtype]
    for actual, expected in zip(ours, depthwise_in_numpy(x, kernel, upstream, stride, pad), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_pointwise_gradients_are_numpys():
    rng = np.random.default_rng(0)
    x, kernel, upstream = (rng.normal(size=shape) for shape in ((3, 4, 5, 6), (1, 1, 6, 7), (3, 4, 5, 7)))

    @tf.function(input_signature=[tf.TensorSpec((None, 4, 5, 6), "float64")])
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch((x, filters := tf.constant(kernel)))
            out = pointwise_conv(x, filters)
        return out, *tape.gradient(out, (x, filters), tf.constant(upstream))

    of_kernel = np.einsum("bhwi,bhwo->io", x, upstream)[np.newaxis, np.newaxis]
    for actual, expected in zip(run(x), (x @ kernel[0, 0], upstream @ kernel[0, 0].T, of_kernel), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


def test_wide_filters_take_their_gradient_in_parts():
    def backward(kernel_size):
        x, kernel = tf.ones([2, 8, 8, 16]), tf.ones([kernel_size, kernel_size, 16, 1])

        @tf.function
        def gradient():
            with tf.GradientTape() as tape:
                tape.watch(kernel)
                out = depthwise_conv(x, kernel, 1)
            return tape.gradient(out, kernel)

        names = [op.type for op in gradient.get_concrete_function().graph.get_operations()]
        return names.count("DepthwiseConv2dNativeBackpropFilter")

    assert [backward(size) for size in (3, 5, 7)] == [1, 2, 3]


def test_sixfold_hard_swish_by_hand():
    x = tf.constant([-4, -3, -1.5, 0, 1.5, 3, 7])
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = sixfold_hard_swish(x)
    np.testing.assert_allclose(out, [0, 0, -2.25, 0, 6.75, 18, 42], atol=1e-5)
    slopes = tape.gradient(out, x, tf.ones_like(x) / 3)
    np.testing.assert_allclose(slopes, [0, 0, 0, 1, 2, 2, 2], atol=1e-6)
