"""Kernels of a .tflite file as float16: half the size, at next to none of the error.

The converter's own float16 rounds every constant. What that costs a network with squeeze-excite is nearly all the
rounding of a few numbers: the 1/6 in its gates, which is off in the same direction for every channel of every block,
and the biases. Here those stay float32, and kernels, of which each output averages many roundings, become float16. As
in a file of the converter, a DEQUANTIZE follows each: XNNPACK does it once, when the file is loaded. The converter's
names of constants and of what was fused, a hundredth of a small network's file, are left out.
"""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"
_MAX_FLOAT16 = float(np.finfo(np.float16).max)


def with_half_kernels(content: bytes | bytearray) -> bytearray:
    """The content of a float32 .tflite file with its constants of two axes or more as float16.

    One that float16 cannot hold, with a number above 65504, stays float32.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(content)))
    for graph in model.subgraphs:
        _shorten_names(model, graph)
        halves = {}
        for index, tensor in enumerate(list(graph.tensors)):
            half = _half(model, tensor)
            if half is not None:
                graph.tensors.append(half)
                halves[index] = len(graph.tensors) - 1
        if not halves:
            continue
        dequantize = _dequantize_code(model)
        made = []
        for index, half_index in halves.items():
            graph.tensors[index].buffer = 0  # without content: DEQUANTIZE makes it
            operator = schema.OperatorT()
            operator.opcodeIndex, operator.inputs, operator.outputs = dequantize, [half_index], [index]
            made.append(operator)
        graph.operators = made + graph.operators
    _drop_empty_buffers(model)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return builder.Output()


def _shorten_names(model: schema.ModelT, graph: schema.SubGraphT) -> None:
    """Leaves a constant without a name, and any other tensor with the first of those that the converter joined."""
    for tensor in graph.tensors:
        is_constant = model.buffers[tensor.buffer].data is not None
        tensor.name = None if is_constant else tensor.name.split(b";")[0]
        tensor.quantization = None  # of floats: a table without content


def _half(model: schema.ModelT, tensor: schema.TensorT) -> schema.TensorT | None:
    """A float16 constant like `tensor`, with a buffer of its own; None where it is none or is to stay."""
    data = model.buffers[tensor.buffer].data
    if data is None or tensor.type != schema.TensorType.FLOAT32 or len(tensor.shape) < 2:
        return None
    values = np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.float32)
    if np.abs(values).max(initial=0.0) > _MAX_FLOAT16:
        return None
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.astype(np.float16).tobytes(), np.uint8)
    model.buffers.append(buffer)
    half = schema.TensorT()
    half.shape, half.type, half.buffer = tensor.shape, schema.TensorType.FLOAT16, len(model.buffers) - 1
    half.hasRank = tensor.hasRank
    return half


def _dequantize_code(model: schema.ModelT) -> int:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 3  # the first that takes float16
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _drop_empty_buffers(model: schema.ModelT) -> None:
    """Leaves the buffers with content that is used, after buffer 0, which by the format is empty and for all others."""
    users = [tensor for graph in model.subgraphs for tensor in graph.tensors] + list(model.metadata or ())
    used = sorted({user.buffer for user in users if model.buffers[user.buffer].data is not None})
    kept = {index: position for position, index in enumerate(used, start=1)}
    for user in users:
        user.buffer = kept.get(user.buffer, 0)
    model.buffers = [schema.BufferT()] + [model.buffers[index] for index in used]
