"""A path of the supernet and the standalone network extracted from it are the same function."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest

from scarlet_tf import extract
from scarlet_tf.arch import (
    SKIP,
    Choice,
    Head,
    MBConv,
    Projection,
    SearchSpace,
    Skip,
    Slot,
    Stem,
    count,
    get_space,
    scale,
)
from scarlet_tf.errors import InputError
from scarlet_tf.export.extract import extract_path, without_stabilizers
from scarlet_tf.export.fold import IllConditionedError
from scarlet_tf.nets import blocks, conv_bn
from scarlet_tf.nets.blocks import InvertedBottleneck, ProjectionConv
from scarlet_tf.nets.stabilizer import Stabilizer
from scarlet_tf.nets.standalone import build_model
from scarlet_tf.nets.supernet import Supernet, fair_permutations

NUM_CLASSES = 10
MAX_CONDITION_OF_A_STABILIZER = 100.0
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
GENOTYPES = 100
"""Of each space and precision: in one test, for to make the supernet takes as long as many of them."""

TINY = SearchSpace(
    "tiny",
    Stem(8, stride=1),
    (Slot(8, stride=2), Slot(8), Slot(8), Slot(12, stride=1), Slot(12), Slot(12), Slot(12)),
    (Choice(2, 3), Choice(3, 5, se=True), SKIP),
    Head(16),
)
"""The first slot has a stride and equal channels; the second stage has channels and no stride."""

NO_SKIP = SearchSpace(
    "no_skip", Stem(4), (Slot(6, stride=2), Slot(6)), (Choice(2, 3), Choice(3, 5, se=True)), Head(12), "relu6"
)
NAMED = ("s1", "s2", "small", "nas_bench_macro")
SPACES = {name: get_space(name) for name in NAMED} | {
    "tiny": TINY,
    "tiny_with_projections": replace(TINY, stage_skip="projection"),
    "no_skip": NO_SKIP,
}
S2 = SPACES["s2"]
S2_STAGES = [slot for slot, starts in enumerate(S2.stage_starts) if starts]


@contextmanager
def precision(dtype: str) -> Iterator[None]:
    """Layers made inside compute in `dtype`, and are made fast: their kernels start at zero."""
    floatx, policy, initializer = keras.config.floatx(), keras.config.dtype_policy(), conv_bn.kernel_initializer
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    conv_bn.kernel_initializer = blocks.kernel_initializer = keras.initializers.Zeros
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
        conv_bn.kernel_initializer = blocks.kernel_initializer = initializer


def orthogonal(rng, size):
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


def conditioned(rng, size, condition):
    """A random square matrix of that condition number and determinant +-1."""
    singular = np.geomspace(condition**0.5, condition**-0.5, size)
    return orthogonal(rng, size) * singular @ orthogonal(rng, size)


def near_identity(rng, size, condition):
    """Identity plus noise, rescaled along its singular vectors to that condition number."""
    left, singular, right = np.linalg.svd(np.eye(size) + rng.normal(0, 0.3 * size**-0.5, (size, size)))
    singular **= np.log(condition) / np.log(singular[0] / singular[-1])
    return left * singular @ right


def random_stabilizer(rng, in_channels, filters):
    """A random matrix that keeps the energy of white noise; a square one has a condition number of at most 100."""
    if in_channels != filters:
        return rng.normal(0, in_channels**-0.5, (in_channels, filters))
    make = near_identity if rng.random() < 0.5 else conditioned
    matrix = make(rng, filters, MAX_CONDITION_OF_A_STABILIZER ** rng.random())
    return matrix * np.sqrt(filters) / np.linalg.norm(matrix)


def randomise(supernet, seed=0):
    """Random weights; batch norm statistics of mixed paths, disturbed.

    Statistics drawn from nowhere make networks in which float32 itself is off by more than a thousandth.
    """
    rng = np.random.default_rng(seed)
    for weight in supernet.weights:
        shape = weight.shape
        if weight.name.endswith("gamma"):
            weight.assign(rng.uniform(0.5, 1.5, shape))
        elif not weight.trainable:
            weight.assign(np.zeros(shape))
        elif len(shape) > 1:
            fan_in = np.prod(shape[:-1]) if weight.name != "depthwise_kernel" else np.prod(shape[:2])
            weight.assign(rng.normal(0, np.sqrt(2 / fan_in), shape))
        else:
            weight.assign(rng.normal(0, 0.3, shape))
    for slot in supernet.slots:
        for layer in slot.candidates:
            if isinstance(layer, Stabilizer) and layer.kind != "skip":
                layer.kernel.assign(random_stabilizer(rng, layer.in_channels, layer.filters)[np.newaxis, np.newaxis])
    # From zero, one pass leaves a tenth of the batch's statistics in every block.
    space = supernet.space
    supernet.fair_forward(images_for(supernet, 64), fair_permutations(seed, 0, space.num_slots, space.num_choices))
    of_head = {weight.path for weight in supernet.head[0].weights}  # through which every stream went
    for weight in supernet.non_trainable_variables:
        statistic = np.asarray(weight) / (1 - 0.9 ** (space.num_choices if weight.path in of_head else 1))
        if weight.name.endswith("variance"):
            weight.assign((statistic + statistic.mean()) / 2 * rng.uniform(0.7, 1.4, weight.shape))
        else:
            weight.assign(statistic + rng.normal(0, 0.1, weight.shape) * np.abs(statistic).mean())
    return supernet


@cache
def make_supernet(space_name, dtype="float64", stabilizer="els"):
    space = SPACES[space_name]
    with precision(dtype):
        return randomise(Supernet(space, space.min_image_size, NUM_CLASSES, stabilizer))


def images_for(supernet, count=2):
    size = supernet.image_size
    return np.random.default_rng(9).normal(size=(count, size, size, 3))


def assert_same_function(supernet, genotype, extraction):
    images, dtype = images_for(supernet), supernet.dtype
    expected, actual = np.asarray(supernet(images, path=genotype)), np.asarray(extraction.model(images))
    assert actual.dtype == expected.dtype == dtype
    assert np.abs(actual - expected).max() < TOLERANCE[dtype] * np.abs(expected).max(), genotype
    assert np.abs(expected[0] - expected[1]).max() > 1e-3 * np.abs(expected).max()  # the images matter


def assert_extracts_exactly(supernet, genotype):
    with precision(supernet.dtype):
        extraction = extract_path(supernet, genotype)
    assert_same_function(supernet, genotype, extraction)
    model, space = extraction.model, supernet.space
    rows = space.decode(genotype).blocks
    skipped = [slot for slot, row in enumerate(rows) if isinstance(row, Skip)]
    held = [type(model.get_layer(f"slot_{slot}")) for slot in range(len(rows)) if slot not in skipped]
    layer_of = {MBConv: InvertedBottleneck, Projection: ProjectionConv}
    assert held == [layer_of[type(row)] for row in rows if not isinstance(row, Skip)]
    assert not any(isinstance(layer, Stabilizer) for layer in model.layers)
    params = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert params == count(space.decode(genotype), supernet.image_size, NUM_CLASSES).params
    assert sorted(removal.slot for removal in extraction.removals) == skipped
    assert extraction.kept == 0
    return extraction


def skipping_genotype(space, rng):
    """A genotype that skips each slot with a probability of 0.3 to 0.5."""
    probability = rng.uniform(0.3, 0.5)
    return tuple(space.skip_index if rng.random() < probability else choice for choice in space.sample(rng))


def path_skipping(space, slots):
    """The blocks of a fixed path, with `slots` skipped."""
    rng = np.random.default_rng(3)
    blocks_alone = [int(choice) for choice in rng.integers(space.num_choices - 1, size=space.num_slots)]
    return tuple(space.skip_index if slot in slots else choice for slot, choice in enumerate(blocks_alone))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("space_name", ["s1", "s2"])
def test_random_genotypes(space_name, dtype):
    supernet, rng = make_supernet(space_name, dtype), np.random.default_rng(0)
    methods, worst = set(), 0.0
    for _ in range(GENOTYPES):
        extraction = assert_extracts_exactly(supernet, skipping_genotype(supernet.space, rng))
        methods |= {removal.method for removal in extraction.removals}
        worst = max([worst, *(removal.basis_condition_number for removal in extraction.removals)])
    assert methods == {"change of basis", "into the block before", "into the next reader"}
    assert worst > 2


BOUNDARIES = {f"after slot {slot - 1}": slot for slot in S2_STAGES[1:]}


@pytest.mark.parametrize("start", BOUNDARIES.values(), ids=BOUNDARIES)
@pytest.mark.parametrize("where", ["before", "after", "both"])
def test_els_at_each_stage_boundary(start, where):
    skipped = {"before": [start - 1], "after": [start], "both": [start - 1, start]}[where]
    assert_extracts_exactly(make_supernet("s2"), path_skipping(S2, skipped))


@pytest.mark.parametrize(
    "skipped",
    [
        pytest.param([], id="nowhere"),
        pytest.param([0], id="in the first slot"),
        pytest.param([18], id="in the last slot"),
        pytest.param(range(19), id="in all slots"),
        pytest.param(range(1, 19), id="in all but the first"),
        pytest.param(range(18), id="in all but the last"),
        pytest.param([3, 4], id="in a run between blocks"),
        pytest.param([14, 15, 16], id="in a run that starts a stage"),
        pytest.param([7, 8, 9], id="in a run that ends a stage"),
        pytest.param([6, 7, 8, 9], id="in a whole stage"),
        pytest.param([5, 6, 7, 8, 9, 10], id="in a run over two boundaries"),
        pytest.param(range(2, 18), id="in all strides but the first"),
        pytest.param([slot for slot in range(19) if slot not in S2_STAGES], id="in all but the stages' first slots"),
        pytest.param(S2_STAGES, id="in the stages' first slots"),
        pytest.param([3, 8, 11, 12, 16], id="inside every stage"),
    ],
)
def test_els_named_places(skipped):
    assert_extracts_exactly(make_supernet("s2"), path_skipping(S2, skipped))


@pytest.mark.parametrize("stabilizer", ["els", "skip"])
@pytest.mark.parametrize("space_name", ["small", "tiny"])
def test_both_kinds_in_small_spaces(space_name, stabilizer):
    supernet, rng = make_supernet(space_name, "float64", stabilizer), np.random.default_rng(0)
    space = supernet.space
    everywhere = (space.skip_index,) * space.num_slots
    for genotype in [everywhere, path_skipping(space, [0]), *(skipping_genotype(space, rng) for _ in range(15))]:
        assert_extracts_exactly(supernet, genotype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_networks_of_nas_bench_macro(dtype):
    supernet, rng = make_supernet("nas_bench_macro", dtype), np.random.default_rng(0)
    for genotype in [(0,) * 8, (0, 1, 0, 0, 2, 0, 2, 0), *(supernet.space.sample(rng) for _ in range(10))]:
        assert_extracts_exactly(supernet, genotype)


@pytest.mark.parametrize("stabilizer", ["els", "skip"])
def test_stabilizers_are_removed_around_projections(stabilizer):
    supernet, rng = make_supernet("tiny_with_projections", "float64", stabilizer), np.random.default_rng(0)
    genotypes = [skipping_genotype(supernet.space, rng) for _ in range(15)]
    extractions = [assert_extracts_exactly(supernet, genotype) for genotype in [(2, 2, 1, 2, 0, 2, 0), *genotypes]]
    methods = {removal.method for extraction in extractions for removal in extraction.removals}
    assert methods == {"change of basis", "into the block before", "into the next reader"}
    if stabilizer == "skip":  # of equal shapes: nothing changes
        layer = extractions[0].model.get_layer("slot_3")
        for old, new in zip(supernet.slots[3].candidates[2].weights, layer.weights, strict=True):
            np.testing.assert_array_equal(old, new)


def test_plain_skips_inside_a_stage_leave_the_weights_as_they_are():
    supernet = make_supernet("tiny", "float64", "skip")
    genotype = path_skipping(TINY, [1, 5])
    model = assert_extracts_exactly(supernet, genotype).model
    for slot, choice in enumerate(genotype):
        if choice != TINY.skip_index:
            for old, new in zip(
                supernet.slots[slot].candidates[choice].weights, model.get_layer(f"slot_{slot}").weights, strict=True
            ):
                np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("genotype", [(0, 1), (1, 0), (1, 1)])
def test_space_without_skip(genotype):
    assert_extracts_exactly(make_supernet("no_skip"), genotype)


def test_extract_gives_the_network_alone():
    supernet = make_supernet("tiny")
    with precision("float64"):
        model = extract(supernet, path_skipping(TINY, [2, 5]))
    assert isinstance(model, keras.Model)
    assert not any(isinstance(layer, Stabilizer) for layer in model.layers)


@pytest.mark.parametrize("basis", ["backward", "forward", "balanced"])
def test_every_basis_is_exact(basis):
    supernet, genotype = make_supernet("tiny"), path_skipping(TINY, [1, 4, 5])
    with precision("float64"):
        extraction = extract_path(supernet, genotype, basis=basis, max_condition=1e5)
    assert_same_function(supernet, genotype, extraction)


SINGULAR = np.diag([1.0] * 11 + [0.0])
ILL_CONDITIONED = np.diag([1.0] * 11 + [1e-10])


def spoilt_supernet(matrix):
    """A supernet with `matrix` for all stabilizers of the second stage."""
    with precision("float64"):
        supernet = randomise(Supernet(TINY, TINY.min_image_size, NUM_CLASSES))
    for slot in (4, 5, 6):
        supernet.slots[slot].candidates[TINY.skip_index].kernel.assign(matrix[np.newaxis, np.newaxis])
    return supernet


@pytest.mark.parametrize(("matrix", "condition"), [(SINGULAR, "inf"), (ILL_CONDITIONED, "1e+10")])
def test_stabilizer_that_cannot_be_inverted_is_refused_but_may_be_kept(matrix, condition):
    supernet, genotype = spoilt_supernet(matrix), path_skipping(TINY, [5])
    with precision("float64"):
        with pytest.raises(IllConditionedError) as error:
            extract_path(supernet, genotype)
        message = str(error.value)
        assert isinstance(error.value, InputError)
        assert "slot 5 " in message
        assert f"condition number is {condition}," in message
        assert "--keep_stabilizers" in message
        extraction = extract_path(supernet, genotype, keep_stabilizers=True)
    assert (extraction.kept, extraction.removals) == (1, ())
    assert [layer.name for layer in extraction.model.layers if isinstance(layer, Stabilizer)] == ["slot_5"]
    assert_same_function(supernet, genotype, extraction)


@pytest.mark.parametrize("skipped", [[3, 4], [3, 4, 5], [4], [4, 5], [5, 6], [4, 6], [6], range(7)])
def test_singular_stabilizer_is_removed_around_the_first_block_of_a_stage_and_after_the_last(skipped):
    assert_extracts_exactly(spoilt_supernet(SINGULAR), path_skipping(TINY, skipped))


@pytest.mark.parametrize("skipped", [[], [0], [1], [0, 1, 3, 6], range(7)])
def test_kept_stabilizers_give_the_path_itself(skipped):
    supernet, genotype = make_supernet("tiny"), path_skipping(TINY, skipped)
    with precision("float64"):
        extraction = extract_path(supernet, genotype, keep_stabilizers=True)
    assert extraction.kept == len(skipped)
    assert_same_function(supernet, genotype, extraction)


def test_els_relu_is_refused_with_a_skip_on_the_path_alone():
    supernet = make_supernet("tiny", "float64", "els_relu")
    with pytest.raises(InputError, match=r"ReLU is no linear map .* --stabilizer=els_relu"):
        extract_path(supernet, path_skipping(TINY, [4]))
    assert_extracts_exactly(supernet, path_skipping(TINY, []))


def test_keeping_plain_skips_is_refused():
    with pytest.raises(InputError, match=r"--keep_stabilizers is for els\. Received a supernet with skip"):
        extract_path(make_supernet("tiny", "float64", "skip"), path_skipping(TINY, [4]), keep_stabilizers=True)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("space_name", ["small", "tiny", "tiny_with_projections"])
def test_networks_with_stabilizers_give_what_their_paths_give(space_name, dtype):
    supernet, rng = make_supernet(space_name, dtype), np.random.default_rng(1)
    genotypes = [path_skipping(supernet.space, skipped) for skipped in ([1], range(7))]
    for genotype in [*genotypes, *(skipping_genotype(supernet.space, rng) for _ in range(3))]:
        arch = supernet.space.decode(genotype)
        with precision(dtype):
            network = extract_path(supernet, genotype, keep_stabilizers=True).model
            removed, extracted = without_stabilizers(network, arch), extract_path(supernet, genotype)
        assert (removed.kind, removed.kept, removed.removals) == ("els", 0, extracted.removals)
        assert_same_function(supernet, genotype, removed)
        for one, other in zip(removed.model.weights, extracted.model.weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_stabilizers_of_a_deeper_and_wider_network_are_removed():
    arch = scale(TINY.decode(path_skipping(TINY, [1, 3, 5])), width=1.3, depth=2.0)
    images, rng = np.random.default_rng(9).normal(size=(2, 16, 16, 3)), np.random.default_rng(0)
    with precision("float64"):
        network = build_model(arch, 16, NUM_CLASSES, stabilizer="els")
        for weight in network.weights:
            if weight.name.endswith("variance"):
                weight.assign(rng.uniform(0.5, 1.5, weight.shape))
            else:
                weight.assign(weight + rng.normal(0, 0.1, weight.shape))
        extraction = without_stabilizers(network, arch)
    expected = np.asarray(network(images))
    np.testing.assert_allclose(extraction.model(images), expected, atol=1e-9 * np.abs(expected).max())
    assert [removal.slot for removal in extraction.removals] == list(arch.skipped_slots)
    assert not any(isinstance(layer, Stabilizer) for layer in extraction.model.layers)


def test_els_relu_of_a_network_is_refused():
    arch = TINY.decode(path_skipping(TINY, [4]))
    with pytest.raises(InputError, match=r"ReLU is no linear map .* --stabilizer=els_relu"):
        without_stabilizers(build_model(arch, 8, NUM_CLASSES, stabilizer="els_relu"), arch)


@pytest.mark.parametrize("genotype", [(0,) * 6, (0,) * 6 + (3,)])
def test_genotype_of_another_space_is_refused(genotype):
    with pytest.raises(ValueError, match="of tiny"):
        extract_path(make_supernet("tiny"), genotype)
