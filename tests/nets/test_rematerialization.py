"""A fair step that keeps only its blocks' inputs: what it does, and what it keeps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.nets.blocks import InvertedBottleneck
from scarlet_tf.nets.rematerialization import Pass, rematerialized
from scarlet_tf.nets.supernet import Supernet, build_supernet
from scarlet_tf.train.optimizers import L2SGD
from scarlet_tf.train.precision import computing_in


def after_steps(space, randomise, batch, steps, eagerly, **settings):
    """Weights, statistics, optimizer slots, loss and accuracy, by name."""
    supernet = randomise(build_supernet(space, 8, 5, seed=11, **settings))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    supernet.compile(L2SGD(0.1, momentum=0.9, l2=1e-3), loss, metrics=["accuracy"], jit_compile=False)
    supernet.optimizer.build(supernet.trainable_variables)
    supernet.compute_metrics(None, tf.zeros([1], tf.int32), tf.zeros([1, 5]))
    supernet.reset_metrics()
    step = supernet.train_step if eagerly else tf.function(supernet.train_step, autograph=False)
    for _ in range(steps):
        step(batch)
    values = {weight.path.split("/", 1)[1]: np.asarray(weight) for weight in supernet.weights}
    slots = {f"slot {index}": np.asarray(slot) for index, slot in enumerate(supernet.optimizer.variables)}
    return values | slots | supernet.get_metrics_result()


def assert_same(results, expected, start, tolerance):
    assert results.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(results[name], value, rtol=tolerance, atol=tolerance, err_msg=name)
    moved = [np.abs(expected[name] - value).max() for name, value in start.items() if name.endswith("moving_mean")]
    assert min(moved) > 0


def test_a_step_is_the_same_however_much_it_keeps(float64, tiny_space, randomise):
    rng = np.random.default_rng(4)
    batch = tf.constant(rng.normal(size=(6, 8, 8, 3))), tf.constant(rng.integers(0, 5, 6))
    start = after_steps(tiny_space, randomise, batch, 0, eagerly=True)
    expected = after_steps(tiny_space, randomise, batch, 3, eagerly=False)
    for streams_at_once in (0, 3):
        settings = {"rematerialize": True, "streams_at_once": streams_at_once}
        assert_same(after_steps(tiny_space, randomise, batch, 3, eagerly=False, **settings), expected, start, 1e-12)


def test_a_step_of_16_bits_is_the_same_however_much_it_keeps(without_skip, randomise):
    rng = np.random.default_rng(4)
    batch = tf.constant(rng.normal(size=(6, 8, 8, 3)), tf.float32), tf.constant(rng.integers(0, 5, 6))
    with computing_in("mixed_bfloat16"):
        start = after_steps(without_skip, randomise, batch, 0, eagerly=True)
        expected = after_steps(without_skip, randomise, batch, 2, eagerly=True)
        settings = {"rematerialize": True, "streams_at_once": 1}
        assert_same(after_steps(without_skip, randomise, batch, 2, eagerly=True, **settings), expected, start, 1e-6)


def depending_on(sources):
    """The operations of the graph that read any of `sources` or wait for one, however indirectly."""
    found = {tensor.op for tensor in sources}
    for operation in sources[0].graph.get_operations():
        if not found.isdisjoint([*(tensor.op for tensor in operation.inputs), *operation.control_inputs]):
            found.add(operation)
    return found


def read_by(tensors):
    """The operations that `tensors` are computed from."""
    seen, left = set(), [tensor.op for tensor in tensors]
    while left:
        operation = left.pop()
        if operation not in seen:
            seen.add(operation)
            left.extend(tensor.op for tensor in operation.inputs)
    return seen


def step(passes, at_once, jit_compile=False):
    """A function of two inputs and their upstream gradients: outputs, gradients of the inputs, gradients of weights.

    `at_once` None runs the passes as they are.
    """

    def run(inputs, upstream):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            if at_once is None:
                outputs = tuple(each.call(x) for each, x in zip(passes, inputs, strict=True))
            else:
                outputs = rematerialized(passes, inputs, at_once)
        weights = [weight.value for each in passes for weight in each.trainable]
        of_inputs, of_weights = tape.gradient(outputs, [list(inputs), weights], upstream)
        return list(outputs), of_inputs, of_weights

    return tf.function(run, autograph=False, jit_compile=jit_compile)


def traced(passes, at_once):
    spec = [tf.TensorSpec([2, 4, 4, 6])] * 2
    return step(passes, at_once).get_concrete_function(spec, spec)


@pytest.fixture
def passes():
    blocks = [InvertedBottleneck(12, 6, 3, use_se=True, use_shortcut=True, name=f"block_{index}") for index in range(2)]
    for block in blocks:
        block.build((None, 4, 4, 6))
    return [Pass(lambda x, block=block: block(x, training=True), [block]) for block in blocks]


@pytest.mark.parametrize(("at_once", "kept_inside"), [(None, True), (0, False), (1, False)])
def test_only_inputs_are_kept_for_the_gradient(passes, at_once, kept_inside):
    function = traced(passes, at_once)
    *inputs, first_upstream, second_upstream = function.inputs[:4]
    _, of_inputs, of_weights = function.structured_outputs
    before_upstream = depending_on(inputs) - depending_on([first_upstream, second_upstream])
    types = {operation.type for operation in before_upstream & read_by([*of_inputs, *of_weights])}
    assert ("Conv2D" in types) == kept_inside
    if not kept_inside:
        assert types <= {"Placeholder", "Identity", "IdentityN"}


@pytest.mark.parametrize(("at_once", "waits"), [(0, False), (1, True)])
def test_a_pass_waits_for_those_before_it(passes, at_once, waits):
    function = traced(passes, at_once)
    convs = [operation for operation in function.graph.get_operations() if operation.type == "Conv2D"]
    assert len(convs) == 2 * 2 * 2  # forward and again, two passes of two convolutions
    second, second_again = convs[2:4], convs[6:]
    assert set(second).issubset(depending_on([convs[1].outputs[0]])) == waits
    _, of_inputs, of_weights = function.structured_outputs
    for gradient in [of_inputs[0], *of_weights[: len(passes[0].trainable)]]:
        source = gradient if gradient.op.type != "Identity" else gradient.op.inputs[0]
        assert set(second_again).issubset(depending_on([source])) == waits, gradient.name


def test_xla_does_not_merge_the_second_forward_pass_with_the_first():
    layers = [keras.layers.Dense(6, activation=tf.tanh) for _ in range(2)]
    for layer in layers:
        layer.build((None, 4, 4, 6))
    passes = [Pass(layer, [layer]) for layer in layers]

    def activations(at_once):
        example = [tf.zeros([2, 4, 4, 6])] * 2
        compiled = step(passes, at_once, jit_compile=True).experimental_get_compiler_ir(example, example)
        return compiled("optimized_hlo").count(" tanh(")

    assert activations(None) == 2
    assert activations(0) == activations(1) == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rematerialize": True, "streams_at_once": -1}, "at least 0 and at most 4.*Received: -1"),
        ({"rematerialize": True, "streams_at_once": 5}, "at least 0 and at most 4.*Received: 5"),
        ({"streams_at_once": 2}, "with rematerialize.*rematerialize=False"),
        ({"method": "spos", "rematerialize": True, "streams_at_once": 2}, "method 'fair'.*method='spos'"),
    ],
)
def test_streams_at_once_that_cannot_be_is_refused(tiny_space, settings, message):
    with pytest.raises(ValueError, match=message):
        build_supernet(tiny_space, 8, 5, **settings)


def test_config_says_what_is_kept(tiny_space):
    supernet = build_supernet(tiny_space, 8, 5, rematerialize=True, streams_at_once=2)
    again = Supernet.from_config(supernet.get_config())
    assert (again.rematerialize, again.streams_at_once) == (True, 2)
