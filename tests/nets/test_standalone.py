import keras
import numpy as np
import pytest

from scarlet_tf.arch import count, get_arch, get_space
from scarlet_tf.nets.stabilizer import STABILIZERS, Stabilizer
from scarlet_tf.nets.standalone import build_model
from scarlet_tf.nets.supernet import build_supernet

PUBLISHED_PARAMS = {  # millions, of 1000 classes
    "scarlet_a": (get_arch("scarlet_a"), 6.708),
    "scarlet_b": (get_arch("scarlet_b"), 6.532),
    "scarlet_c": (get_arch("scarlet_c"), 6.074),
    "s1, all skip": (get_space("s1").decode((6,) * 19), 1.306),
    "s1, all E6 K7": (get_space("s1").decode((5,) * 19), 5.090),
}


def trainable_params(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("name", PUBLISHED_PARAMS)
def test_params_of_the_model_are_the_published_ones(name):
    arch, millions = PUBLISHED_PARAMS[name]
    params = trainable_params(build_model(arch))
    assert round(params / 1e6, 3) == millions
    assert params == count(arch).params


@pytest.mark.parametrize("space_name", ["s1", "s2", "small", "nas_bench_macro", "tiny", "without_skip", "chain"])
def test_params_of_random_genotypes_equal_those_counted(request, space_name):
    named = space_name in ("s1", "s2", "small", "nas_bench_macro")
    space = (
        get_space(space_name)
        if named
        else request.getfixturevalue(space_name + "_space" * (space_name in ("tiny", "chain")))
    )
    rng = np.random.default_rng(0)
    for skip_probability in (0.0, 0.3, 0.5, 0.9):
        genotype = tuple(
            space.skip_index if space.skip_index is not None and rng.random() < skip_probability else choice
            for choice in space.sample(rng)
        )
        arch = space.decode(genotype)
        assert trainable_params(build_model(arch, 64, 7)) == count(arch, 64, 7).params
        kept = build_model(arch, 64, 7, stabilizer="els")
        assert trainable_params(kept) == count(arch, 64, 7, stabilizers=True).params


def test_name_builds_the_published_network():
    model = build_model("scarlet_c", 32, 10)
    assert model.name == "scarlet_c"
    assert model.inputs[0].name == "image"
    assert model.inputs[0].shape == (None, 32, 32, 3)
    assert model.output_names == ["logits"]
    assert model.outputs[0].shape == (None, 10)
    skipped = [3, 4, 8 + 7]
    names = {layer.name for layer in model.layers}
    assert {f"slot_{slot}" for slot in range(19)} - names == {f"slot_{slot}" for slot in skipped}


@pytest.mark.parametrize("stabilizer", [None, "els", "els_relu"])
@pytest.mark.parametrize("genotype", [(0, 2, 1, 2, 3), (2, 2, 0, 2, 2), (2,) * 5, (3, 1, 0, 1, 1)])
def test_network_comes_back_from_its_file(tiny_space, randomise, tmp_path, genotype, stabilizer):
    model = randomise(build_model(tiny_space.decode(genotype), 9, 5, stabilizer=stabilizer))
    stabilizers = [layer for layer in model.layers if isinstance(layer, Stabilizer)]
    assert len(stabilizers) == (0 if stabilizer is None else genotype.count(2))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(3, 9, 9, 3)).astype(np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))
    assert np.ptp(model(x), axis=0).min() > 0


@pytest.mark.parametrize("stabilizer", STABILIZERS)
@pytest.mark.parametrize("genotype", [(0, 2, 1, 2, 3), (2, 2, 0, 2, 2), (2,) * 5])
def test_network_with_stabilizers_is_the_supernets_path(tiny_space, randomise, genotype, stabilizer):
    supernet = randomise(build_supernet(tiny_space, 9, 5, stabilizer))
    model = build_model(tiny_space.decode(genotype), 9, 5, stabilizer=stabilizer)
    layers = {"stem": supernet.stem} | {layer.name: layer for layer in supernet.head}
    for slot, choice in enumerate(genotype):
        layers[f"slot_{slot}"] = supernet.slots[slot].candidates[choice]
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(layers[layer.name].get_weights())
    x = np.random.default_rng(0).normal(size=(3, 9, 9, 3)).astype(np.float32)
    expected = np.asarray(supernet(x, path=genotype))
    np.testing.assert_allclose(model(x), expected, atol=1e-5 * np.abs(expected).max())
    assert np.ptp(expected, axis=0).min() > 0


def test_fresh_network_is_the_same_function_with_els_inside_stages_as_without(tiny_space):
    arch = tiny_space.decode((0, 2, 1, 3, 2))
    x = np.random.default_rng(0).normal(size=(3, 9, 9, 3)).astype(np.float32)
    logits = {}
    for stabilizer in (None, "els", "els_relu"):
        keras.utils.set_random_seed(0)
        logits[stabilizer] = np.asarray(build_model(arch, 9, 5, stabilizer=stabilizer)(x))
    np.testing.assert_array_equal(logits["els"], logits[None])
    assert np.abs(logits["els_relu"] - logits[None]).max() > 1e-3 * np.abs(logits[None]).max()


def test_unknown_stabilizer_is_refused(tiny_space):
    with pytest.raises(ValueError, match="Received: 'none'"):
        build_model(tiny_space.decode((0, 2, 1, 3, 2)), 9, 5, stabilizer="none")


def test_shapes_of_a_model_are_those_of_its_tensors(tiny_space):
    """The layers state their shapes; a call must agree."""
    model = build_model(tiny_space.decode((2, 1, 0, 2, 3)), 9, 5)
    inner = keras.Model(model.inputs, [layer.output for layer in model.layers[1:]])
    for stated, tensor in zip(inner.outputs, inner(np.zeros((2, 9, 9, 3), np.float32)), strict=True):
        assert tuple(stated.shape[1:]) == tuple(tensor.shape[1:])


def test_image_below_the_product_of_the_strides_is_refused():
    with pytest.raises(ValueError, match=r"image_size must be at least 32, .* scarlet_a\. Received: 31"):
        build_model("scarlet_a", 31)


def test_unknown_network_is_refused():
    with pytest.raises(ValueError, match="Received: 'scarlet_z'"):
        build_model("scarlet_z")
