"""Width and depth scaling, against EfficientNet's rounding by hand and the paper's counts."""

import pytest

from scarlet_tf.arch import MBConv, PlainConv, Projection, Skip, count, get_arch, get_space, scale
from scarlet_tf.arch.scaling import round_filters


@pytest.mark.parametrize(
    ("filters", "width", "expected"),
    [
        (32, 1.4, 48),  # 44.8
        (16, 1.4, 24),  # 22.4
        (40, 1.4, 56),  # just 56
        (96, 1.4, 136),  # 134.4
        (192, 1.4, 272),  # 268.8
        (8, 1.4, 16),  # 11.2 would round to 8, which is below 0.9 of it
        (16, 1.1, 16),  # 17.6 rounds to 16, which is not
        (32, 0.1, 8),
    ],
)
def test_filters_are_multiples_of_8_near_the_scaled_number(filters, width, expected):
    assert round_filters(filters, width) == expected


@pytest.mark.parametrize(
    ("name", "image_size", "madds", "params"), [("scarlet_a2", 260, 1048, 12.51), ("scarlet_a4", 380, 4184, 27.86)]
)
def test_scaled_networks_cost_what_the_paper_says(name, image_size, madds, params):
    cost = count(get_arch(name), image_size)
    assert (round(cost.madds / 1e6), round(cost.params / 1e6, 2)) == (madds, params)


def test_width_scales_all_channels():
    arch = scale(get_arch("scarlet_a"), width=1.4)
    assert (arch.stem.filters, arch.stem.separable_filters, arch.head.filters) == (48, 24, 1792)
    assert [row.filters for row in arch.blocks[::6]] == [48, 112, 136, 448]


def test_depth_repeats_each_slot_at_stride_1():
    arch = scale(get_arch("scarlet_c"), depth=1.5)  # ceil(1.5) = 2
    assert arch.blocks[:4] == (
        MBConv(3, 5, 32, stride=2, se=True),
        MBConv(3, 5, 32, stride=1, se=True),
        MBConv(3, 3, 32, stride=1, se=True),
        MBConv(3, 3, 32, stride=1, se=True),
    )
    assert arch.blocks[6:10] == (Skip(40),) * 4
    assert arch.min_image_size == 32


def test_repeats_of_a_projection_are_skipped():
    arch = scale(get_space("nas_bench_macro").decode((0, 1, 0, 0, 0, 0, 0, 0)), width=2.0, depth=2.0)
    assert arch.blocks[:4] == (Projection(128, stride=2), Skip(128), MBConv(3, 3, 128), MBConv(3, 3, 128))


def test_factors_of_one_change_nothing_but_the_name():
    arch = get_arch("scarlet_b")
    assert scale(arch) == arch
    assert scale(arch, name="other").blocks == arch.blocks


@pytest.mark.parametrize("factor", [0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("which", ["width", "depth"])
def test_impossible_factors(which, factor):
    with pytest.raises(ValueError, match=f"{which} must be a positive number. Received: {factor}"):
        scale(get_arch("scarlet_a"), **{which: factor})


def test_repeats_of_a_convolution_have_no_entry(chain_space):
    arch = scale(chain_space.decode((1, 0, 2, 1, 1, 1)), width=2.0, depth=2.0)
    assert arch.blocks[:4] == (PlainConv(3, 32, entry=True), PlainConv(3, 32), PlainConv(1, 32), PlainConv(1, 32))
    assert arch.blocks[4:6] == (Skip(48, stride=2, entry=True), Skip(48))
    assert arch.head.filters is None
