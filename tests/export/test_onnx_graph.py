"""Rewrites of ONNX graphs: what becomes of them, that they compute the same, and what is left alone."""

import numpy as np
import onnx
import pytest
from onnx import parser
from onnx.reference import ReferenceEvaluator

from scarlet_tf.export.onnx_graph import simplify

IMAGE = np.random.default_rng(0).normal(0, 4, (2, 3, 5, 6)).astype(np.float32)


def model(body: str, opset: int = 17) -> onnx.ModelProto:
    """x (N, 3, 5, 6) to y, with constants to name in `body`."""
    constants = ", ".join(
        [
            "float zero = {0}, float three = {3}, float six = {6}, float sixth = {0.16666667}, float five = {5}",
            "float[1,1,1,1] row_of_three = {3}, int64[8] pads = {0,0,1,2,0,0,1,2}, int64[4] same = {-1,3,5,6}",
            "int64[8] channels = {0,1,0,0,0,0,0,0}, int64[4] other = {-1,3,6,5}",
            f"float[3,1,3,3] kernel = {{{', '.join(str(value / 27) for value in range(27))}}}",
            f"float[3,4,1,1] wide = {{{', '.join(str(value / 12) for value in range(12))}}}",
        ]
    )
    made = parser.parse_model(
        f'<ir_version: 8, opset_import: ["": {opset}]> agraph (float[N,3,5,6] x) => (float[N,3,a,b] y) '
        f"<{constants}> {{ {body} }}"
    )
    onnx.checker.check_model(made)
    return made


def simplified(body: str, opset: int = 17) -> tuple[list[str], onnx.ModelProto]:
    """The kinds of nodes that are left, once it is known that they compute the same."""
    before, after = model(body, opset), model(body, opset)
    simplify(after)
    onnx.checker.check_model(after, full_check=True)
    expected, computed = (ReferenceEvaluator(one).run(None, {"x": IMAGE})[0] for one in (before, after))
    np.testing.assert_allclose(computed, expected, rtol=1e-6, atol=1e-6)
    return [node.op_type for node in after.graph.node], after


SIGMOID = "s = Add(x, three) c = Clip(s, zero, six) {} = Mul(c, sixth)"
SWISH = SIGMOID.format("g") + " y = Mul(x, g)"


def test_hard_sigmoid_is_one_node():
    assert simplified(SIGMOID.format("y"))[0] == ["HardSigmoid"]
    assert simplified("s = Add(row_of_three, x) c = Clip(s, zero, six) y = Mul(sixth, c)")[0] == ["HardSigmoid"]


@pytest.mark.parametrize(("opset", "kinds"), [(13, ["HardSigmoid", "Mul"]), (14, ["HardSwish"]), (17, ["HardSwish"])])
def test_hard_swish_is_one_node_where_there_is_one(opset, kinds):
    assert simplified(SWISH, opset)[0] == kinds
    assert simplified(SWISH.replace("Mul(x, g)", "Mul(g, x)"), opset)[0] == kinds


def test_a_gate_that_something_else_needs_is_kept():
    kinds, _ = simplified(SIGMOID.format("g") + " h = Mul(x, g) y = Add(g, h)")
    assert sorted(kinds) == ["Add", "HardSigmoid", "HardSwish"]


@pytest.mark.parametrize(
    "body",
    [
        SWISH.replace("three)", "five)"),
        SWISH.replace("six)", "five)"),
        SWISH.replace("zero", "three"),
        SWISH.replace("sixth", "five"),
        SWISH.replace("Clip(s, zero, six)", "Clip(s, zero)"),
        SWISH.replace("Add(x, three)", "Sub(x, three)"),
    ],
)
def test_what_only_looks_like_an_activation_is_left(body):
    kinds, _ = simplified(body)
    assert len(kinds) == 4
    assert not {"HardSigmoid", "HardSwish"} & set(kinds)


def test_a_gate_of_another_tensor_is_no_hard_swish():
    assert simplified("n = Neg(x) " + SIGMOID.format("g") + " y = Mul(n, g)")[0] == ["Neg", "HardSigmoid", "Mul"]


def test_padding_is_the_convolutions():
    kinds, after = simplified("p = Pad(x, pads) y = Conv<group = 3, pads = [1, 0, 1, 0]>(p, kernel)")
    assert kinds == ["Conv"]
    (pads,) = (attribute.ints for attribute in after.graph.node[0].attribute if attribute.name == "pads")
    assert list(pads) == [2, 2, 2, 2]
    assert {tensor.name for tensor in after.graph.initializer} == {"kernel"}


@pytest.mark.parametrize(
    "padding", ["Pad(x, pads, five)", 'Pad<mode = "reflect">(x, pads)', 'Pad<mode = "edge">(x, pads, zero)']
)
def test_padding_by_other_than_zeros_is_left(padding):
    assert simplified(f"p = {padding} y = Conv<group = 3>(p, kernel)")[0] == ["Pad", "Conv"]


def test_padding_of_channels_is_left():
    assert simplified("p = Pad(x, channels) y = Conv(p, wide)")[0] == ["Pad", "Conv"]


def test_a_padded_tensor_that_something_else_needs_is_kept():
    kinds, _ = simplified("p = Pad(x, pads) c = Conv<group = 3>(p, kernel) r = ReduceMean(p) y = Add(c, r)")
    assert sorted(kinds) == ["Add", "Conv", "Pad", "ReduceMean"]


def test_a_reshape_to_the_same_shape_goes_and_another_stays():
    assert simplified("r = Relu(x) s = Reshape(r, same) y = Neg(s)")[0] == ["Relu", "Neg"]
    assert simplified("r = Relu(x) s = Reshape(r, other) y = Neg(s)")[0] == ["Relu", "Reshape", "Neg"]
    assert simplified("r = Relu(x) y = Reshape(r, same)")[0] == ["Relu", "Reshape"]  # which makes the output
