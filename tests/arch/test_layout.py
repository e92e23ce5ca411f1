"""The shortcut rule and what each block reads, on cases worked by hand."""

import pytest

from scarlet_tf.arch import ArchSpec, Head, MBConv, Projection, Skip, Slot, Stem
from scarlet_tf.arch.layout import layout, shortcut_flags, stage_starts


def flags(starts: str, blocks: str) -> str:
    """Both as a mark a slot: `s` where a stage starts, `b` where a block stands, `+` where a shortcut is."""
    marks = shortcut_flags([mark == "s" for mark in starts], [mark == "b" for mark in blocks])
    return "".join("+" if mark else "." for mark in marks)


@pytest.mark.parametrize(
    ("starts", "blocks", "shortcuts"),
    [
        ("s..", "bbb", ".++"),  # no skip: all but the first
        ("s..", "-bb", "..+"),  # the first is skipped: the next block changes channels in its place
        ("s..", "--b", "..."),  # a run from the first
        (
            "s...",
            "b--b",
            "...+",
        ),  # a run inside; the flag at a skipped slot itself says what a block would do
        ("s.s.", "bb-b", ".+.."),  # blocks of an earlier stage do not count
        ("s.s.s.", "bb--bb", ".+...+"),  # a whole stage is skipped: as if it were not there
        ("sss", "bbb", "..."),  # stages of one slot
        ("s..", "---", "..."),
    ],
)
def test_shortcut_needs_an_earlier_block_of_its_stage(starts, blocks, shortcuts):
    at_blocks = "".join(
        mark if block == "b" else "." for mark, block in zip(flags(starts, blocks), blocks, strict=True)
    )
    assert at_blocks == shortcuts


def test_flag_of_a_skipped_slot_says_what_a_block_there_would_do():
    assert flags("s...", "b--b") == ".+++"


def test_stage_starts_where_channels_or_resolution_change():
    slots = (Slot(8), Slot(8), Slot(8, stride=2), Slot(8), Slot(12))
    assert stage_starts(6, slots) == (True, False, True, False, True)
    assert stage_starts(8, slots) == (False, False, True, False, True)


def block(filters: int, stride: int = 1) -> MBConv:
    return MBConv(expansion=3, kernel=3, filters=filters, stride=stride)


def placed(*rows: MBConv | Projection | Skip) -> tuple[list[tuple], tuple[int, int]]:
    """(slot, input channels, hidden channels, stride taken over, shortcut) of each block, and the head's."""
    found = layout(ArchSpec("net", Stem(filters=4, stride=1), rows, Head(16)))
    blocks = [(b.slot, b.in_channels, b.hidden_channels, b.in_stride, b.shortcut) for b in found.blocks]
    return blocks, (found.head_in_channels, found.head_in_stride)


def test_network_without_skips():
    blocks, head = placed(block(8, 2), block(8), block(12, 2))
    assert blocks == [(0, 4, 12, 1, False), (1, 8, 24, 1, True), (2, 8, 24, 1, False)]
    assert head == (12, 1)


def test_skip_in_the_first_slot_hands_on_its_stride_and_its_input():
    # slot 1 reads the stem's 4 channels but keeps the hidden width of its 8 nominal ones
    blocks, head = placed(Skip(8, 2), block(8), block(8))
    assert blocks == [(1, 4, 24, 2, False), (2, 8, 24, 1, True)]
    assert head == (8, 1)


def test_skip_of_a_whole_stage_composes_strides():
    blocks, head = placed(block(8, 2), Skip(12, 2), Skip(12), block(16, 2))
    assert blocks == [(0, 4, 12, 1, False), (3, 8, 36, 2, False)]
    assert head == (16, 1)


def test_strides_of_two_skipped_stages_multiply():
    blocks, _ = placed(Skip(8, 2), Skip(12, 2), block(12))
    assert blocks == [(2, 4, 36, 4, False)]


def test_equal_channels_across_a_skipped_stride_make_no_shortcut():
    blocks, _ = placed(Skip(4, 2), block(4))
    assert blocks == [(1, 4, 12, 2, False)]


def test_block_after_a_projection_has_its_shortcut():
    blocks, head = placed(Projection(8, 2), Skip(8), block(8), Skip(12, 2), Projection(16), block(16))
    assert blocks == [
        (0, 4, None, 1, False),
        (2, 8, 24, 1, True),
        (4, 8, None, 2, False),  # takes over the stride of the slot that is left out
        (5, 16, 48, 1, True),
    ]
    assert head == (16, 1)


def test_all_skipped_leaves_the_strides_to_the_head():
    assert placed(Skip(8, 2), Skip(8), Skip(12, 2)) == ([], (4, 4))


def test_skip_in_the_last_slots():
    blocks, head = placed(block(8), Skip(8), Skip(12, 2))
    assert blocks == [(0, 4, 12, 1, False)]
    assert head == (8, 2)
