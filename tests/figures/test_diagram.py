"""The picture of a network: every slot in it, its shapes, and text that can be read."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import Rectangle

from scarlet_tf.arch import Choice, Head, SearchSpace, Slot, Stem, get_arch, get_space
from scarlet_tf.figures import architecture_figure, draw_architecture
from scarlet_tf.figures.canvas import DPI
from scarlet_tf.figures.diagram import BOX_WIDTH, KERNEL_COLOURS, SE_COLOUR, columns, rows

TINY = SearchSpace(
    "tiny",
    Stem(filters=8, stride=1, separable_filters=6),
    (Slot(12, stride=2), Slot(12), Slot(20, stride=2), Slot(20)),
    (Choice(3, 3), Choice(6, 5, se=True), "skip"),
    Head(32),
)
SMALL = get_space("small").decode((1, 5, 4, 5, 4, 2, 3), "small_net")


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def boxes(figure: Figure) -> list[Rectangle]:
    """The rectangles as wide as a box: the boxes themselves and the squeeze-excite strips."""
    patches = figure.axes[0].patches
    return [patch for patch in patches if np.isclose(patch.get_width(), BOX_WIDTH)]


def test_shapes_follow_the_standalone_network():
    # the skip at slot 0 leaves 6 channels and its stride to slot 1, that at slot 3 hands on what it reads
    drawn = columns(TINY.decode((2, 0, 1, 2)), image_size=15, num_classes=5)
    assert [(c.text.replace("\n", " "), c.channels, c.pixels, c.slot, c.stage) for c in drawn] == [
        ("image", 3, "15", None, None),
        ("conv 3x3", 8, "15", None, None),
        ("sep 3x3", 6, "15", None, None),
        ("skip", 6, "15", 0, 1),
        ("E3 K3", 12, "15→8", 1, 1),
        ("E6 K5", 20, "8→4", 2, 2),
        ("skip", 20, "4", 3, 2),
        ("conv 1x1", 32, "4", None, None),
        ("pool", 32, "4→1", None, None),
        ("dense", 5, "1", None, None),
    ]
    assert [c.shortcut for c in drawn if c.slot is not None] == [False, False, False, False]


def test_head_takes_over_the_strides_of_a_skipped_end():
    drawn = columns(TINY.decode((2, 2, 2, 2)), image_size=15, num_classes=5)
    assert [(c.channels, c.pixels) for c in drawn[-3:]] == [(32, "15→4"), (32, "4→1"), (5, "1")]


def test_a_projection_is_drawn_as_the_convolution_it_is():
    drawn = columns(get_space("nas_bench_macro").decode((0, 1, 0, 0, 0, 0, 0, 0)), image_size=32, num_classes=10)
    slots = [
        (c.text.replace("\n", " "), c.channels, c.pixels, c.stage, c.shortcut) for c in drawn if c.slot is not None
    ]
    assert slots[:4] == [
        ("conv 1x1", 64, "32→16", 1, False),
        ("E3 K3", 64, "16", 1, True),
        ("conv 1x1", 128, "16→8", 2, False),
        ("skip", 128, "8", 2, False),
    ]


def test_long_networks_are_broken_between_stages():
    drawn = columns(get_arch("scarlet_c"), 224, 1000)
    first, second = rows(drawn)
    assert first + second == drawn
    assert (first[-1].slot, second[0].slot) == (9, 10)  # slot 10 begins a stage
    assert rows(drawn[:9]) == [drawn[:9]]


def test_one_long_stage_is_broken_evenly():
    space = SearchSpace("deep", Stem(8), (Slot(12, 2), *[Slot(12)] * 29), (Choice(3, 3), "skip"), Head(16))
    lengths = [len(row) for row in rows(columns(space.decode((0,) * 30), 32, 10))]
    assert sum(lengths) == 30 + 5
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize(("arch", "image_size", "num_classes"), [(SMALL, 28, 10), (get_arch("scarlet_c"), 224, 1000)])
def test_every_slot_is_written_with_what_it_holds(arch, image_size, num_classes):
    written = texts(architecture_figure(arch, image_size, num_classes))
    holds = [
        "skip" if c.skipped else f"E{c.expansion}\nK{c.kernel}"
        for c in columns(arch, image_size, num_classes)
        if c.slot is not None
    ]
    assert [text for text in written if text == "skip" or (text.startswith("E") and "\n" in text)] == holds
    for slot in range(len(arch.blocks)):
        assert str(slot) in written
    assert written.count("SE") == sum(getattr(row, "se", False) for row in arch.blocks)


def test_title_names_the_network_and_its_cost():
    written = texts(architecture_figure(get_arch("scarlet_b")))
    assert "scarlet_b" in written
    assert "326.9 M multiply-adds, 6.532 M parameters (224 px, 1000 classes)" in written


def test_skipped_slots_are_dashed_and_empty_and_blocks_are_filled_by_kernel():
    drawn = [column for column in columns(SMALL, 28, 10) if column.slot is not None]
    marks = [box for box in boxes(architecture_figure(SMALL, 28, 10)) if to_hex(box.get_facecolor()) != SE_COLOUR]
    slots = marks[3:-3]  # between image and stem, head and classifier
    assert len(slots) == len(drawn)
    for column, box in zip(drawn, slots, strict=True):
        dashed = box.get_linestyle() not in ("-", "solid")
        assert dashed == column.skipped
        expected = "#ffffff" if column.skipped else KERNEL_COLOURS[column.kernel]
        assert to_hex(box.get_facecolor()) == expected


def test_higher_expansion_is_a_higher_box():
    figure = architecture_figure(TINY.decode((0, 1, 2, 0)), 16, 10)
    heights = [box.get_height() for box in boxes(figure) if to_hex(box.get_facecolor()) != SE_COLOUR][3:7]
    assert heights[1] > heights[0] == heights[3] > 0


def test_legend_explains_only_what_is_drawn():
    def legend(arch, image_size):
        return [text.get_text() for text in architecture_figure(arch, image_size).axes[0].get_legend().texts]

    assert legend(get_arch("scarlet_c"), 224) == [
        *("kernel 3x3", "kernel 5x5", "kernel 7x7"),
        *("squeeze-excite", "shortcut", "skipped slot"),
    ]
    assert legend(TINY.decode((0, 0, 0, 0)), 16) == ["kernel 3x3", "shortcut"]
    assert legend(TINY.decode((2, 2, 2, 2)), 16) == ["skipped slot"]


RANDOM = get_space("s2").decode(get_space("s2").sample(np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("arch", "image_size", "num_classes"),
    [
        (get_arch("scarlet_a"), 224, 1000),
        (get_arch("scarlet_c"), 224, 1000),
        (RANDOM, 1024, 21841),
        (SMALL, 28, 10),
        (get_space("small").decode((5,) * 7), 28, 10),
        (get_space("nas_bench_macro").decode((0, 1, 0, 0, 0, 0, 2, 0)), 32, 10),
        (TINY.decode((0, 1, 2, 0)), 16, 10),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_no_text_is_cut_or_overlaps_another(check_legible, arch, image_size, num_classes):
    check_legible(architecture_figure(arch, image_size, num_classes))


def test_too_small_an_image_is_refused():
    with pytest.raises(ValueError, match="image_size must be at least 32"):
        architecture_figure(get_arch("scarlet_a"), image_size=31)


def test_file_is_a_picture_of_the_expected_size(tmp_path):
    path = tmp_path / "new" / "arch.png"
    draw_architecture(path, SMALL, 28, 10)
    width, height = architecture_figure(SMALL, 28, 10).get_size_inches()
    pixels = imread(path)
    assert pixels.shape[:2] == (int(height * DPI), int(width * DPI))
    assert pixels[..., :3].std() > 0.05  # something is drawn
    assert [item.name for item in path.parent.iterdir()] == ["arch.png"]


def test_cells_of_convolutions_are_drawn_with_their_entries(chain_space, check_legible):
    arch = chain_space.decode((2, 1, 0, 2, 2, 1))
    drawn = columns(arch, 15, 5)
    assert [(c.text.replace("\n", " "), c.channels, c.pixels, c.slot, c.stage) for c in drawn] == [
        ("image", 3, "15", None, None),
        ("conv 3x3", 16, "15", None, None),
        ("conv 1x1", 16, "15", None, 1),
        ("skip", 16, "15", 0, 1),
        ("conv 3x3", 16, "15", 1, 1),
        ("pool + 1x1", 24, "15→8", None, 2),
        ("conv 1x1", 24, "8", 2, 2),
        ("skip", 24, "8", 3, 2),
        ("conv 1x1", 24, "8", None, 3),
        ("skip", 24, "8", 4, 3),
        ("conv 3x3", 24, "8", 5, 3),
        ("pool", 24, "8→1", None, None),
        ("dense", 5, "1", None, None),
    ]
    figure = architecture_figure(arch, 15, 5)
    check_legible(figure)
    assert "Channels and pixels: output of each layer." in texts(figure)
