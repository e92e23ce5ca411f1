import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from scarlet_tf.errors import InputError
from scarlet_tf.export.description import Description, Preprocessing
from scarlet_tf.export.savedmodel import write_savedmodel, write_signature


@pytest.fixture(scope="module")
def signatures(base_dir):
    loaded = tf.saved_model.load(base_dir / "1")
    yield loaded.signatures
    del loaded  # variables live as long as it does


@pytest.fixture(scope="module")
def meta_graph(base_dir):
    (meta_graph,) = SavedModel.FromString((base_dir / "1" / "saved_model.pb").read_bytes()).meta_graphs
    return meta_graph


def reached(meta_graph, signature):
    """The nodes that a signature runs: all that its outputs need, in the graph and in the functions called there."""
    functions = {function.signature.name: function.node_def for function in meta_graph.graph_def.library.function}
    by_name = {node.name: node for node in meta_graph.graph_def.node}
    waiting = [output.name.split(":")[0] for output in meta_graph.signature_def[signature].outputs.values()]
    nodes, seen, called = [], set(), []

    def take(node):
        nodes.append(node)
        called.extend(value.func.name for value in node.attr.values() if value.HasField("func"))

    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            take(by_name[name])
            waiting += [source.removeprefix("^").split(":")[0] for source in by_name[name].input]
    while called:
        name = called.pop()
        if name not in seen:
            seen.add(name)
            for node in functions[name]:
                take(node)
    return nodes


@pytest.mark.parametrize("batch", [1, 3])
def test_floats_of_any_batch_give_logits(signatures, network, batch, random_images, logits_of):
    images = random_images(batch)
    outputs = signatures["serving_default"](image=tf.constant(images))
    assert list(outputs) == ["logits"]
    np.testing.assert_allclose(outputs["logits"], logits_of(network, images), rtol=0, atol=1e-6)


def test_classes_are_the_likeliest_labels_with_the_scores_of_a_softmax(signatures, description, photos):
    logits = np.float64(signatures["image_bytes"](image_bytes=tf.constant(photos))["logits"])
    answer = signatures["classify"](image_bytes=tf.constant(photos))
    order = np.argsort(-logits, axis=1)[:, :5]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    assert set(answer) == {"classes", "scores"}
    labels = [[label.decode() for label in row] for row in answer["classes"].numpy()]
    assert labels == [[description.labels[index] for index in row] for row in order]
    np.testing.assert_allclose(answer["scores"], np.take_along_axis(probabilities, order, axis=1), rtol=1e-5)


def test_inputs_and_outputs_are_called_and_shaped_as_documented(meta_graph):
    def described(tensors):
        return {
            name: (tf.dtypes.as_dtype(info.dtype).name, [dim.size for dim in info.tensor_shape.dim])
            for name, info in tensors.items()
        }

    found = {
        name: (described(signature.inputs), described(signature.outputs))
        for name, signature in meta_graph.signature_def.items()
        if not name.startswith("__")
    }
    files, logits = {"image_bytes": ("string", [-1])}, {"logits": ("float32", [-1, 10])}
    assert found == {
        "serving_default": ({"image": ("float32", [-1, 28, 28, 3])}, logits),
        "image_bytes": (files, logits),
        "classify": (files, {"classes": ("string", [-1, 5]), "scores": ("float32", [-1, 5])}),
    }
    methods = {name: meta_graph.signature_def[name].method_name for name in found}
    assert set(methods.values()) == {"tensorflow/serving/predict"}
    assert list(meta_graph.meta_info_def.tags) == ["serve"]


def test_fewer_classes_than_five_are_all_given(tmp_path, random_images):
    inputs = keras.Input((28, 28, 3))
    outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(inputs))
    description = Description("small", ("a", "b", "c"), Preprocessing(28, "whole"))
    write_savedmodel(keras.Model(inputs, outputs), tmp_path / "1", description, random_images(1))
    signature = tf.saved_model.load(tmp_path / "1").signatures["classify"]
    assert [output.shape.as_list() for output in signature.structured_outputs.values()] == [[None, 3]] * 2


def test_every_weight_is_stored_once(base_dir, network):
    shapes = dict(tf.train.list_variables(str(base_dir / "1" / "variables" / "variables")))
    del shapes["_CHECKPOINTABLE_OBJECT_GRAPH"]
    assert sorted(map(tuple, shapes.values())) == sorted(tuple(weight.shape) for weight in network.weights)


def test_description_and_labels_travel_with_the_graph(base_dir, description):
    extra = base_dir / "1" / "assets.extra"
    content = (extra / "description.json").read_text(encoding="utf-8")
    assert Description.from_json(content, "description.json") == description
    assert json.loads(content)["preprocessing"]["resize"] == "centre_crop"
    assert tuple((extra / "labels.txt").read_text(encoding="utf-8").splitlines()) == description.labels


@pytest.mark.parametrize("signature", ["serving_default", "image_bytes", "classify"])
def test_nothing_of_training_is_run(meta_graph, signature):
    nodes = reached(meta_graph, signature)
    operations = {node.op for node in nodes}
    assert {"Conv2D", "FusedBatchNormV3", "ReadVariableOp"} <= operations  # so the walk comes to the network
    assert ("DecodeImage" in operations or "DecodePng" in operations) == (signature != "serving_default")
    assert not any(node.attr["is_training"].b for node in nodes if node.op == "FusedBatchNormV3")
    assert not [name for name in operations if "Random" in name or name.startswith("Assign") or "Dropout" in name]
    assert not [name for name in operations if "Hash" in name or "Lookup" in name or "PyFunc" in name]


def test_nothing_of_training_is_written_for_a_network_that_was_trained_here(tmp_path, build, random_images):
    network = build("strided")
    drop = keras.layers.Dropout(0.5, name="another")(network.output)
    model = keras.Model(network.input, drop)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(random_images(4), np.arange(4), verbose=0)
    description = Description("trained", tuple("abcdefghij"), Preprocessing(28))
    write_savedmodel(model, tmp_path / "1", description, random_images(1))
    stored = dict(tf.train.list_variables(str(tmp_path / "1" / "variables" / "variables")))
    assert len(stored) == len(network.weights) + 1  # with the graph of objects: no moments of Adam, no seed of dropout
    (meta_graph,) = SavedModel.FromString((tmp_path / "1" / "saved_model.pb").read_bytes()).meta_graphs
    functions = [node for function in meta_graph.graph_def.library.function for node in function.node_def]
    for node in (*meta_graph.graph_def.node, *functions):
        assert "Random" not in node.op
        assert node.op != "FusedBatchNormV3" or not node.attr["is_training"].b


def test_labels_that_are_too_few_are_refused(network, tmp_path, random_images):
    description = Description("sloths", ("sloth", "cat"), Preprocessing(28))
    with pytest.raises(InputError, match=r"--labels must have .* 10\. Received: 2"):
        write_savedmodel(network, tmp_path / "1", description, random_images(1))
    assert not (tmp_path / "1").exists()


def test_an_image_size_that_is_not_the_networks_is_refused(network, tmp_path, random_images, description):
    other = Description("sloths", description.labels, Preprocessing(32))
    with pytest.raises(ValueError, match=r"must be 28\. Received: 32"):
        write_savedmodel(network, tmp_path / "1", other, random_images(1))


def test_one_signature_of_a_fixed_batch_and_other_names_can_be_written(network, tmp_path):
    write_signature(network, tmp_path / "1", batch_size=2, names=("x", "y"))
    loaded = tf.saved_model.load(tmp_path / "1")
    assert list(loaded.signatures) == ["serving_default"]
    ((name, spec),) = loaded.signatures["serving_default"].structured_input_signature[1].items()
    assert (name, spec.shape.as_list()) == ("x", [2, 28, 28, 3])
    assert list(loaded.signatures["serving_default"].structured_outputs) == ["y"]
