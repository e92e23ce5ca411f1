import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.nets.blocks import ConvBlock, HeadConv, InvertedBottleneck, ProjectionConv, Stem, lay_lanes

EPSILON = 1e-5


def relu6(x):
    return np.clip(x, 0, 6)


def hard_swish(x):
    return x * relu6(x + 3) / 6


def conv_in_numpy(x, kernel, stride=1, depthwise=False):
    """Direct convolution with `kernel // 2` zeros on each side; x (batch, h, w, c), kernel (k, k, in, out or 1)."""
    size = kernel.shape[0]
    batch, height, width, channels = x.shape
    padded = np.zeros((batch, height + 2 * (size // 2), width + 2 * (size // 2), channels))
    padded[:, size // 2 : size // 2 + height, size // 2 : size // 2 + width] = x
    rows, columns = -(-height // stride), -(-width // stride)
    out = np.zeros((batch, rows, columns, channels if depthwise else kernel.shape[-1]))
    for row in range(rows):
        for column in range(columns):
            top, left = row * stride, column * stride
            window = padded[:, top : top + size, left : left + size]
            if depthwise:
                out[:, row, column] = np.sum(window * kernel[..., 0], axis=(1, 2))
            else:
                out[:, row, column] = np.tensordot(window, kernel, axes=3)
    return out


def batch_norm_in_numpy(x, conv, moved=None):
    """By the moving statistics; in training, with a list `moved`, by those of x, and the next moving ones go there."""
    mean, variance, gamma, beta = map(np.asarray, (conv.mean, conv.variance, conv.gamma, conv.beta))
    if moved is not None:
        unbiased = x.var((0, 1, 2), ddof=1)
        moved += [0.9 * mean + 0.1 * x.mean((0, 1, 2)), 0.9 * variance + 0.1 * unbiased]
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta


def conv_bn_in_numpy(x, conv, stride=1, depthwise=False, moved=None):
    return batch_norm_in_numpy(conv_in_numpy(x, np.asarray(conv.kernel), stride, depthwise), conv, moved)


def bottleneck_in_numpy(block, x, stride, in_stride=1, shortcut=False, moved=None):
    y = hard_swish(conv_bn_in_numpy(x, block.expand, in_stride, moved=moved))
    y = hard_swish(conv_bn_in_numpy(y, block.depthwise, stride, depthwise=True, moved=moved))
    if block.use_se:
        pooled = y.mean((1, 2))
        squeezed = np.maximum(pooled @ np.asarray(block.squeeze_kernel)[0, 0] + np.asarray(block.squeeze_bias), 0)
        excited = squeezed @ np.asarray(block.excite_kernel)[0, 0] + np.asarray(block.excite_bias)
        y = y * (relu6(excited + 3) / 6)[:, np.newaxis, np.newaxis]
    y = conv_bn_in_numpy(y, block.project, moved=moved)
    return y + x if shortcut else y


def images(*shape, seed=5):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("use_se", [False, True])
@pytest.mark.parametrize("kernel_size", [3, 5, 7])
@pytest.mark.parametrize(("size", "stride"), [((8, 8), 1), ((7, 9), 1), ((8, 10), 2), ((7, 7), 2), ((5, 8), 2)])
def test_inverted_bottleneck_equals_direct_loops(float64, randomise, size, stride, kernel_size, use_se):
    block = InvertedBottleneck(16, 6, kernel_size, stride, use_se=use_se)
    x = images(2, *size, 4)
    block.build(x.shape)
    randomise(block)
    expected = bottleneck_in_numpy(block, x, stride)
    np.testing.assert_allclose(block(x), expected, rtol=1e-12, atol=1e-12)
    assert block.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_first_convolution_takes_over_the_stride_of_skipped_slots(float64, randomise, size):
    block = InvertedBottleneck(16, 6, 5, stride=2, in_stride=4, use_se=True)
    x = images(2, *size, 4)
    block.build(x.shape)
    randomise(block)
    expected = bottleneck_in_numpy(block, x, stride=2, in_stride=4)
    np.testing.assert_allclose(block(x), expected, rtol=1e-12, atol=1e-12)
    assert block.compute_output_shape(x.shape) == expected.shape


def test_shortcut_adds_the_input_and_a_call_may_override_it(float64, randomise):
    x = images(2, 6, 6, 4)
    block = InvertedBottleneck(8, 4, 3, use_shortcut=True)
    block.build(x.shape)
    randomise(block)
    with_shortcut = bottleneck_in_numpy(block, x, 1, shortcut=True)
    without = bottleneck_in_numpy(block, x, 1)
    for override, expected in (
        (None, with_shortcut),
        (False, without),
        (True, with_shortcut),
        (tf.constant(True), with_shortcut),
        (tf.constant(0), without),
    ):
        np.testing.assert_allclose(block(x, shortcut=override), expected, rtol=1e-12, atol=1e-12)


def test_padding_at_stride_2_is_not_that_of_tensorflow(float64, randomise):
    """On even sizes SAME pads one row and column less at the top left."""
    block = InvertedBottleneck(8, 6, 3, stride=2)
    x = images(2, 8, 8, 4)
    block.build(x.shape)
    randomise(block)
    y = hard_swish(conv_bn_in_numpy(x, block.expand))
    same = tf.nn.depthwise_conv2d(y, block.depthwise.kernel.value, [1, 2, 2, 1], "SAME").numpy()
    y = hard_swish(batch_norm_in_numpy(same, block.depthwise))
    with_same = conv_bn_in_numpy(y, block.project)
    assert block(x).shape == with_same.shape
    assert np.abs(block(x) - with_same).max() > 0.1


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("separable_filters", [None, 5])
@pytest.mark.parametrize("size", [8, 9])
def test_stem_equals_direct_loops(float64, randomise, stride, separable_filters, size):
    stem = Stem(6, stride, separable_filters, "relu6")
    x = images(2, size, size, 3)
    stem.build(x.shape)
    randomise(stem)
    expected = relu6(conv_bn_in_numpy(x, stem.convs[0], stride))
    if separable_filters:
        expected = relu6(conv_bn_in_numpy(expected, stem.convs[1], depthwise=True))
        expected = conv_bn_in_numpy(expected, stem.convs[2])
    np.testing.assert_allclose(stem(x), expected, rtol=1e-12, atol=1e-12)
    assert stem.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize("in_stride", [1, 2])
def test_head_equals_direct_loops(float64, randomise, in_stride):
    head = HeadConv(7, "relu6", in_stride)
    x = images(2, 5, 6, 4)
    head.build(x.shape)
    randomise(head)
    expected = relu6(conv_bn_in_numpy(x, head.conv, in_stride))
    np.testing.assert_allclose(head(x), expected, rtol=1e-12, atol=1e-12)
    assert head.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("use_se", [False, True])
def test_training_pass_equals_direct_loops(float64, randomise, use_se, lanes):
    block = InvertedBottleneck(16, 6, 5, 2, use_se=use_se)
    x = images(3, 8, 8, 4)
    block.build(x.shape)
    randomise(block)
    lay_lanes(block, lanes)
    moved = []
    expected = bottleneck_in_numpy(block, x, 2, moved=moved)
    np.testing.assert_allclose(block(x, training=True), expected, rtol=1e-12, atol=1e-12)
    for statistic, value in zip(block.non_trainable_weights, moved, strict=True):
        np.testing.assert_allclose(statistic, value, rtol=1e-12, atol=1e-12, err_msg=statistic.path)


def trained_once(layer, x, upstream):
    """What a training pass gives, changes and has as gradients."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = layer(x, training=True)
    weights = [weight.value for weight in layer.trainable_weights]
    gradients = tape.gradient(out, [x, *weights], upstream)
    return [out, *gradients, *(statistic.value for statistic in layer.non_trainable_weights)]


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (lambda: InvertedBottleneck(12, 6, 5, use_se=True, use_shortcut=True), 7),
        (lambda: InvertedBottleneck(12, 5, 7, stride=2, in_stride=2), 8),
        (lambda: InvertedBottleneck(15, 6, 3), 6),
        (lambda: Stem(8, 2, 5, "hard_swish"), 9),
        (lambda: Stem(8, 2, None, "relu"), 9),
        (lambda: HeadConv(8, "hard_swish", 2), 6),
    ],
    ids=["block", "strided block", "odd number of channels", "separable stem", "stem", "head"],
)
def test_lanes_change_nothing_but_the_rounding(float64, randomise, make, size):
    plain, laned = make(), make()
    x = tf.constant(images(3, size, size, 6))
    for layer in (plain, laned):
        layer.build(x.shape)
        randomise(layer)
    lay_lanes(laned, 2)
    np.testing.assert_allclose(laned(x), plain(x), rtol=1e-12, atol=1e-12)
    upstream = tf.constant(images(*plain.compute_output_shape(x.shape), seed=6))
    for ours, expected in zip(trained_once(laned, x, upstream), trained_once(plain, x, upstream), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-10)


def test_lanes_are_worked_out_apart():
    block = InvertedBottleneck(12, 6, 5)
    lay_lanes(block, 2)
    block.build((2, 8, 8, 6))
    graph = tf.function(lambda x: block(x, training=True)).get_concrete_function(tf.TensorSpec([2, 8, 8, 6])).graph
    types = [operation.type for operation in graph.get_operations()]
    assert (types.count("DepthwiseConv2dNative"), types.count("FusedBatchNormV3")) == (2, 2 + 2 + 1)


@pytest.mark.parametrize("stride", [1, 2])
def test_projection_equals_direct_loops(float64, randomise, stride):
    projection = ProjectionConv(7, stride)
    x = images(2, 5, 6, 4)
    projection.build(x.shape)
    randomise(projection)
    expected = conv_bn_in_numpy(x, projection.conv, stride)
    np.testing.assert_allclose(projection(x), expected, rtol=1e-12, atol=1e-12)
    assert projection.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("pool", [1, 2])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_convolution_equals_direct_loops(float64, randomise, kernel_size, pool, size, lanes):
    block = ConvBlock(6, kernel_size, "relu", pool)
    lay_lanes(keras.Sequential([block]), lanes)
    x = images(2, size, size, 4)
    block.build(x.shape)
    randomise(block)
    pooled = np.full((2, -(-size // pool), -(-size // pool), 4), -np.inf)
    for row in range(size):
        for column in range(size):
            pixel = pooled[:, row // pool, column // pool]
            np.maximum(pixel, x[:, row, column], out=pixel)
    expected = np.maximum(conv_bn_in_numpy(pooled, block.conv), 0.0)
    np.testing.assert_allclose(block(x), expected, rtol=1e-12, atol=1e-12)
    assert block.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize(
    ("layer", "channels"),
    [
        (Stem(6, 2, None, "relu", name="plain"), 3),
        (Stem(6, 1, 5, "relu6", name="separable"), 3),
        (InvertedBottleneck(16, 6, 5, 2, 2, True, False, "relu", name="strided"), 4),
        (InvertedBottleneck(12, 4, 7, use_shortcut=True, dtype="float64"), 4),
        (HeadConv(7, "hard_swish", 2), 4),
        (ProjectionConv(7, 2), 4),
        (ConvBlock(7, 3, "relu", 2), 4),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_layers_come_back_from_their_config(randomise, layer, channels):
    x = images(2, 8, 8, channels).astype("float32")
    layer.build(x.shape)
    randomise(layer)
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    assert copy.dtype == layer.dtype
    copy.build(x.shape)
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(copy(x), layer(x))
    assert isinstance(keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer)), type(layer))


def test_shortcut_over_a_stride_is_refused():
    with pytest.raises(ValueError, match="shortcut needs stride 1"):
        InvertedBottleneck(8, 4, 3, stride=2, use_shortcut=True)
