"""Cost: the published numbers, a network counted by hand, and an oracle that walks the shapes."""

from dataclasses import replace

import numpy as np
import pytest

from scarlet_tf.arch import (
    ArchSpec,
    Cost,
    Head,
    MBConv,
    SearchSpace,
    Skip,
    Slot,
    Stem,
    count,
    get_arch,
    get_space,
)
from scarlet_tf.arch.spec import Choice


def in_millions(cost: Cost, madds_digits: int, params_digits: int) -> tuple[str, str]:
    return f"{cost.madds / 1e6:.{madds_digits}f}", f"{cost.params / 1e6:.{params_digits}f}"


@pytest.mark.parametrize(
    ("name", "madds", "params"),
    [("scarlet_a", "365.3", "6.708"), ("scarlet_b", "326.9", "6.532"), ("scarlet_c", "280.1", "6.074")],
)
def test_published_networks_cost_what_is_published(name, madds, params):
    assert in_millions(count(get_arch(name)), 1, 3) == (madds, params)


@pytest.mark.parametrize(("name", "madds"), [("scarlet_a", 364), ("scarlet_b", 326), ("scarlet_c", 279)])
def test_published_networks_with_ten_classes(name, madds):
    assert round(count(get_arch(name), num_classes=10).madds / 1e6) == madds


def test_ends_of_s1():
    s1 = get_space("s1")
    all_skip, largest = s1.decode((6,) * 19), s1.decode((5,) * 19)
    assert {(row.expansion, row.kernel) for row in largest.blocks} == {(6, 7)}
    assert in_millions(count(all_skip), 2, 3) == ("23.16", "1.306")
    assert in_millions(count(largest), 1, 3) == ("557.4", "5.090")


@pytest.mark.parametrize(
    ("genotype", "params", "flops"),
    [
        ("00000000", 387_882, 7_713_280),
        ("11111111", 1_588_874, 53_246_464),
        ("22222222", 2_932_586, 105_660_928),
        ("01201202", 1_711_210, 52_904_448),
        ("10000002", 1_227_786, 25_326_080),
        ("02101010", 986_730, 39_973_376),
        ("20120011", 1_467_562, 48_775_680),
    ],
)
def test_networks_of_nas_bench_macro_cost_what_the_benchmark_says(genotype, params, flops):
    arch = get_space("nas_bench_macro").decode(tuple(map(int, genotype)))
    assert count(arch, image_size=32, num_classes=10) == Cost(madds=flops, params=params)


def test_counts_are_integers():
    cost = count(get_arch("scarlet_a"))
    assert type(cost.madds) is int
    assert type(cost.params) is int


def test_network_with_skipped_strides_counted_by_hand():
    arch = ArchSpec(
        "tiny",
        Stem(filters=4, stride=2),  # 8 -> 4
        (Skip(6, stride=2), MBConv(expansion=3, kernel=5, filters=6, se=True), Skip(8, stride=2)),
        Head(10),
    )
    # The block reads the stem's 4 channels; its hidden width is 3 x 6, the nominal input of its slot. Its
    # first conv takes over the stride of the first skip (4 -> 2), the head's conv that of the last (2 -> 1).
    # multiply-adds, then weights with BN or bias
    layers = [
        (4 * 4 * 9 * 3 * 4, 9 * 3 * 4 + 8),  # stem
        (2 * 2 * 4 * 18, 4 * 18 + 36),  # conv1x1, 4 -> 18
        (2 * 2 * 25 * 18, 25 * 18 + 36),  # depthwise 5x5
        (18 * 4 + 4 * 18, 18 * 4 + 4 * 18 + 4 + 18),  # squeeze-excite, 18 -> 4 -> 18
        (2 * 2 * 18 * 6, 18 * 6 + 12),  # conv1x1, 18 -> 6
        (1 * 6 * 10, 6 * 10 + 20),  # head
        (10 * 3, 10 * 3 + 3),  # dense
    ]
    assert [sum(column) for column in zip(*layers, strict=True)] == [4482, 1109]
    assert count(arch, image_size=8, num_classes=3) == Cost(madds=4482, params=1109)


def walk(space: SearchSpace, genotype: tuple[int, ...], size: int, num_classes: int) -> Cost:
    """Counts by passing a shape from layer to layer; a skipped slot subsamples at once, not at its reader."""
    madds = params = 0
    channels = 3

    def conv(kernel, filters, stride=1, depthwise=False):
        nonlocal madds, params, size, channels
        size = (size + stride - 1) // stride
        weights = kernel * kernel * filters * (1 if depthwise else channels)
        madds, params, channels = madds + weights * size * size, params + weights + 2 * filters, filters

    conv(3, space.stem.filters, space.stem.stride)
    if space.stem.separable_filters:
        conv(3, space.stem.filters, depthwise=True)
        conv(1, space.stem.separable_filters)
    for slot, nominal, index in zip(space.slots, space.in_channels, genotype, strict=True):
        choice = space.choices[index]
        if choice == "skip" and space.stage_skip == "projection" and (slot.stride > 1 or slot.filters != nominal):
            conv(1, slot.filters, slot.stride)
            continue
        if choice == "skip":
            size = (size + slot.stride - 1) // slot.stride
            continue
        hidden = nominal * choice.expansion
        conv(1, hidden)
        conv(choice.kernel, hidden, slot.stride, depthwise=True)
        if choice.se:
            madds += hidden * (hidden // 4) * 2
            params += hidden * (hidden // 4) * 2 + hidden + hidden // 4
        conv(1, slot.filters)
    conv(1, space.head.filters)
    return Cost(madds + channels * num_classes, params + (channels + 1) * num_classes)


ODD = SearchSpace(
    "odd",
    Stem(filters=5, stride=2, separable_filters=3),
    (Slot(4, stride=2), Slot(4), Slot(4, stride=2), Slot(7), Slot(7)),
    (Choice(1, 3), Choice(4, 7, se=True), "skip"),
    Head(9),
)


ODD_WITH_PROJECTIONS = replace(ODD, name="odd_with_projections", stage_skip="projection")


@pytest.mark.parametrize(
    "space", [get_space("s2"), get_space("small"), ODD, ODD_WITH_PROJECTIONS], ids=lambda space: space.name
)
@pytest.mark.parametrize("image_size", [32, 45, 224])
def test_count_agrees_with_a_walk_through_the_shapes(space, image_size):
    rng = np.random.default_rng(image_size)
    for _ in range(20):
        genotype = space.sample(rng)
        assert count(space.decode(genotype), image_size, 7) == walk(space, genotype, image_size, 7), genotype


def test_smallest_image_is_the_product_of_the_strides():
    arch = get_arch("scarlet_a")
    count(arch, image_size=32)
    with pytest.raises(ValueError, match=r"at least 32, the product of the strides of scarlet_a.*Received: 31"):
        count(arch, image_size=31)


def test_skipped_slots_do_not_lower_the_smallest_image():
    s1 = get_space("s1")
    assert s1.min_image_size == s1.decode((6,) * 19).min_image_size == 32
