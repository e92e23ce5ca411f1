import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.quantization.calibration import calibrate, ranges
from scarlet_tf.quantization.quantizers import PerChannel, SwishRange
from scarlet_tf.quantization.twin import build_twin


@pytest.mark.parametrize(("depthwise", "axis"), [(False, 3), (True, 2)])
def test_each_channel_of_a_kernel_has_its_own_steps(depthwise, axis):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 1 if depthwise else 6)).astype(np.float32)
    kernel *= np.float32(10.0) ** np.arange(kernel.shape[axis]).reshape([-1 if i == axis else 1 for i in range(4)])
    rounded = PerChannel(depthwise)(tf.constant(kernel), False, {})
    others = tuple(i for i in range(4) if i != axis)
    step = np.abs(kernel).max(axis=others, keepdims=True) / 127.0
    np.testing.assert_allclose(rounded, np.round(kernel / step) * step, rtol=1e-4, atol=0)


def test_a_channel_of_zeros_stays_zero():
    kernel = np.ones((1, 1, 2, 3), np.float32) * [1.0, 0.0, 2.0]
    np.testing.assert_allclose(PerChannel()(tf.constant(kernel, tf.float32), True, {}), kernel, rtol=1e-5)


def test_what_a_hard_swish_reads_has_a_range_from_minus_three(build, images):
    source = build("hard_swish")
    twin = build_twin(source, quantised=True)
    calibrate(twin, [images[:60], images[60:]])
    ends = ranges(twin.model)
    assert ends["slot_1_expand_bn"].floor == -3.0
    assert float(ends["slot_1_expand_bn"].low) == -3.0
    assert float(ends["slot_1_project_bn"].low) < 0.0
    quantizer, low, high = SwishRange(), tf.Variable(-3.0), tf.Variable(5.0)
    x = tf.constant([-100.0, -3.0, 1.0, 5.0])
    result = quantizer(x, True, {"min_var": low, "max_var": high})
    assert low.numpy() == -3.0
    np.testing.assert_allclose(result, [-3.0, -3.0, 1.0, 5.0], atol=8 / 255)


def test_ranges_are_the_least_and_the_largest_value_of_all_batches(build, images):
    source = build("relu")
    twin = build_twin(source, quantised=True)
    calibrate(twin, [images[:50], images[50:]])
    logits = source(images, training=False).numpy()
    ends = ranges(twin.model)
    np.testing.assert_allclose([ends["logits"].low, ends["logits"].high], [logits.min(), logits.max()], atol=1e-5)
    np.testing.assert_allclose(
        [ends["image_quantized"].low, ends["image_quantized"].high], [images.min(), images.max()], atol=1e-6
    )


def test_a_dead_tensor_gets_a_scale_that_kernels_can_work_with(build, images):
    source = build("relu")
    source.get_layer("slot_0").project.gamma.assign(np.zeros(12))
    source.get_layer("slot_0").project.beta.assign(np.zeros(12))
    twin = build_twin(source, quantised=True)
    calibrate(twin, [images])
    ends = ranges(twin.model)["slot_0_project_bn"]
    assert float(ends.high) - float(ends.low) == 1.0


def test_a_calibrated_twin_is_close_to_its_source(build, images):
    source = build("hard_swish")
    twin = build_twin(source, quantised=True)
    calibrate(twin, [images])
    expected = source(images, training=False).numpy()
    error = twin.model(images, training=False).numpy() - expected
    assert 0 < np.sqrt(np.square(error).mean()) < 0.05 * expected.std()


def test_the_offset_of_a_channel_that_does_not_vary_is_not_lost(build, images):
    source = build("hard_swish")
    block = source.get_layer("slot_6")
    block.expand.gamma.assign(np.r_[0.0, block.expand.gamma.numpy()[1:]])
    block.expand.beta.assign(np.r_[-5.0, block.expand.beta.numpy()[1:]])  # hard-swish makes 0 of it
    block.depthwise.variance.assign(np.r_[0.0, block.depthwise.variance.numpy()[1:]])
    kernel = block.depthwise.kernel.numpy()
    kernel[:, :, 0] *= 100.0
    block.depthwise.kernel.assign(kernel)
    twin = build_twin(source, quantised=True)
    (folded,) = (each for each in twin.folded if each.gives == "slot_6_depthwise_bn")
    before = folded.kernel.numpy()
    calibrate(twin, [images])
    after, ends = folded.kernel.numpy(), ranges(twin.model)
    steps = np.abs(after).max(axis=(0, 1, 3)) * folded.norm.factors() / 127
    steps *= ends["slot_6_expand_hard_swish"].step / ends["slot_6_depthwise_bn"].step
    assert float(steps[0]) == pytest.approx(0.25, rel=1e-4)
    np.testing.assert_array_equal(after[:, :, 1:], before[:, :, 1:])
    np.testing.assert_array_equal(block.depthwise.kernel, kernel)
    expected = source(images, training=False).numpy()
    error = twin.model(images, training=False).numpy() - expected
    assert np.sqrt(np.square(error).mean()) < 0.05 * expected.std()
