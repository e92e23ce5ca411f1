"""One of several functions, chosen at run time, none of which is traced or compiled for the others' sake.

`tf.switch_case` gives every branch a placeholder for every variable of the other branches, and all branches become part
of the graph around them: for the thirteen choices of a slot that takes minutes to trace, and each step then passes over
the operations that were not chosen. Here a branch is a function that is called, compiled when it is first chosen.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf
from tensorflow.python.eager import context  # the only way to make a function known that was not traced

from scarlet_tf.nets.packages import packed

States = Sequence[Sequence[tf.Tensor]]


def handed(states: States, in_packages: bool) -> list[tf.Tensor]:
    """`states` as a call of `Branches` takes them, eager tensors of each function: in packages, or one by one for XLA.

    A function with thousands of inputs, such as a step on a path of a supernet, takes a microsecond for each. Beside
    the packages goes one tensor by itself: by handles alone does TensorFlow see which calls have to wait for which.
    """
    tensors = [tensor for state in states for tensor in state]
    if not in_packages:
        return tensors
    with tf.init_scope():
        return [*map(packed, states), *tensors[:1]]


class Branches:
    """`functions`, each of arguments as in `signature`, all with results of the same types and structure.

    `states` are eager tensors, such as handles of variables, that the functions were made with, and in place of which a
    call gives each others. Made while a `tf.function` is traced, and called there.
    """

    def __init__(
        self,
        functions: Sequence[Callable],
        signature: Sequence[tf.TensorSpec],
        states: States = (),
        in_packages: bool = False,
    ) -> None:
        states = states or [[]] * len(functions)
        traced = [
            # not inlined, so that it gets the optimisations of a function that was called from outside
            tf.function(
                function, signature, autograph=False, experimental_attributes={"_noinline": True}
            ).get_concrete_function()
            for function in functions
        ]
        self._structure = traced[0].structured_outputs
        self._outputs = tf.nest.flatten(self._structure)
        own = {id(tensor) for state in states for tensor in state}
        captures = {id(tensor): tensor for function in traced for tensor in function.captured_inputs}
        self._shared = [tensor for key, tensor in captures.items() if key not in own]
        handed_types = [tensor.dtype for tensor in handed(states, in_packages)]
        types = [spec.dtype for spec in signature] + [tensor.dtype for tensor in self._shared] + handed_types
        template = type(traced[0].function_def)()
        for index, dtype in enumerate(types):
            template.signature.input_arg.add(name=f"input_{index}", type=dtype.as_datatype_enum)
        arguments = [f"input_{index}" for index in range(len(signature))]
        shared = {id(tensor): f"input_{len(signature) + index}" for index, tensor in enumerate(self._shared)}
        first = len(types) - len(handed_types)
        self._names = []
        for index, (function, state) in enumerate(zip(traced, states, strict=True)):
            definition = type(template)()
            definition.CopyFrom(template)
            if in_packages:
                _define_unpacking(definition, f"input_{first + index}", state)
                names = [f"state:components:{place}" for place in range(len(state))]
            else:
                names = [f"input_{first + place}" for place in range(len(state))]
                first += len(state)
            known = shared | {id(tensor): name for tensor, name in zip(state, names, strict=True)}
            read = [*arguments, *(known[id(tensor)] for tensor in function.captured_inputs)]
            self._names.append(_define_call(definition, function, read))
        # TensorFlow forgets a function that Python has let go of; this graph knows it by name alone.
        tf.compat.v1.get_default_graph().add_to_collection("branches", traced)

    def __call__(self, *arguments: tf.Tensor, index: tf.Tensor, states: Sequence[tf.Tensor] = ()) -> object:
        """What `functions[index](*arguments)` returns, with its state of `handed` ones in place of its own."""
        results = tf.raw_ops.Case(
            branch_index=index,
            input=[*arguments, *self._shared, *states],
            Tout=[output.dtype for output in self._outputs],
            branches=self._names,
            output_shapes=[output.shape for output in self._outputs],
        )
        return tf.nest.pack_sequence_as(self._structure, results)


def _define_unpacking(definition: object, package: str, state: Sequence[tf.Tensor]) -> None:
    """Adds a node "state" to a function, which takes a package of what is like `state` apart."""
    if state:
        node = definition.node_def.add(name="state", op="OptionalGetValue", input=[package])
        node.attr["output_types"].list.type.extend(tensor.dtype.as_datatype_enum for tensor in state)
        node.attr["output_shapes"].list.shape.extend(tensor.shape.as_proto() for tensor in state)


def _define_call(definition: object, function: Callable, read: list[str]) -> str:
    """Completes a function by the call of another one with those of the inputs that it reads; the name.

    `tf.raw_ops.Case` hands the same inputs to all its branches.
    """
    signature, called = definition.signature, function.function_def.signature
    signature.name, signature.is_stateful = f"{called.name}_branch", True
    call = definition.node_def.add(name="call", op="StatefulPartitionedCall", input=read)
    call.attr["f"].func.name = called.name
    call.attr["Tin"].list.type.extend(argument.type for argument in called.input_arg)
    call.attr["config_proto"].s = context.context().function_call_options.config_proto_serialized
    call.attr["Tout"].list.type.extend(output.type for output in called.output_arg)
    for index, output in enumerate(called.output_arg):
        signature.output_arg.add(name=f"output_{index}", type=output.type)
        definition.ret[f"output_{index}"] = f"call:output:{index}"
    signature.control_output.append("call")
    definition.control_ret["call"] = "call"
    context.context().add_function_def(definition)
    return signature.name
