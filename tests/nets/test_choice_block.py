import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.nets.choice_block import ChoiceBlock
from scarlet_tf.nets.stabilizer import STABILIZERS


@pytest.fixture
def make(tiny_space, randomise):
    def build(slot, stabilizer="els"):
        block = ChoiceBlock(tiny_space, slot, stabilizer, name=f"slot_{slot}")
        block.build((None, None, None, tiny_space.in_channels[slot]))
        return randomise(block)

    return build


@pytest.fixture
def x(tiny_space):
    return np.random.default_rng(0).normal(size=(2, 8, 8, 6)).astype(np.float32)


@pytest.mark.parametrize("slot", [1, 3])
def test_choice_runs_that_candidate_alone(make, x, slot):
    block = make(slot)
    for index, candidate in enumerate(block.candidates):
        for choice in (index, tf.constant(index)):
            np.testing.assert_array_equal(block(x, choice=choice), candidate(x))


def test_shortcut_follows_the_path_except_where_a_stage_starts(make, x):
    inner, first = make(1), make(3)
    plain = inner.candidates[0](x, shortcut=False)
    np.testing.assert_allclose(inner(x, choice=0, shortcut=True), plain + x, atol=1e-6)
    np.testing.assert_array_equal(inner(x, choice=0, shortcut=False), plain)
    np.testing.assert_array_equal(first(x, choice=0, shortcut=True), first(x, choice=0, shortcut=False))


@pytest.mark.parametrize("stabilizer", STABILIZERS)
def test_choice_block_comes_back_from_its_config(make, x, stabilizer):
    block = make(1, stabilizer)
    copy = ChoiceBlock.from_config(block.get_config())
    assert copy.get_config() == block.get_config()
    copy.build((None, None, None, 6))
    copy.set_weights(block.get_weights())
    for choice in range(len(block.candidates)):
        np.testing.assert_array_equal(copy(x, choice=choice), block(x, choice=choice))
