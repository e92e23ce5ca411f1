import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.arch.spec import ArchSpec, Head, MBConv, Skip, Stem
from scarlet_tf.errors import InputError
from scarlet_tf.nets.standalone import build_model
from scarlet_tf.quantization.layers import DepthwiseRows, dilated_rows
from scarlet_tf.quantization.twin import build_twin


@pytest.mark.parametrize("name", ["hard_swish", "relu"])
def test_twin_computes_the_logits_of_its_source(name, build, images):
    source = build(name)
    logits = build_twin(source).model(images[:4], training=False)
    np.testing.assert_allclose(logits, source(images[:4], training=False), rtol=0, atol=1e-5)


def test_weights_that_the_twin_was_given_go_into_its_source(build, images):
    source = build("hard_swish")
    twin = build_twin(source)
    rng = np.random.default_rng(0)
    for variable in twin.model.weights:
        variable.assign(variable * rng.uniform(0.8, 1.2, variable.shape).astype(np.float32))
    expected = twin.model(images[:4], training=False)
    assert np.abs(expected - source(images[:4], training=False)).max() > 0.01
    twin.write()
    np.testing.assert_allclose(source(images[:4], training=False), expected, rtol=0, atol=1e-5)


def test_every_weight_is_linked_but_kernel_rows_that_only_meet_padding(build):
    source = build("hard_swish")
    twin = build_twin(source)
    linked = {}
    for link in twin.links:
        linked.setdefault(link.weight.path, set()).update(link.rows or {"all"})
    assert linked.keys() == {weight.path for weight in source.weights}
    in_parts = {path: rows for path, rows in linked.items() if rows != {"all"}}
    assert in_parts == {
        "slot_1/depthwise_kernel": set(range(7)),
        "slot_2/depthwise_kernel": set(range(7)),
        "slot_3/depthwise_kernel": set(range(7)),
        "slot_5/depthwise_kernel": {2, 3, 4},
    }


def test_a_stabilizer_has_no_twin():
    arch = ArchSpec("kept", Stem(8, stride=2), (MBConv(2, 3, 12), Skip(12)), Head(16))
    with pytest.raises(InputError, match="slot_1, a Stabilizer"):
        build_twin(build_model(arch, 16, 10, stabilizer="els"))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("rows", [(2, 3, 4), (1, 5), (0, 6)])
def test_rows_of_a_depthwise_kernel_are_the_rest_set_to_zero(rows, stride):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 9, 9, 5)), np.zeros((7, 7, 5, 1))
    kernel[list(rows)] = rng.normal(size=(len(rows), 7, 5, 1))
    padded, expected = np.pad(x, [(0, 0), (3, 3), (3, 3), (0, 0)]), np.zeros((2, 9, 9, 5))
    for i in range(9):
        for j in range(9):
            expected[:, i, j] = (padded[:, i : i + 7, j : j + 7] * kernel[..., 0]).sum((1, 2))
    layer = DepthwiseRows(rows, 7, stride)
    layer.build(x.shape)
    layer.set_weights([kernel[list(rows)]])
    result = layer(x.astype(np.float32))
    assert result.shape == layer.compute_output_shape(x.shape)
    np.testing.assert_allclose(result, expected[:, ::stride, ::stride], rtol=0, atol=1e-4)


def test_rows_are_dilated_only_while_they_are_traced_so(build):
    twin = build_twin(build("hard_swish"), quantised=True).model

    def dilations() -> list[int]:
        graph = tf.function(lambda x: twin(x, training=False)).get_concrete_function(tf.zeros((1, 32, 32, 3))).graph
        nodes = graph.as_graph_def().node
        return [node.attr["dilations"].list.i[1] for node in nodes if node.op == "DepthwiseConv2dNative"]

    before = dilations()
    assert set(before) == {1}
    with dilated_rows(twin):
        assert sorted(set(dilations())) == [1, 4, 6]
    assert dilations() == before
