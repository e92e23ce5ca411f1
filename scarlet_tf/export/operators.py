"""What an artifact is made of: its operators, counted by name, read from the file without running it."""

import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef

# Nodes of a TensorFlow graph that compute nothing.
_BOOKKEEPING = {"Const", "Identity", "NoOp", "Placeholder", "ReadVariableOp"}


def operators(path: str | Path) -> dict[str, int]:
    """Count of each operator in a .tflite or .onnx file or a SavedModel's version directory, or of each layer
    class in a .keras file; the most frequent first."""
    path = Path(path)
    count = {".tflite": _tflite, ".onnx": _onnx, ".keras": _keras}.get(path.suffix, _savedmodel)
    return dict(Counter(count(path)).most_common())


def tflite_operators(content: bytes | bytearray) -> dict[str, int]:
    """Count of each operator in the content of a .tflite file; `CUSTOM:name` for a custom one."""
    from ai_edge_litert import schema_py_generated as schema

    builtin = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    model = schema.Model.GetRootAs(content)
    names = []
    for index in range(model.OperatorCodesLength()):
        operator = model.OperatorCodes(index)
        # The old field holds one byte; newer operators only fit the new one.
        code = max(operator.BuiltinCode(), operator.DeprecatedBuiltinCode())
        custom = code == schema.BuiltinOperator.CUSTOM
        names.append(f"CUSTOM:{operator.CustomCode().decode()}" if custom else builtin[code])
    graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
    return Counter(
        names[graph.Operators(index).OpcodeIndex()] for graph in graphs for index in range(graph.OperatorsLength())
    )


def _tflite(path: Path) -> dict[str, int]:
    return tflite_operators(path.read_bytes())


def _onnx(path: Path) -> dict[str, int]:
    import onnx

    return Counter(node.op_type for node in onnx.load(path).graph.node)


def _keras(path: Path) -> dict[str, int]:
    with zipfile.ZipFile(path) as file:
        layers = json.loads(file.read("config.json"))["config"]["layers"]
    return Counter(layer["class_name"] for layer in layers)


def savedmodel_nodes(path: Path) -> Iterator["NodeDef"]:
    """The nodes that compute the output of `serving_default` of the SavedModel in `path`, those of the functions that
    it calls in the place of the calls."""
    from tensorflow.core.protobuf import saved_model_pb2

    meta_graph = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes()).meta_graphs[0]
    functions = {function.signature.name: function for function in meta_graph.graph_def.library.function}

    def walk(node: "NodeDef") -> Iterator["NodeDef"]:
        if node.op.endswith("PartitionedCall"):
            for inner in functions[node.attr["f"].func.name].node_def:
                yield from walk(inner)
        elif node.op not in _BOOKKEEPING:
            yield node

    (output,) = meta_graph.signature_def["serving_default"].outputs.values()
    (call,) = (node for node in meta_graph.graph_def.node if node.name == output.name.split(":")[0])
    yield from walk(call)


def _savedmodel(path: Path) -> dict[str, int]:
    return Counter(node.op for node in savedmodel_nodes(path))
