"""Functions of which a call runs one: their values, what they change, and under XLA."""

import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.nets.branches import Branches, handed


@pytest.fixture
def variables():
    return [tf.Variable([value, value + 1.0]) for value in (2.0, 5.0, 11.0)]


def made(variables, **settings):
    """Two functions that share a variable; the first changes it."""
    first, second, shared = variables

    def moving(x):
        shared.assign_add(x)
        return {"product": x * first, "sum": shared + 0.0}

    def still(x):
        return {"product": x * second * shared, "sum": x + 1.0}

    return Branches([moving, still], [tf.TensorSpec([2])], **settings)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_only_the_function_of_the_index_runs(variables, jit_compile):
    @tf.function(autograph=False, jit_compile=jit_compile)
    def call(index, x):
        return made(variables)(x, index=index)

    x, shared = np.array([3.0, 4.0], np.float32), np.array([11.0, 12.0], np.float32)
    for index in (1, 0, 0, 1):
        results = call(tf.constant(index), tf.constant(x))
        if index == 0:
            shared = shared + x
        product = x * [2.0, 3.0] if index == 0 else x * np.array([5.0, 6.0]) * shared
        np.testing.assert_allclose(results["product"], product, rtol=1e-6)
        np.testing.assert_allclose(results["sum"], shared if index == 0 else x + 1.0, rtol=1e-6)
        np.testing.assert_array_equal(variables[2], shared)
    np.testing.assert_array_equal(variables[0], [2.0, 3.0])
    np.testing.assert_array_equal(variables[1], [5.0, 6.0])


def states_of(variables):
    first, second, _ = variables
    return [[first.handle], [second.handle]]


@pytest.mark.parametrize(("in_packages", "jit_compile"), [(True, False), (False, False), (False, True)])
def test_other_variables_stand_for_those_that_were_traced(variables, in_packages, jit_compile):
    others = [tf.Variable([value, value]) for value in (100.0, 200.0, 300.0)]

    @tf.function(autograph=False, jit_compile=jit_compile)
    def call(index, x):
        branches = made(variables, states=states_of(variables), in_packages=in_packages)
        return [branches(x, index=index, states=handed(states_of(each), in_packages)) for each in (variables, others)]

    x = tf.constant([1.0, 1.0])
    mine, other = call(tf.constant(0), x)
    np.testing.assert_array_equal(mine["product"], [2.0, 3.0])
    np.testing.assert_array_equal(other["product"], [100.0, 100.0])
    np.testing.assert_array_equal(variables[2], [13.0, 14.0])  # shared, so that both have moved it
    mine, other = call(tf.constant(1), x)
    np.testing.assert_array_equal(mine["product"], [5.0 * 13.0, 6.0 * 14.0])
    np.testing.assert_array_equal(other["product"], [200.0 * 13.0, 200.0 * 14.0])


def test_calls_of_the_same_state_take_turns():
    """Each call reads what the ones before have written, though of packages alone TensorFlow could not tell."""
    mine, other = tf.Variable(1.0), tf.Variable(100.0)

    @tf.function(autograph=False)
    def call(index):
        branches = Branches([lambda: mine.assign_add(mine)], [], [[mine.handle]], in_packages=True)
        return [branches(index=index, states=handed([[each.handle]], True)) for each in (mine, other) * 8]

    results = call(tf.constant(0))
    np.testing.assert_array_equal(results[::2], 2.0 ** np.arange(1, 9))
    np.testing.assert_array_equal(results[1::2], 100.0 * 2.0 ** np.arange(1, 9))


def test_shapes_are_known_while_tracing(variables):
    @tf.function(autograph=False)
    def call(index, x):
        results = made(variables)(x, index=index)
        assert results["product"].shape == results["sum"].shape == [2]
        return results

    call(tf.constant(1), tf.constant([1.0, 1.0]))
