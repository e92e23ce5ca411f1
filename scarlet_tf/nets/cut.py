"""A traced function and its gradient as two functions, with what passes between them as one value.

`tf.switch_case` differentiates by returning the intermediate results of every branch from every branch. Cut in two, a
branch returns its own alone, in a list that is the same kind of value for all branches.
"""

from collections.abc import Callable

import tensorflow as tf


def _ancestors(output: tf.Tensor) -> set[tf.Operation]:
    """The operations that `output` is computed by."""
    seen, left = set(), [output.op]
    while left:
        operation = left.pop()
        if operation not in seen:
            seen.add(operation)
            left.extend(tensor.op for tensor in operation.inputs)
            left.extend(operation.control_inputs)
    return seen


def _depending_on(sources: list[tf.Tensor], operations: list[tf.Operation]) -> set[tf.Operation]:
    """Those of `operations`, in the order they were made in, that read any of `sources`, however indirectly."""
    found = {tensor.op for tensor in sources}
    for operation in operations:
        if any(tensor.op in found for tensor in operation.inputs):
            found.add(operation)
    return found


def _kept(output: tf.Tensor, gradients: list[tf.Tensor], inputs: list[tf.Tensor]) -> list[tf.Tensor]:
    """What the gradients read of the forward pass: results that depend on `inputs` and are of the output's type.

    What does not, such as a kernel read from its variable, or a shape, is computed again.
    """
    forward = _ancestors(output) & _depending_on(inputs, output.graph.get_operations())
    forward -= {tensor.op for tensor in inputs}
    kept, seen, left = {}, set(), list(gradients)
    while left:
        tensor = left.pop()
        if tensor.op in forward and tensor.dtype == output.dtype:
            kept[id(tensor)] = tensor
        elif tensor.op not in seen:
            seen.add(tensor.op)
            left.extend(tensor.op.inputs)
    return list(kept.values())


def kept_spec(rematerialize: bool) -> tf.TensorSpec:
    """What `kept` is between the two functions that `cut` gives."""
    return tf.TensorSpec([], tf.float32 if rematerialize else tf.variant)


def cut(
    function: Callable[..., tuple[tf.Tensor, list[tf.Tensor]]],
    inputs: list[tf.TensorSpec],
    upstream: tf.TensorSpec,
    rematerialize: bool,
) -> tuple[Callable, Callable]:
    """`forward(*inputs) -> (output, kept)` and `backward(*inputs, upstream, kept) -> gradients`.

    `function(*inputs, upstream)` gives the output and the gradients, with which anything else that is known only after
    the forward pass may be returned. `kept` is a variant: the list of what the gradients read of the forward pass. With
    `rematerialize` it is a number that means nothing: the backward pass then does the forward pass once more, which
    saves memory, and compiles with XLA.
    """
    traced = tf.compat.v1.wrap_function(function, [*inputs, upstream])
    output, gradients = traced.structured_outputs
    arguments = traced.inputs[: len(inputs) + 1]
    kept = [] if rematerialize else _kept(output, gradients, arguments[:-1])
    first = traced.prune(arguments[:-1], [output, *kept])
    second = traced.prune([*arguments, *kept], gradients)

    def forward(*values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        result, *residuals = first(*values)
        if rematerialize:
            return result, tf.zeros([], kept_spec(rematerialize).dtype)
        handle = tf.raw_ops.EmptyTensorList(element_shape=-1, max_num_elements=-1, element_dtype=result.dtype)
        for residual in residuals:
            handle = tf.raw_ops.TensorListPushBack(input_handle=handle, tensor=residual)
        return result, handle

    def backward(*values: tf.Tensor) -> list[tf.Tensor]:
        *passed, handle = values
        residuals = [
            tf.raw_ops.TensorListGetItem(
                input_handle=handle,
                index=index,
                element_shape=-1,
                element_dtype=tensor.dtype,
            )
            for index, tensor in enumerate(kept)
        ]
        return second(*passed, *residuals)

    return forward, backward
