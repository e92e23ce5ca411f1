"""Making thousands of variables without waiting for each."""

import contextlib
from collections.abc import Callable, Iterator

import tensorflow as tf


@contextlib.contextmanager
def of_one_name() -> Iterator[None]:
    """Variables made inside have the same name in TensorFlow, which calls one by its handle; Keras has their paths.

    For every new name TensorFlow makes a kernel anew, which takes as long as the rest of making a variable.
    """

    def make(create: Callable[..., tf.Variable], **settings: object) -> tf.Variable:
        if tf.compat.v1.executing_eagerly_outside_functions():  # a graph of TensorFlow 1 finds variables by their names
            settings["name"] = "variable/"  # with the slash it stands outside the name scopes
        return create(**settings)

    with tf.variable_creator_scope(make):
        yield
