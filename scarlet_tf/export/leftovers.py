"""What an artifact has that only training needs, or that a converter should have folded away.

A dropout or another random operator; a batch norm that takes its statistics from the batch; in a .tflite or .onnx file,
a batch norm that was not folded into its convolution, as an operator or as products and sums with a number a channel;
a stabilizer. A .keras file, which is there to train on, keeps its dropout.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scarlet_tf.export.operators import savedmodel_nodes

_ELEMENTWISE = ("MUL", "ADD", "SUB", "DIV")
_PRODUCTS = ("MatMul", "Gemm")  # of which an ONNX file may have the bias as a sum


def training_leftovers(path: str | Path) -> list[str]:
    """The names of such operators in a .tflite, .onnx or .keras file or a SavedModel's version directory, once for
    each."""
    path = Path(path)
    found = {".tflite": _tflite, ".onnx": _onnx, ".keras": _keras}.get(path.suffix, _savedmodel)
    return list(found(path))


def _is_random(name: str) -> bool:
    return any(word in name.lower() for word in ("random", "dropout", "multinomial", "bernoulli"))


def _tflite(path: Path) -> Iterator[str]:
    from ai_edge_litert import schema_py_generated as schema

    builtin = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    names = []
    for operator in model.operatorCodes:
        code = max(operator.builtinCode, operator.deprecatedBuiltinCode)  # the old field holds one byte
        custom = code == schema.BuiltinOperator.CUSTOM
        names.append(operator.customCode.decode() if custom else builtin[code])
    for graph in model.subgraphs:
        for operator in graph.operators:
            name = names[operator.opcodeIndex]
            if _is_random(name):
                yield name
            elif name in _ELEMENTWISE:
                inputs = [graph.tensors[index] for index in operator.inputs]
                # What is stored has content. Two numbers or more are one for each channel.
                stored = [tensor for tensor in inputs if model.buffers[tensor.buffer].data is not None]
                if any(np.prod(tensor.shape) > 1 for tensor in stored if tensor.shape is not None):
                    yield f"{name} by a number a channel"


def _onnx(path: Path) -> Iterator[str]:
    import onnx

    graph = onnx.load(path).graph
    stored = {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.initializer}
    made_by = {output: node.op_type for node in graph.node for output in node.output}
    for node in graph.node:
        if _is_random(node.op_type) or node.op_type == "BatchNormalization":
            yield node.op_type
        elif node.op_type.upper() in _ELEMENTWISE:
            is_bias = node.op_type == "Add" and any(made_by.get(name) in _PRODUCTS for name in node.input)
            if not is_bias and any(stored.get(name, 1) > 1 for name in node.input):
                yield f"{node.op_type} by a number a channel"


def _keras(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as file:
        layers = json.loads(file.read("config.json"))["config"]["layers"]
    return (layer["class_name"] for layer in layers if layer["class_name"] == "Stabilizer")


def _savedmodel(path: Path) -> Iterator[str]:
    for node in savedmodel_nodes(path):
        if _is_random(node.op) or node.op.startswith("Assign"):
            yield node.op
        elif node.op.startswith("FusedBatchNorm") and ("is_training" not in node.attr or node.attr["is_training"].b):
            yield f"{node.op} in training"  # which is the default, and defaults are not stored
