"""An ONNX file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import onnx
import tensorflow as tf
import tf2onnx
from onnx import helper, version_converter
from tf2onnx.optimizer.transpose_optimizer import TransposeOptimizer

from scarlet_tf.export.description import Description
from scarlet_tf.export.onnx_graph import rename, simplify
from scarlet_tf.export.onnx_metadata import add_metadata
from scarlet_tf.export.settings import check_onnx
from scarlet_tf.files import replacing

MAX_TRANSPOSES = {"nhwc": 2, "nchw": 1}
"""By layout: NHWC to NCHW after the input, if it is not that, and seldom one that the optimizer left. More mean that it
gave up."""

_NEWEST_CONVERTED = 17
"""tf2onnx's best opset: from 18 on it writes a mean that onnxruntime computes in another layout, with Transposes."""


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


def write_onnx(
    model: keras.Model,
    path: str | Path,
    description: Description | None = None,
    opset: int = 17,
    layout: str = "nhwc",
) -> Path:
    """Writes `model` to `path` and returns it: input `image` (batch, s, s, 3) float32, or with the layout "nchw"
    (batch, 3, s, s), output `logits`, any `batch`.

    The same model gives the same bytes. Raises InputError for an opset or a layout that there is not, RuntimeError
    where the graph is left with Transposes inside the network.
    """
    check_onnx(opset, layout)
    image = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="image")
    function = tf.function(lambda image: {"logits": model(image, training=False)})
    # Names end in a number that counts on through a process, and orders go by names: from 1, all is as in a new one.
    tf2onnx.utils.INTERNAL_NAME = 1
    with _transposes_of_scalars_optimized():
        proto, _ = tf2onnx.convert.from_function(
            function,
            input_signature=[image],
            opset=min(opset, _NEWEST_CONVERTED),
            inputs_as_nchw=["image"] if layout == "nchw" else None,
        )
    simplify(proto)
    if opset > _NEWEST_CONVERTED:
        proto = version_converter.convert_version(proto, opset)
    del proto.opset_import[:]  # with domains that have no node in it
    proto.opset_import.append(helper.make_opsetid("", opset))
    proto.ir_version = helper.find_min_ir_version_for(proto.opset_import)
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    rename(proto, model.name, [layer.name for layer in model.layers])
    add_metadata(proto, description)
    onnx.checker.check_model(proto, full_check=True)
    transposes = sum(node.op_type == "Transpose" for node in proto.graph.node)
    if transposes > MAX_TRANSPOSES[layout]:
        raise RuntimeError(
            f"The ONNX graph of {model.name} should have at most {MAX_TRANSPOSES[layout]} Transposes. It has "
            f"{transposes}: tf2onnx could not move them out of the network."
        )
    with replacing(path) as temporary:
        temporary.write_bytes(proto.SerializeToString(deterministic=True))
    return Path(path)
