"""One of several functions, chosen at run time, none of which is traced or compiled for the others' sake.

`tf.switch_case` gives every branch a placeholder for every variable of the other branches, and all branches become part
of the graph around them: for the thirteen choices of a slot that takes minutes to trace, and each step then passes over
the operations that were not chosen. Here a branch is a function that is called, compiled when it is first chosen.
"""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf
from tensorflow.python.eager import context  # the only way to make a function known that was not traced


class Branches:
    """`functions`, each of arguments as in `signature`, all with results of the same types and structure.

    Made while a `tf.function` is traced, and called there.
    """

    def __init__(self, functions: Sequence[Callable], signature: Sequence[tf.TensorSpec]) -> None:
        traced = [
            # not inlined, so that it gets the optimisations of a function that was called from outside
            tf.function(
                function, signature, autograph=False, experimental_attributes={"_noinline": True}
            ).get_concrete_function()
            for function in functions
        ]
        self._structure = traced[0].structured_outputs
        self._outputs = tf.nest.flatten(self._structure)
        captures = {id(tensor): tensor for function in traced for tensor in function.captured_inputs}
        self._captures = list(captures.values())
        num_arguments = len(signature)
        position = {key: num_arguments + index for index, key in enumerate(captures)}
        definition = type(traced[0].function_def)()
        types = [spec.dtype for spec in signature] + [tensor.dtype for tensor in self._captures]
        for index, dtype in enumerate(types):
            definition.signature.input_arg.add(name=f"input_{index}", type=dtype.as_datatype_enum)
        self._names = []
        for function in traced:
            read = [*range(num_arguments), *(position[id(tensor)] for tensor in function.captured_inputs)]
            self._names.append(_define_call(definition, function, [types[index] for index in read], read))
        # TensorFlow forgets a function that Python has let go of; this graph knows it by name alone.
        tf.compat.v1.get_default_graph().add_to_collection("branches", traced)

    def __call__(self, *arguments: tf.Tensor, index: tf.Tensor, instead: Mapping[int, tf.Tensor]) -> object:
        """What `functions[index](*arguments)` returns, with other tensors `instead` of captured ones, by their ids."""
        results = tf.raw_ops.Case(
            branch_index=index,
            input=[*arguments, *(instead.get(id(tensor), tensor) for tensor in self._captures)],
            Tout=[output.dtype for output in self._outputs],
            branches=self._names,
            output_shapes=[output.shape for output in self._outputs],
        )
        return tf.nest.pack_sequence_as(self._structure, results)


def _define_call(template: object, function: Callable, types: list[tf.DType], read: list[int]) -> str:
    """Defines the call of `function` with those of the inputs in the signature of `template` that it reads; the name.

    `tf.raw_ops.Case` hands the same inputs to all its branches.
    """
    definition = type(template)()
    definition.CopyFrom(template)
    signature, name = definition.signature, function.function_def.signature.name
    signature.name, signature.is_stateful = f"{name}_branch", True
    call = definition.node_def.add(name="call", op="StatefulPartitionedCall")
    call.input.extend(f"input_{index}" for index in read)
    call.attr["f"].func.name = name
    call.attr["Tin"].list.type.extend(dtype.as_datatype_enum for dtype in types)
    call.attr["config_proto"].s = context.context().function_call_options.config_proto_serialized
    outputs = function.function_def.signature.output_arg
    call.attr["Tout"].list.type.extend(output.type for output in outputs)
    for index, output in enumerate(outputs):
        signature.output_arg.add(name=f"output_{index}", type=output.type)
        definition.ret[f"output_{index}"] = f"call:output:{index}"
    signature.control_output.append("call")
    definition.control_ret["call"] = "call"
    context.context().add_function_def(definition)
    return signature.name
