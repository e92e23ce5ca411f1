import numpy as np
import pytest

from scarlet_tf.nets.stabilizer import STABILIZERS, Stabilizer


def build(randomise, kind, filters, stride, channels, dtype="float64"):
    layer = Stabilizer(filters, stride, kind, dtype=dtype)
    layer.build((None, None, None, channels))
    return randomise(layer)


@pytest.mark.parametrize("kind", STABILIZERS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("filters", [3, 5, 8])
@pytest.mark.parametrize("size", [6, 7])
def test_stabilizer_is_a_matrix_on_every_pixel_kept(randomise, kind, stride, filters, size):
    layer = build(randomise, kind, filters, stride, channels=5)
    x = np.random.default_rng(0).normal(size=(2, size, size, 5))
    matrix = np.eye(5, filters) if kind == "skip" else np.asarray(layer.kernel)[0, 0]
    expected = x[:, ::stride, ::stride] @ matrix
    if kind == "els_relu":
        expected = np.maximum(expected, 0)
    else:
        np.testing.assert_array_equal(layer.matrix(), matrix)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-12, atol=1e-12)
    assert layer.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize("filters", [3, 5, 8])
def test_fresh_els_equals_plain_skip(filters):
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 5)).astype(np.float32)
    np.testing.assert_array_equal(Stabilizer(filters, 2, "els")(x), Stabilizer(filters, 2, "skip")(x))


@pytest.mark.parametrize("kind", STABILIZERS)
def test_stabilizer_comes_back_from_its_config(randomise, kind):
    layer = build(randomise, kind, filters=6, stride=2, channels=4)
    copy = Stabilizer.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 4))
    copy.build(x.shape)
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(copy(x), layer(x))


def test_els_relu_has_no_matrix(randomise):
    with pytest.raises(ValueError, match="no linear map"):
        build(randomise, "els_relu", 4, 1, 4).matrix()


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"kind must be one of .* Received: 'conv'"):
        Stabilizer(4, kind="conv")
