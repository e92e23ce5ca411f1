"""A traced function and its gradient as functions of their own, with what passes between them as one value.

`tf.switch_case` differentiates by returning the intermediate results of every branch from every branch. Cut apart, a
branch returns its own alone, in a package that is the same kind of value for all branches.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from scarlet_tf.nets.packages import packed, unpacked


def _between(sources: list[tf.Tensor], result: tf.Tensor) -> set[tf.Operation]:
    """The operations that `result` is computed by and that read any of `sources`, however indirectly."""
    found = {tensor.op for tensor in sources}
    for operation in result.graph.get_operations():  # in the order they were made in
        if any(tensor.op in found for tensor in operation.inputs):
            found.add(operation)
    ancestors, left = set(), [result.op]
    while left:
        operation = left.pop()
        if operation not in ancestors:
            ancestors.add(operation)
            left.extend(tensor.op for tensor in operation.inputs)
            left.extend(operation.control_inputs)
    return found & ancestors - {tensor.op for tensor in sources}


def _read_of(operations: set[tf.Operation], fetches: list[tf.Tensor]) -> list[tf.Tensor]:
    """The results of `operations` that `fetches` are computed by, or are, of the type of the fetches.

    Others, such as shapes, are computed again.
    """
    found, seen, left = {}, set(), list(fetches)
    while left:
        tensor = left.pop()
        if tensor.op in operations and tensor.dtype == fetches[0].dtype:
            found[tensor.name] = tensor
        elif tensor.op not in seen:
            seen.add(tensor.op)
            left.extend(tensor.op.inputs)
    return list(found.values())


def _copied(fetches: list[tf.Tensor], feeds: dict[str, tf.Tensor]) -> list[tf.Tensor]:
    """`fetches` of another graph, in this one: by copies of what computes them of `feeds`, tensors of this graph by the
    names of those of the other that they stand for.

    To call the other graph as a function would cost a step a tenth of a millisecond, and a path has many such calls.
    """
    source, graph = fetches[0].graph, tf.compat.v1.get_default_graph()
    captures = {inside.name: outside for outside, inside in source.captures}
    needed, read, left = {}, set(), list(fetches)
    while left:
        tensor = left.pop()
        if tensor.name not in feeds and tensor.name not in captures and tensor.op.name not in needed:
            needed[tensor.op.name] = tensor.op.node_def
            left.extend(tensor.op.inputs)
            read.update(tensor.name for tensor in tensor.op.inputs)
    for node in needed.values():  # what is not copied here has been run, or has no need to be
        node.input[:] = [name for name in node.input if not name.startswith("^") or name[1:] in needed]
    known = {name: tensor for name, tensor in feeds.items() if name in read}
    known |= {name: graph.capture(tensor) for name, tensor in captures.items() if name in read}
    computed = [tensor.name for tensor in fetches if tensor.name not in feeds]
    definition = tf.compat.v1.GraphDef(node=needed.values(), versions=source.graph_def_versions)
    copies = tf.graph_util.import_graph_def(definition, known, return_elements=computed, name="")
    results = feeds | dict(zip(computed, copies, strict=True))
    return [results[tensor.name] for tensor in fetches]


class Cut:
    """`function(*inputs, upstream) -> (output, of_input, rest)`, of which each part is a function of its own.

    `output` depends on the inputs alone; `of_input`, its gradient for the first of them, is what the layer before waits
    for; the `rest` is a list. It is traced once, for the TensorSpecs `inputs` and `upstream`.
    """

    def __init__(self, function: Callable, inputs: list[tf.TensorSpec], upstream: tf.TensorSpec) -> None:
        traced = tf.compat.v1.wrap_function(function, [*inputs, upstream])
        self._output, self._of_input, self._rest = traced.structured_outputs
        *self._inputs, self._upstream = traced.inputs[: len(inputs) + 1]
        fetches = [self._of_input, *self._rest]
        self._kept = _read_of(_between(self._inputs, self._output), fetches)

    def forward(self, *inputs: tf.Tensor) -> tf.Tensor:
        """The output."""
        (output,) = _copied([self._output], self._feeds(self._inputs, inputs))
        return output

    def forward_keeping(self, *inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The output, and what of the pass `backward` reads."""
        output, *kept = _copied([self._output, *self._kept], self._feeds(self._inputs, inputs))
        return output, packed(kept)

    def backward(self, *values: tf.Tensor, kept: tf.Tensor | None = None) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Of (*inputs, upstream): `of_input` and the rest. Without what was kept it computes the output once more."""
        feeds = self._feeds([*self._inputs, self._upstream], values)
        if kept is not None:
            feeds |= self._feeds(self._kept, unpacked(kept, self._kept))
        of_input, *rest = _copied([self._of_input, *self._rest], feeds)
        return of_input, rest

    @staticmethod
    def _feeds(tensors: Sequence[tf.Tensor], values: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        return {tensor.name: value for tensor, value in zip(tensors, values, strict=True)}
