"""Several tensors as one value, which costs a call of a function what one tensor costs. XLA knows no such values."""

from collections.abc import Sequence

import tensorflow as tf

PACKAGE = tf.TensorSpec([], tf.variant)


def packed(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """`tensors`, of any types and shapes, as one."""
    return tf.raw_ops.OptionalFromValue(components=tensors) if tensors else tf.raw_ops.OptionalNone()


def unpacked(package: tf.Tensor, like: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The tensors of a package, whose types and shapes are those of `like`."""
    if not like:
        return []
    types, shapes = [tensor.dtype for tensor in like], [tensor.shape for tensor in like]
    return tf.raw_ops.OptionalGetValue(optional=package, output_types=types, output_shapes=shapes)
