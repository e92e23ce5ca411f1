"""Spaces of plain convolutions, and the one whose networks NAS-Bench-101 knows."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from scarlet_tf.arch import (
    SKIP,
    Choice,
    Conv,
    Entry,
    Head,
    PlainConv,
    Projection,
    SearchSpace,
    Skip,
    Slot,
    count,
    get_space,
)
from scarlet_tf.arch.layout import Placement, layout

CHAINS = get_space("nas_bench_101_chains")


def of_nine_cells(*choices):
    return (*choices, *(2,) * (5 - len(choices))) * 9


@pytest.mark.parametrize(
    ("choices", "params"),
    [
        ((), 882_570),
        ((1, 0, 1, 1), 29_805_450),
        ((1, 0, 0, 1, 0), 22_585_482),
        ((1, 0, 0, 0, 1), 22_585_482),
    ],
)
def test_params_are_those_of_nas_bench_101(choices, params):
    """As its table has them (Ying et al. 2019): kernels, BN scales and offsets, the classifier."""
    assert count(CHAINS.decode(of_nine_cells(*choices)), 32, 10).params == params


def test_madds_by_hand(chain_space):
    arch = chain_space.decode((2, 1, 0, 2, 2, 2))
    stem, first, rest = 9 * 9 * 27 * 16, 9 * 9 * 16 * (16 + 9 * 16), 5 * 5 * 24 * (16 + 24 + 24)
    assert count(arch, 9, 5).madds == stem + first + rest + 24 * 5
    stabilizers = 9 * 9 * 16 * 16 + 3 * 5 * 5 * 24 * 24
    assert count(arch, 9, 5, stabilizers=True).madds == stem + first + rest + 24 * 5 + stabilizers


def test_space_is_that_of_the_paper():
    assert CHAINS.is_plain
    assert (CHAINS.num_slots, CHAINS.num_choices, CHAINS.min_image_size) == (45, 3, 4)
    assert [slot for slot, start in enumerate(CHAINS.stage_starts) if start] == list(range(0, 45, 5))
    first_of_last_stack = CHAINS.rows[30]
    assert first_of_last_stack == (PlainConv(1, 512, 2, True), PlainConv(3, 512, 2, True), Skip(512, 2, True))
    assert CHAINS.rows[31] == (PlainConv(1, 512), PlainConv(3, 512), Skip(512))
    assert not any(get_space(name).is_plain for name in ("s1", "s2", "small", "nas_bench_macro"))


def test_an_entry_stays_where_its_slot_is_skipped(chain_space):
    placed = layout(chain_space.decode((2, 1, 2, 2, 0, 2)))
    assert placed.entries == {
        0: Placement(0, Entry(16), 16, None, 1, False),
        2: Placement(2, Entry(24, 2), 16, None, 1, False),
        4: Placement(4, Entry(24), 24, None, 1, False),
    }
    assert placed.blocks == (
        Placement(1, PlainConv(3, 16), 16, None, 1, False),
        Placement(4, PlainConv(1, 24, entry=True), 24, None, 1, False),
    )
    assert (placed.head_in_channels, placed.head_in_stride) == (24, 1)


@pytest.mark.parametrize("head", [Head(None), Head(32)])
def test_space_comes_back_from_plain_data(chain_space, head):
    space = replace(chain_space, head=head)
    data = json.loads(json.dumps(space.to_dict()))
    assert SearchSpace.from_dict(data) == space
    assert data["choices"] == [{"kernel": 1}, {"kernel": 3}, "skip"]
    assert data["slots"][1:3] == [{"filters": 16, "stride": 1}, {"filters": 24, "stride": 2, "entry": True}]


def test_data_of_other_spaces_say_nothing_of_entries():
    """Journals and kits written before there were any are compared with it."""
    assert {key for slot in get_space("s2").to_dict()["slots"] for key in slot} == {"filters", "stride"}


def test_encode_is_the_reverse_of_decode(chain_space):
    rng = np.random.default_rng(0)
    for _ in range(20):
        genotype = chain_space.sample(rng)
        assert chain_space.encode(chain_space.decode(genotype)) == genotype


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"choices": (Conv(1), Choice(3, 3), SKIP)}, "inverted bottlenecks or plain convolutions, not both"),
        ({"choices": (Choice(3, 3), SKIP)}, "entry is for slots in a space of plain convolutions"),
        ({"choices": ({"kernel": 2}, SKIP)}, "kernel must be 1, 3, 5 or 7. Received: 2"),
        ({"slots": (Slot(16, entry=True), Slot(24))}, "must have an entry where channels .* at slot 1"),
        ({"slots": (Slot(16, entry=True), Slot(16, stride=2))}, "must have an entry where channels .* at slot 1"),
        ({"slots": (Slot(16), Slot(16))}, "first slot must change channels"),
        ({"slots": ({"filters": 16, "entry": 1},)}, "entry must be true or false. Received: 1"),
        ({"stage_skip": "projection"}, "stage_skip must be 'removed' in a space of plain convolutions"),
    ],
)
def test_space_refuses_what_is_off_and_says_what(chain_space, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(chain_space, **changes)


def test_a_head_without_a_convolution_is_for_plain_convolutions():
    with pytest.raises(ValueError, match=r"but in a space of plain convolutions\. Received: None"):
        replace(get_space("small"), head=Head(None))


def test_a_convolution_of_stride_2_needs_an_entry():
    with pytest.raises(ValueError, match="of stride 2 must have an entry"):
        PlainConv(3, 16, stride=2)
    assert asdict(Skip(16, 2)) == {"filters": 16, "stride": 2, "entry": False}
    assert not Projection(16, 2).entry
