"""The ends of the package's spaces, against the numbers of the paper, and of spaces that lack one."""

from dataclasses import replace

import pytest

from scarlet_tf.arch import SKIP, Choice
from scarlet_tf.arch.cost import count
from scarlet_tf.arch.spaces import NAS_BENCH_MACRO, S1, S2, SMALL
from scarlet_tf.errors import InputError
from scarlet_tf.studies.extreme_networks import all_skip, largest


@pytest.mark.parametrize("space", [S1, S2])
def test_ends_of_the_papers_spaces_cost_what_it_says(space):
    smallest, biggest = count(all_skip(space).arch), count(largest(space, 224).arch)
    assert (smallest.madds / 1e6, smallest.params / 1e6) == pytest.approx((23.16, 1.306), rel=5e-4)
    assert (biggest.madds / 1e6, biggest.params / 1e6) == pytest.approx((557.4, 5.090), rel=5e-4)
    assert largest(space, 224).name == "all_e6k7"


@pytest.mark.parametrize(("space", "name"), [(SMALL, "all_e6k5"), (NAS_BENCH_MACRO, "all_e6k5")])
def test_largest_has_the_widest_block_with_the_largest_kernel(space, name):
    found = largest(space, 32)
    assert found.name == name
    assert len(set(found.genotype)) == 1
    block = space.choices[found.genotype[0]]
    assert (block.expansion, block.kernel, block.se) == (6, 5, False)


def test_all_skip_skips_every_slot():
    assert all(NAS_BENCH_MACRO.choices[choice] == SKIP for choice in all_skip(NAS_BENCH_MACRO).genotype)
    assert len(all_skip(SMALL).genotype) == SMALL.num_slots


@pytest.mark.parametrize("choices", [(Choice(6, 3), SKIP, Choice(3, 7)), (Choice(3, 7), SKIP, Choice(6, 3))])
def test_most_multiply_adds_decide_not_the_order(choices, mini_space):
    assert largest(replace(mini_space, choices=choices), 16).name == "all_e3k7"  # of few channels: 49 taps weigh more
    assert largest(replace(S1, choices=choices), 224).name == "all_e6k3"


def test_squeeze_excite_is_taken_where_all_blocks_have_it(mini_space):
    space = replace(mini_space, choices=(Choice(2, 3, se=True), Choice(3, 3, se=True), SKIP))
    assert largest(space, 16).name == "all_e3k3se"


def test_spaces_without_skips_or_blocks_are_refused(mini_space):
    with pytest.raises(InputError, match=r"--space must have skip among its choices\. Received: mini"):
        all_skip(replace(mini_space, choices=(Choice(2, 3),)))
    with pytest.raises(InputError, match=r"--space must have blocks among its choices\. Received: mini"):
        largest(replace(mini_space, choices=(SKIP,)), 16)


def test_space_of_larger_images_than_the_papers_is_refused():
    deep = replace(SMALL, slots=tuple(replace(slot, stride=2) for slot in SMALL.slots) * 2)
    with pytest.raises(InputError, match=r"--space must be for images of 224 px.* for 32768 px or more"):
        all_skip(deep)
