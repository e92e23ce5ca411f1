import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf import build_supernet
from scarlet_tf.arch import SKIP
from scarlet_tf.nets.blocks import InvertedBottleneck, ProjectionConv
from scarlet_tf.nets.stabilizer import STABILIZERS, Stabilizer
from scarlet_tf.nets.supernet import Supernet

SKIPPED = 2  # the choice of the tiny space that skips


@pytest.fixture
def images():
    return np.random.default_rng(3).normal(size=(3, 8, 8, 3)).astype(np.float32)


def composed(supernet, images, path, shortcuts):
    """The logits of `path` from the candidates themselves, with shortcuts as the test says."""
    x = supernet.stem(images)
    for block, choice, shortcut in zip(supernet.slots, path, shortcuts, strict=True):
        candidate = block.candidates[choice]
        x = candidate(x, shortcut=shortcut) if isinstance(candidate, InvertedBottleneck) else candidate(x)
    for layer in supernet.head:
        x = layer(x)
    return x


@pytest.mark.parametrize(
    ("path", "shortcuts"),
    [
        ((0, 1, 3, 0, 1), (False, True, True, False, True)),
        ((SKIPPED, 1, 3, 0, 1), (False, False, True, False, True)),
        ((SKIPPED, SKIPPED, 3, SKIPPED, 1), (False, False, False, False, False)),
        ((0, SKIPPED, 3, SKIPPED, 0), (False, False, True, False, False)),
        ((SKIPPED, 0, SKIPPED, 1, 3), (False, False, False, False, True)),
    ],
)
@pytest.mark.parametrize("stabilizer", STABILIZERS)
def test_shortcut_is_on_after_a_block_of_the_same_stage(tiny_space, randomise, images, stabilizer, path, shortcuts):
    supernet = randomise(build_supernet(tiny_space, 8, 5, stabilizer))
    expected = composed(supernet, images, path, shortcuts)
    np.testing.assert_allclose(supernet(images, path=path), expected, rtol=1e-6, atol=1e-6)
    wrong = composed(supernet, images, path, [not block.starts_stage for block in supernet.slots])
    assert np.allclose(expected, wrong, atol=1e-3) == (shortcuts == (False, True, True, False, True))


@pytest.mark.parametrize("path", [(SKIPPED, 1, 3, 0, 1), (SKIPPED, SKIPPED, 3, SKIPPED, 1), (SKIPPED,) * 5])
def test_shortcut_is_on_after_a_projection(with_projections, randomise, images, path):
    supernet = randomise(build_supernet(with_projections, 8, 5))
    expected = composed(supernet, images, path, (False, True, True, False, True))
    np.testing.assert_allclose(supernet(images, path=path), expected, rtol=1e-6, atol=1e-6)
    dynamic = tf.function(lambda path: supernet(images, path=path))
    np.testing.assert_allclose(dynamic(tf.constant(path)), expected, rtol=1e-5, atol=1e-6)
    assert [type(block.candidates[SKIPPED]) for block in supernet.slots] == [
        ProjectionConv if block.starts_stage else Stabilizer for block in supernet.slots
    ]


@pytest.mark.parametrize("stabilizer", STABILIZERS)
def test_path_in_a_tensor_gives_the_logits_of_the_same_path_in_numbers(tiny_space, randomise, images, stabilizer):
    supernet = randomise(build_supernet(tiny_space, 8, 5, stabilizer))
    dynamic = tf.function(lambda path: supernet(images, path=path))
    rng = np.random.default_rng(0)
    paths = [tiny_space.sample(rng) for _ in range(12)]
    for path in [(SKIPPED,) * 5, (0, 1, 3, 1, 0), (SKIPPED, 1, SKIPPED, SKIPPED, 0), *paths]:
        expected = supernet(images, path=path)
        np.testing.assert_allclose(dynamic(tf.constant(path)), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(supernet(images, path=tf.constant(path)), expected)
    assert dynamic.experimental_get_tracing_count() == 1


def test_paths_of_a_space_without_skip(without_skip, randomise, images):
    supernet = randomise(build_supernet(without_skip, 8, 5))
    dynamic = tf.function(lambda path: supernet(images, path=path))
    for path in ((0, 1, 2), (2, 2, 0), (1, 0, 1)):
        np.testing.assert_allclose(dynamic(tf.constant(path)), supernet(images, path=path), rtol=1e-5, atol=1e-6)


def test_training_a_path_in_a_tensor_moves_the_statistics_of_that_path_alone(tiny_space, images):
    supernet = build_supernet(tiny_space, 8, 5)
    before = [np.array(keras.ops.convert_to_numpy(weight)) for weight in supernet.non_trainable_weights]
    path = (0, SKIPPED, 3, 1, 1)
    tf.function(lambda path: supernet(images, path=path, training=True))(tf.constant(path))
    moved = {
        weight.path
        for weight, old in zip(supernet.non_trainable_weights, before, strict=True)
        if not np.array_equal(weight, old)
    }
    on_path = [supernet.stem, supernet.head[0]]
    on_path += [block.candidates[choice] for block, choice in zip(supernet.slots, path, strict=True)]
    assert moved == {weight.path for layer in on_path for weight in layer.non_trainable_weights}


@pytest.mark.parametrize("stabilizer", STABILIZERS)
def test_supernet_comes_back_from_its_file(tiny_space, randomise, images, tmp_path, stabilizer):
    supernet = randomise(Supernet(tiny_space, 8, 5, stabilizer, seed=7))
    supernet.save(tmp_path / "supernet.keras")
    loaded = keras.models.load_model(tmp_path / "supernet.keras")
    assert loaded.get_config() == supernet.get_config()
    assert loaded.space == tiny_space
    rng = np.random.default_rng(0)
    for path in [(SKIPPED,) * 5, *(tiny_space.sample(rng) for _ in range(5))]:
        np.testing.assert_array_equal(loaded(images, path=path), supernet(images, path=path))


def test_supernet_comes_back_from_its_config(tiny_space):
    supernet = Supernet(tiny_space, 8, 5, "skip", seed=7, name="ours")
    copy = Supernet.from_config(supernet.get_config())
    assert copy.get_config() == supernet.get_config()
    assert [weight.shape for weight in copy.weights] == [weight.shape for weight in supernet.weights]


def test_named_space_builds_with_a_block_for_every_choice_of_every_slot():
    supernet = build_supernet("small", 32, 10)
    space = supernet.space
    assert [len(block.candidates) for block in supernet.slots] == [space.num_choices] * space.num_slots
    assert space.choices[space.skip_index] == SKIP
    path = (0, space.skip_index) + (1,) * (space.num_slots - 2)
    assert supernet(np.zeros((2, 32, 32, 3), np.float32), path=path).shape == (2, 10)


def test_image_below_the_product_of_the_strides_is_refused(tiny_space):
    with pytest.raises(ValueError, match=r"image_size must be at least 4, .* tiny\. Received: 3"):
        build_supernet(tiny_space, 3)


def test_unknown_stabilizer_is_refused(tiny_space):
    with pytest.raises(ValueError, match=r"stabilizer must be one of .* Received: 'conv'"):
        build_supernet(tiny_space, 8, stabilizer="conv")


def test_unknown_space_is_refused():
    with pytest.raises(ValueError, match="Received: 's9'"):
        build_supernet("s9")


@pytest.mark.parametrize("path", [(0, 1, 2, 3), (0, 1, 2, 3, 4), (0, 1, 2, 3, -1)])
def test_path_outside_the_space_is_refused(tiny_space, images, path):
    supernet = build_supernet(tiny_space, 8, 5)
    with pytest.raises(ValueError, match="of tiny"):
        supernet(images, path=path)
