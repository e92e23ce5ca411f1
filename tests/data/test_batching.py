"""How batches leave a pipeline."""

import time

import pytest
import tensorflow as tf

from scarlet_tf.data import batching, load_dataset


@pytest.mark.parametrize("most", [None, 3])
def test_elements_that_take_longer_keep_their_place(most):
    def square(value):
        time.sleep(0.02 * (value % 3 == 0))
        return value * value

    squares = batching.in_parallel(
        tf.data.Dataset.range(50), lambda value: tf.numpy_function(square, [value], tf.int64), most
    )
    assert list(squares.as_numpy_iterator()) == [value * value for value in range(50)]


def test_nothing_is_tuned_while_batches_are_used():
    """It would hold up whoever drops the iterator, now and then and for as long again as it was used."""
    dataset = load_dataset("synthetic")
    for batches in (dataset.training_batches(10, 16, 0, 0, 5), dataset.evaluation_batches("test", 10, 16)):
        assert batches.options().autotune.enabled is False
