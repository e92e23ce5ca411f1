import numpy as np
import pytest

from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem, count, get_space
from scarlet_tf.search.costs import CostTable

NO_SKIP = SearchSpace(
    "no_skip",
    Stem(8, separable_filters=4),
    (Slot(8, stride=2), Slot(8)),
    (Choice(3, 3), Choice(6, 7)),
    Head(16),
)
NARROWING = SearchSpace("narrowing", Stem(256), (Slot(4), Slot(4)), (Choice(1, 3, se=True), SKIP), Head(512))


MACRO = get_space("nas_bench_macro")
ONLY_PROJECTIONS = SearchSpace(
    "only_projections", Stem(8), (Slot(4), Slot(4), Slot(6)), (SKIP,), Head(16), stage_skip="projection"
)
CHAINS = get_space("nas_bench_101_chains")
SPACES = [get_space("s1"), get_space("s2"), get_space("small"), MACRO, CHAINS, NO_SKIP, NARROWING, ONLY_PROJECTIONS]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize(("image_size", "num_classes"), [(224, 1000), (67, 7)])
def test_costs_equal_those_counted_from_the_rows(space, image_size, num_classes):
    table, rng = CostTable(space, image_size, num_classes), np.random.default_rng(0)
    skipping = [
        tuple(
            space.skip_index if rng.random() < 0.5 and space.skip_index is not None else choice
            for choice in space.sample(rng)
        )
        for _ in range(40)
    ]
    for genotype in [space.sample(rng) for _ in range(40)] + skipping + skipping[:5]:
        assert table.cost(genotype) == count(space.decode(genotype), image_size, num_classes)


@pytest.mark.parametrize("space", [get_space("s2"), MACRO, CHAINS], ids=lambda space: space.name)
def test_slot_costs_are_what_skipping_a_slot_saves(space):
    table, rng = CostTable(space), np.random.default_rng(1)
    for _ in range(10):
        genotype = space.sample(rng)
        whole = count(space.decode(genotype))
        for slot, (madds, params) in enumerate(table.slot_costs(genotype)):
            less = count(space.decode((*genotype[:slot], space.skip_index, *genotype[slot + 1 :])))
            assert madds == whole.madds - less.madds
            assert params == whole.params - less.params


def test_a_slot_costs_nothing_where_it_is_skipped_or_saves_by_being_there():
    table = CostTable(NARROWING, 32, 10)
    # the block of slot 1 narrows 256 channels to 4: without it the head's convolution would cost far more
    assert table.cost((1, 0)).madds < table.cost((1, 1)).madds
    for genotype in ((1, 0), (1, 1)):
        np.testing.assert_array_equal(table.slot_costs(genotype), np.zeros((2, 2)))


def test_a_small_image_is_refused():
    with pytest.raises(ValueError, match="image_size must be at least 32"):
        CostTable(get_space("s1"), 16)
