"""An ONNX file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import onnx
import tensorflow as tf
import tf2onnx
from tf2onnx.optimizer.transpose_optimizer import TransposeOptimizer

from scarlet_tf.files import replacing

MAX_TRANSPOSES = 2
"""NHWC to NCHW after the input and back before the output. More means that the optimizer gave up."""


class _TransposeOptimizer(TransposeOptimizer):
    """tf2onnx's own takes any constant added to a bias-less Conv for a bias and fails on a scalar, the `+ 3`
    in a hard-sigmoid, once a zero bias before it is folded away. A Transpose then stays around every Conv."""

    def _add_handler(self, trans, node):
        addend = node.inputs[1]
        if addend.is_const() and addend.get_tensor_value(as_list=False).ndim == 0:
            return self._handle_node_having_branches(trans, node)
        return super()._add_handler(trans, node)


@contextmanager
def _transposes_of_scalars_optimized() -> Iterator[None]:
    optimizers = tf2onnx.optimizer._get_optimizers()  # from_function takes no optimizers
    theirs = optimizers["optimize_transpose"]
    optimizers["optimize_transpose"] = _TransposeOptimizer
    try:
        yield
    finally:
        optimizers["optimize_transpose"] = theirs


def write_onnx(model: keras.Model, path: str | Path, opset: int = 17) -> Path:
    """Writes `model` to `path` and returns it: input `image` (float32 NHWC), output `logits`, any `batch`.

    Raises RuntimeError where the graph is left with Transposes inside the network.
    """
    image = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="image")
    function = tf.function(lambda image: {"logits": model(image, training=False)})
    with _transposes_of_scalars_optimized():
        proto, _ = tf2onnx.convert.from_function(function, input_signature=[image], opset=opset)
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(proto, full_check=True)
    transposes = sum(node.op_type == "Transpose" for node in proto.graph.node)
    if transposes > MAX_TRANSPOSES:
        raise RuntimeError(
            f"The ONNX graph of {model.name} should have at most {MAX_TRANSPOSES} Transposes. It has "
            f"{transposes}: tf2onnx could not move them out of the network."
        )
    with replacing(path) as temporary:
        onnx.save(proto, temporary)
    return Path(path)
