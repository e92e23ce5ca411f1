"""A path of plain convolutions and the standalone network extracted from it are the same function."""

from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import product

import keras
import numpy as np
import pytest

from scarlet_tf.arch import SKIP, Conv, Head, SearchSpace, Skip, Slot, Stem, count
from scarlet_tf.arch.cells import canonical
from scarlet_tf.errors import InputError
from scarlet_tf.export.extract import extract_path
from scarlet_tf.export.fold_plain import BeforePoolingError, Reader, commutes_with_max_pooling, fold_into_readers
from scarlet_tf.nets.blocks import ConvBlock
from scarlet_tf.nets.stabilizer import Stabilizer
from scarlet_tf.nets.supernet import Supernet, fair_permutations

NUM_CLASSES, SIZE = 10, 9  # pixels: an odd number, which max-pooling rounds up
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}

PLAIN = SearchSpace(
    "plain",
    Stem(6, stride=1, activation="relu"),
    (
        *(Slot(8, entry=True), Slot(8), Slot(8)),
        *(Slot(8, entry=True), Slot(8), Slot(8)),
        *(Slot(12, stride=2, entry=True), Slot(12), Slot(12)),
        *(Slot(16, entry=True), Slot(16)),
    ),
    (Conv(1), Conv(3), SKIP, Conv(5)),
    Head(None),
    activation="relu",
)
"""Cells whose entries are alike, pool, and change channels without that."""
SPACES = {"without": PLAIN, "with": replace(PLAIN, head=Head(20, "relu"))}
LAST_BEFORE_POOLING = 5


@contextmanager
def precision(dtype):
    """Layers made inside compute in `dtype`."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


@cache
def make_supernet(head="without", dtype="float64", stabilizer="els"):
    """Random weights, stabilizers far from the identity, and batch norm statistics of mixed paths."""
    with precision(dtype):
        supernet = Supernet(SPACES[head], SIZE, NUM_CLASSES, stabilizer)
    rng = np.random.default_rng(0)
    for weight in supernet.trainable_weights:
        shape = weight.shape
        if weight.name.endswith("gamma"):
            weight.assign(rng.uniform(0.5, 1.5, shape))
        elif len(shape) > 1:
            weight.assign(rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape))
        else:
            weight.assign(rng.normal(0, 0.3, shape))
    for step in range(20):
        permutations = fair_permutations(0, step, PLAIN.num_slots, PLAIN.num_choices)
        supernet.fair_forward(rng.normal(size=(32, SIZE, SIZE, 3)), permutations)
    return supernet


def assert_same_function(supernet, genotype, model):
    images = np.random.default_rng(9).normal(size=(3, SIZE, SIZE, 3))
    expected, actual = np.asarray(supernet(images, path=genotype)), np.asarray(model(images))
    assert actual.dtype == expected.dtype == supernet.dtype
    assert np.abs(actual - expected).max() < TOLERANCE[supernet.dtype] * np.abs(expected).max(), genotype
    assert np.abs(expected[0] - expected[1]).max() > 1e-3 * np.abs(expected).max()  # the images matter


def extracted(supernet, genotype, **options):
    with precision(supernet.dtype):
        return extract_path(supernet, genotype, **options)


def assert_extracts_exactly(supernet, genotype):
    extraction = extracted(supernet, genotype)
    assert_same_function(supernet, genotype, extraction.model)
    arch = supernet.space.decode(genotype)
    kept = [f"slot_{slot}" for slot, row in enumerate(arch.blocks) if not isinstance(row, Skip)]
    entries = [f"slot_{slot}_entry" for slot, start in enumerate(supernet.space.stage_starts) if start]
    held = [layer.name for layer in extraction.model.layers if isinstance(layer, ConvBlock)]
    assert sorted(held) == sorted(kept + entries)
    assert not any(isinstance(layer, Stabilizer) for layer in extraction.model.layers)
    params = sum(int(np.prod(weight.shape)) for weight in extraction.model.trainable_weights)
    assert params == count(arch, SIZE, NUM_CLASSES).params
    skipped = [slot for slot, row in enumerate(arch.blocks) if isinstance(row, Skip)]
    assert [removal.slot for removal in extraction.removals] == skipped
    assert {removal.method for removal in extraction.removals} <= {"into the next reader"}
    return extraction


def genotypes(rng, number):
    """Random ones, with skips in half of their slots, and a convolution before the max-pooling."""
    for _ in range(number):
        genotype = [2 if rng.random() < 0.5 else choice for choice in PLAIN.sample(rng)]
        genotype[LAST_BEFORE_POOLING] = int(rng.choice([0, 1, 3]))
        yield tuple(genotype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("head", SPACES)
def test_random_genotypes(head, dtype):
    supernet = make_supernet(head, dtype)
    for genotype in genotypes(np.random.default_rng(1), 20):
        assert_extracts_exactly(supernet, genotype)


@pytest.mark.parametrize(
    "skipped",
    [
        pytest.param([], id="nowhere"),
        pytest.param([0], id="after the first entry"),
        pytest.param([2], id="before an entry"),
        pytest.param([2, 3], id="around an entry"),
        pytest.param([0, 1, 2], id="in a whole cell"),
        pytest.param([6, 7, 8], id="in a whole cell after the pooling"),
        pytest.param([8, 9, 10], id="to the end"),
        pytest.param([slot for slot in range(11) if slot != LAST_BEFORE_POOLING], id="everywhere but before pooling"),
    ],
)
@pytest.mark.parametrize("head", SPACES)
def test_named_places(head, skipped):
    genotype = tuple(2 if slot in skipped else 1 for slot in range(11))
    extraction = assert_extracts_exactly(make_supernet(head), genotype)
    if skipped == [8, 9, 10]:
        assert [removal.composed_with for removal in extraction.removals] == [(), (10,), (9,)]


@pytest.mark.parametrize("first", [3, 4, 5])
def test_stabilizers_before_max_pooling_are_refused_but_may_be_kept(first):
    supernet = make_supernet()
    genotype = tuple(2 if first <= slot <= LAST_BEFORE_POOLING else 1 for slot in range(11))
    with pytest.raises(BeforePoolingError, match=f"stabilizer of slot {first} cannot be removed: max-pooling"):
        extracted(supernet, genotype)
    assert issubclass(BeforePoolingError, InputError)
    extraction = extracted(supernet, genotype, keep_stabilizers=True)
    assert extraction.kept == genotype.count(2)
    assert_same_function(supernet, genotype, extraction.model)


def test_canonical_genotypes_can_be_extracted_where_no_cell_before_pooling_is_empty():
    supernet = make_supernet()
    for cell in ((0, 2, 2), (2, 1, 2), (1, 0, 2)):
        genotype = (*cell * 3, 2, 2)
        with pytest.raises(BeforePoolingError):
            extracted(supernet, genotype)
        assert_extracts_exactly(supernet, canonical(PLAIN, genotype))


def test_plain_skips_go_anywhere_and_change_no_weight():
    supernet = make_supernet(stabilizer="skip")
    for genotype in [(2,) * 11, (1, 2, 2, 0, 2, 2, 2, 3, 2, 2, 2)]:
        model = assert_extracts_exactly(supernet, genotype).model
        for slot, choice in enumerate(genotype):
            if choice != 2:
                own = model.get_layer(f"slot_{slot}").weights
                for old, new in zip(supernet.slots[slot].candidates[choice].weights, own, strict=True):
                    np.testing.assert_array_equal(old, new)


def test_els_relu_is_refused():
    with pytest.raises(InputError, match="ReLU is no linear map"):
        extracted(make_supernet(stabilizer="els_relu"), (1,) * 10 + (2,))


def test_identities_of_an_untrained_supernet_pass_max_pooling():
    supernet = Supernet(PLAIN, SIZE, NUM_CLASSES)
    genotype = (1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 1)
    assert_same_function(supernet, genotype, extract_path(supernet, genotype).model)


def test_what_commutes_with_max_pooling_is_what_does_so_on_all_small_maps():
    """Against max-pooling itself, for every 2 x 2 matrix of -1, 0, 1 and 2."""
    pixels = np.array(list(product((-1.0, 0.0, 1.0), repeat=4))).reshape(-1, 2, 2)  # (maps, pixels, channels)
    answers = set()
    for entries in product((-1.0, 0.0, 1.0, 2.0), repeat=4):
        matrix = np.reshape(entries, (2, 2))
        same = np.array_equal((pixels @ matrix).max(axis=1), pixels.max(axis=1) @ matrix)
        assert commutes_with_max_pooling(matrix) == same, matrix
        answers.add(same)
    assert answers == {True, False}


def test_kernels_of_any_size_take_over_a_run_of_stabilizers():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(4, 4)), rng.normal(size=(4, 4))
    kernel = rng.normal(size=(3, 3, 4, 5))
    reader, untouched = Reader(kernel), Reader(kernel)
    removals = fold_into_readers([untouched, (1, first), (2, second), reader])
    np.testing.assert_allclose(reader.kernel[1, 2], first @ second @ kernel[1, 2], rtol=1e-12)
    assert untouched.kernel is kernel
    assert [(removal.slot, removal.composed_with) for removal in removals] == [(1, (2,)), (2, (1,))]
    assert removals[0].condition_number == pytest.approx(np.linalg.cond(first))
