"""Fewer nodes for the same function, where others write an ONNX graph of NCHW convolutions better than tf2onnx.

Each rewrite is equal up to the rounding of a float32.
"""

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper, numpy_helper

HARD_SWISH_OPSET = 14
"""The first that has HardSwish."""

_OWN_PADS = (b"NOTSET", b"VALID")
"""`auto_pad` of a convolution that says itself how it pads."""

_ROLES = {"Conv": {1: "weight", 2: "bias"}, "MatMul": {1: "weight"}, "Add": {1: "bias"}}
"""What inputs of a node are, by their index."""

_COUNTED = re.compile(r"_\d+$")
"""What Keras adds to a layer's name each time that it is called."""


class _Graph:
    """A graph's nodes by what they make and its constants, while nodes are replaced."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.makers = {output: node for node in graph.node for output in node.output}
        self.outputs = {value.name for value in graph.output}
        self.uses = Counter(name for node in graph.node for name in node.input)

    def constant(self, name: str) -> np.ndarray | None:
        tensor = self.constants.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor)

    def is_number(self, name: str, value: float) -> bool:
        """Whether `name` is a constant of one element, `value` as a float32."""
        held = self.constant(name)
        return held is not None and held.size == 1 and np.float32(held.item()) == np.float32(value)

    def operand(self, node: onnx.NodeProto | None, op_type: str, number: float) -> str | None:
        """What a commutative node `op_type` takes beside the constant `number`; None for any other node."""
        if node is None or node.op_type != op_type:
            return None
        for own, other in (node.input, reversed(node.input)):
            if self.is_number(other, number):
                return own
        return None

    def replace(self, node: onnx.NodeProto, op_type: str, inputs: Iterable[str], **attributes: object) -> None:
        """Makes `node` an `op_type`, with the same output."""
        made = helper.make_node(op_type, list(inputs), list(node.output), node.name, **attributes)
        node.CopyFrom(made)

    def drop(self, node: onnx.NodeProto) -> None:
        """Has whatever reads `node` read its first input instead."""
        (output,) = node.output
        for reader in self.graph.node:
            for index, name in enumerate(reader.input):
                if name == output:
                    reader.input[index] = node.input[0]

    def drop_unused(self) -> None:
        """Removes nodes and constants that no output depends on."""
        used, kept = set(self.outputs), []
        for node in reversed(self.graph.node):  # sorted: makers before readers
            if used & set(node.output):
                kept.append(node)
                used |= set(node.input)
        kept.reverse()
        constants = [tensor for tensor in self.graph.initializer if tensor.name in used]
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(kept)
        self.graph.initializer.extend(constants)


def simplify(model: onnx.ModelProto) -> None:
    """Rewrites `model` in place.

    `relu6(x + 3) / 6` becomes HardSigmoid, and `x` times that, from opset 14 on, HardSwish; the padding before a
    convolution becomes its own; a Reshape to the shape that its input has goes, and a batch norm that tf2onnx could not
    fold into the convolution before it, for such a Reshape between them.
    """
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    graph = _Graph(model.graph)
    shapes = _shapes(model)
    for node in model.graph.node:
        _hard_sigmoid(graph, node)
        if opset >= HARD_SWISH_OPSET:
            _hard_swish(graph, node)
        if node.op_type == "Conv":
            _padding(graph, node)
        elif node.op_type == "Reshape":
            target = graph.constant(node.input[1])
            shape = shapes.get(node.input[0])
            if target is not None and shape and [-1, *shape[1:]] == target.tolist():
                graph.drop(node)
        elif node.op_type == "BatchNormalization":
            _batch_norm(graph, node)
    graph.drop_unused()


def rename(model: onnx.ModelProto, name: str, layers: Iterable[str]) -> None:
    """Names the graph `name`, and its nodes and constants after the layers that they are of, and puts the constants in
    the order of their use, in place.

    tf2onnx counts names up over a process: without this, the same network would give other bytes each time.
    """
    graph, layers, taken, names = model.graph, set(layers), Counter(), {}
    graph.name, graph.doc_string = name, ""
    names |= {value.name: value.name for value in (*graph.input, *graph.output)}

    def free(wanted: str) -> str:
        taken[wanted] += 1
        return wanted if taken[wanted] == 1 else f"{wanted}_{taken[wanted] - 1}"

    constants = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        scopes = {scope if scope in layers else _COUNTED.sub("", scope) for scope in node.name.split("/")} & layers
        node.name = free("/".join([*sorted(scopes), node.op_type]))
        for index, used in enumerate(node.input):
            if used in constants and used not in names:
                names[used] = free(f"{node.name}.{_ROLES.get(node.op_type, {}).get(index, index)}")
        names |= {output: node.name for output in node.output if output not in names}
        node.input[:] = [names[used] if used else used for used in node.input]
        node.output[:] = [names[output] for output in node.output]
    first_used = list(dict.fromkeys(used for node in graph.node for used in node.input))
    tensors = {}
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
        tensors[tensor.name] = tensor
    ordered = [tensors[used] for used in first_used if used in tensors]
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(ordered)


def _shapes(model: onnx.ModelProto) -> dict[str, list[int | None]]:
    """The shapes of tensors, as far as they can be told; None for an unknown size."""
    values = onnx.shape_inference.infer_shapes(model).graph.value_info
    return {
        value.name: [dim.dim_value if dim.HasField("dim_value") else None for dim in value.type.tensor_type.shape.dim]
        for value in values
    }


def _hard_sigmoid(graph: _Graph, node: onnx.NodeProto) -> None:
    clip = graph.makers.get(graph.operand(node, "Mul", 1 / 6))
    if clip is None or clip.op_type != "Clip" or len(clip.input) != 3:
        return
    value, low, high = clip.input
    x = graph.operand(graph.makers.get(value), "Add", 3)
    if x is not None and graph.is_number(low, 0) and graph.is_number(high, 6):
        graph.replace(node, "HardSigmoid", [x], alpha=1 / 6, beta=0.5)


def _hard_swish(graph: _Graph, node: onnx.NodeProto) -> None:
    if node.op_type != "Mul":
        return
    for x, gate in (node.input, reversed(node.input)):
        maker = graph.makers.get(gate)
        if maker is not None and maker.op_type == "HardSigmoid" and maker.input[0] == x:
            graph.replace(node, "HardSwish", [x])
            return


def _batch_norm(graph: _Graph, norm: onnx.NodeProto) -> None:
    conv = graph.makers.get(norm.input[0])
    if conv is None or conv.op_type != "Conv" or graph.uses[conv.output[0]] != 1 or norm.output[0] in graph.outputs:
        return
    values = [graph.constant(name) for name in (conv.input[1], *conv.input[2:], *norm.input[1:])]
    if any(value is None for value in values):
        return
    weight, *biases, gamma, beta, mean, variance = (np.float64(value) for value in values)
    epsilon = next((attribute.f for attribute in norm.attribute if attribute.name == "epsilon"), 1e-5)
    scale = gamma / np.sqrt(variance + epsilon)
    folded = {
        "weight": weight * scale.reshape(-1, *[1] * (weight.ndim - 1)),
        "bias": beta + (sum(biases) - mean) * scale,
    }
    for role, value in folded.items():
        tensor = numpy_helper.from_array(value.astype(np.float32), f"{norm.output[0]}/{role}")
        graph.graph.initializer.append(tensor)
        graph.constants[tensor.name] = tensor
    conv.input[:] = [conv.input[0], *(f"{norm.output[0]}/{role}" for role in folded)]
    graph.drop(norm)


def _padding(graph: _Graph, conv: onnx.NodeProto) -> None:
    pad = graph.makers.get(conv.input[0])
    if pad is None or pad.op_type != "Pad" or len(pad.input) < 2:
        return
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in conv.attribute}
    mode = next((helper.get_attribute_value(a) for a in pad.attribute if a.name == "mode"), b"constant")
    amounts = graph.constant(pad.input[1])
    zero = len(pad.input) < 3 or not pad.input[2] or graph.is_number(pad.input[2], 0)
    if mode != b"constant" or not zero or amounts is None or attributes.get("auto_pad", b"NOTSET") not in _OWN_PADS:
        return
    before, after = amounts[: len(amounts) // 2], amounts[len(amounts) // 2 :]
    if any(before[:2]) or any(after[:2]) or min(amounts) < 0:
        return
    own = attributes.pop("pads", [0] * (len(amounts) - 4))
    attributes.pop("auto_pad", None)
    pads = [int(a) + b for a, b in zip([*before[2:], *after[2:]], own, strict=True)]
    graph.replace(conv, "Conv", [pad.input[0], *conv.input[1:]], pads=pads, **attributes)
