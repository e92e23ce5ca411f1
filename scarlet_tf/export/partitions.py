"""How much of a TFLite file XNNPACK takes over: between its partitions, activations change hands and layout."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from scarlet_tf.export.runtimes import notices_dropped


@dataclass(frozen=True)
class Partitions:
    """`count` of partitions that the delegate runs, and how many of which operators are `left` to LiteRT itself."""

    count: int
    left: dict[str, int]


def partitions(path: str | Path) -> Partitions:
    """The partitions of a .tflite file under LiteRT's XNNPACK delegate, as it is by default on CPUs."""
    from ai_edge_litert.interpreter import Interpreter

    with notices_dropped():
        interpreter = Interpreter(model_path=str(path))
        interpreter.allocate_tensors()
    nodes = interpreter._get_ops_details()  # the file's operators, then a DELEGATE for each partition
    delegates = [node for node in nodes if node["op_name"] == "DELEGATE"]
    operators = [node for node in nodes if node["op_name"] != "DELEGATE"]
    producer = {tensor: node for node in operators for tensor in node["outputs"]}
    taken = set()
    for delegate in delegates:
        given, wanted = set(delegate["inputs"].tolist()), delegate["outputs"].tolist()
        while wanted:
            tensor = wanted.pop()
            node = producer.get(tensor)
            if tensor not in given and node is not None and node["index"] not in taken:
                taken.add(node["index"])
                wanted += node["inputs"].tolist()
    left = Counter(node["op_name"] for node in operators if node["index"] not in taken)
    return Partitions(len(delegates), dict(left.most_common()))
