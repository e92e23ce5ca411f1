from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from scarlet_tf.arch import Choice, Head, SearchSpace, Slot, Stem, count, get_space
from scarlet_tf.arch.layout import Placement, layout
from scarlet_tf.errors import InputError
from scarlet_tf.latency.kit import Kit, random_networks
from scarlet_tf.latency.parts import STEM, parts

MACRO = get_space("nas_bench_macro")
NO_SKIP = SearchSpace(
    "no_skip", Stem(8, separable_filters=4), (Slot(8, stride=2), Slot(8)), (Choice(3, 3), Choice(6, 7)), Head(16)
)


@pytest.mark.parametrize(
    ("space", "image_size"), [(get_space("s2"), 224), (get_space("s2"), 67), (MACRO, 32), (NO_SKIP, 32)]
)
def test_parts_of_a_network_add_up_to_its_madds(space, image_size):
    found = parts(space, image_size, 10)
    for genotype in random_networks(space, 50, 0):
        assert sum(part.madds for part in found.of(genotype)) == count(space.decode(genotype), image_size, 10).madds


def test_every_network_of_a_space_has_its_parts(mini_space):
    found = parts(mini_space, 16, 5)
    for genotype in product(range(3), repeat=3):
        placed = layout(mini_space.decode(genotype))
        stem, *blocks, head = found.of(genotype)
        assert [part.row for part in blocks] == [
            replace(block, slot=part.row.slot) for part, block in zip(blocks, placed.blocks, strict=True)
        ]
        assert (head.in_channels, head.in_stride) == (placed.head_in_channels, placed.head_in_stride)
        assert stem is found.stem


def test_s2_has_500_parts():
    found = parts(get_space("s2"))
    kinds = [name.partition("-")[0] for name in found.distinct]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"stem": 1, "block": 492, "head": 7}


def test_projections_are_parts_and_only_what_can_come_before_is_counted():
    found = parts(MACRO, 32, 10)
    # slots 0, 2 and 5 begin a stage and always hold something: a block reads its own stage or the one before
    assert {previous for previous, slot, _ in found.blocks if slot == 2} == {0, 1}
    assert {previous for previous, slot, _ in found.blocks if slot == 4} == {2, 3}
    assert set(found.heads) == {5, 6, 7}
    assert found.blocks[STEM, 0, 0].name == "projection-32x32-s2-64"


@pytest.mark.parametrize("space", [get_space("s2"), MACRO], ids=lambda space: space.name)
def test_parts_of_one_name_are_one_computation(space):
    by_name = {}
    for part in parts(space, 224).blocks.values():
        assert isinstance(part.row, Placement)
        anywhere = replace(part, row=replace(part.row, slot=0))
        assert by_name.setdefault(part.name, anywhere) == anywhere
    computations = {
        (one.in_size, replace(one.row, row=replace(one.row.row, stride=1)), one.row.row.stride)
        for one in by_name.values()
    }
    assert len(computations) == len(by_name)


def test_blocks_after_skipped_slots_read_what_was_left_to_them(mini_space):
    blocks = parts(mini_space, 16, 5).blocks
    assert blocks[0, 1, 0].name == "block-4x12-e24-k3-s1-12-add"  # 16 -> 8 by the stem, -> 4 by slot 0
    assert blocks[STEM, 1, 0].name == "block-8x8-i2-e24-k3-s1-12"  # slot 0 skipped: the stem's 8 channels, no shortcut
    assert blocks[1, 2, 1].name == blocks[0, 2, 1].name == "block-4x12-e36-k3-s1-16-se"
    assert parts(mini_space, 16, 5).heads[STEM].name == "head-8x8-i2-32-5"


def test_a_small_image_is_refused():
    with pytest.raises(ValueError, match="image_size must be at least 32"):
        parts(get_space("s2"), 31)


def test_networks_of_a_kit_spread_over_the_costs_of_the_space():
    space = get_space("s2")
    networks = random_networks(space, 60, 1)
    assert networks[:20] == random_networks(space, 20, 1) != random_networks(space, 20, 2)
    skipped = [genotype.count(space.skip_index) for genotype in networks]
    assert min(skipped) <= 1
    assert 8 <= max(skipped) <= 15
    uniform = [count(space.decode(space.sample(np.random.default_rng(i)))).madds for i in range(60)]
    assert np.std([count(space.decode(genotype)).madds for genotype in networks]) > 1.3 * np.std(uniform)


def test_a_space_of_plain_convolutions_is_refused(chain_space):
    with pytest.raises(InputError, match=r"are for spaces of inverted bottlenecks\. Received: chains"):
        parts(chain_space, 32, 10)
    with pytest.raises(InputError, match="Received: chains"):
        Kit(chain_space, 32, 10, 0, ())
