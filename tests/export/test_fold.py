"""The algebra of removing stabilizers, on stages simulated in NumPy with the stabilizers in them."""

from copy import deepcopy

import numpy as np
import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.export.fold import (
    BASES,
    BlockWeights,
    IllConditionedError,
    condition_number,
    remove_stabilizers,
    stage_bases,
)

EPSILON = 1e-5
PIXELS = 40


def orthogonal(rng, size):
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


def conditioned(rng, size, condition):
    """A random square matrix of that condition number and determinant +-1."""
    singular = np.geomspace(condition**0.5, condition**-0.5, size)
    return orthogonal(rng, size) * singular @ orthogonal(rng, size)


def random_block(rng, in_channels, hidden, filters):
    return BlockWeights(
        rng.normal(0, in_channels**-0.5, (in_channels, hidden)),
        rng.normal(0, hidden**-0.5, (hidden, filters)),
        gamma=rng.uniform(0.5, 1.5, filters),
        beta=rng.normal(0, 0.3, filters),
        mean=rng.normal(0, 0.3, filters),
        variance=rng.uniform(0.5, 1.5, filters),
        epsilon=EPSILON,
    )


def batch_norm(y, block):
    return (y - block.mean) / np.sqrt(block.variance + EPSILON) * block.gamma + block.beta


def branch(x, block, mix):
    """A block without its shortcut; between its convolutions, what mixes hidden channels and pixels."""
    hidden = np.roll(np.tanh(x @ block.first @ mix), 1, axis=0) + np.abs(x @ block.first)
    return batch_norm(hidden @ block.last, block)


def with_stabilizers(x, starts, rows, mixes, head):
    """The supernet's path: the shortcut of a block is on iff a block came before in its stage."""
    block_seen = False
    for start, row, mix in zip(starts, rows, mixes, strict=True):
        block_seen = block_seen and not start
        if isinstance(row, BlockWeights):
            x = branch(x, row, mix) + (x if block_seen else 0)
            block_seen = True
        else:
            x = x @ row
    return x @ head


def without_stabilizers(x, starts, rows, mixes, head):
    """The standalone network: its blocks alone, with a shortcut after the first one of each stage."""
    block_seen = False
    for start, row, mix in zip(starts, rows, mixes, strict=True):
        block_seen = block_seen and not start
        if isinstance(row, BlockWeights):
            x = branch(x, row, mix) + (x if block_seen else 0)
            block_seen = True
    return x @ head


STAGES = ((5, 5), (7, 4), (6, 1), (6, 7))  # channels and slots; the last begins with a stride alone
IN_CHANNELS = 3


def random_path(rng, skip_probability, condition=30.0):
    """Rows of blocks and stabilizers over STAGES, with what is between each block's convolutions."""
    starts, rows, mixes, channels = [], [], [], IN_CHANNELS
    for filters, length in STAGES:
        for index in range(length):
            hidden = int(rng.integers(8, 14))
            starts.append(index == 0)
            mixes.append(rng.normal(0, hidden**-0.5, (hidden, hidden)))
            if rng.random() >= skip_probability:
                rows.append(random_block(rng, channels, hidden, filters))
            elif channels == filters:
                rows.append(conditioned(rng, filters, condition ** rng.random()))
            else:
                rows.append(rng.normal(0, channels**-0.5, (channels, filters)))
            channels = filters
    return starts, rows, mixes, rng.normal(size=(channels, 9))


def relative_error(actual, expected):
    return np.abs(actual - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("seed", range(40))
def test_folded_stages_are_the_same_function(seed, basis):
    rng = np.random.default_rng(seed)
    starts, rows, mixes, head = random_path(rng, skip_probability=rng.choice([0.2, 0.4, 0.6, 0.8, 1.0]))
    x = rng.normal(size=(PIXELS, IN_CHANNELS))
    expected = with_stabilizers(x, starts, rows, mixes, head)
    folded_head, removals = remove_stabilizers(starts, rows, head, 1e8, basis)
    assert relative_error(without_stabilizers(x, starts, rows, mixes, folded_head), expected) < 1e-9
    stabilizers = [slot for slot, row in enumerate(rows) if not isinstance(row, BlockWeights)]
    assert [removal.slot for removal in removals] == stabilizers
    for removal in removals:
        assert removal.composed_with == others_of_run(rows, removal.slot)
        assert (removal.basis in BASES) == (removal.method == "change of basis")
        assert removal.condition_number == condition_number(rows[removal.slot])
        before, after = (blocks_of_stage(starts, rows, removal.slot, before) for before in (True, False))
        if before == 0 or after == 0:
            assert removal.method == "into the next reader"
        else:
            assert removal.method == ("into the block before" if before == 1 else "change of basis")


def others_of_run(rows, slot):
    """The other stabilizers that there is no block between."""
    first = last = slot
    while first > 0 and not isinstance(rows[first - 1], BlockWeights):
        first -= 1
    while last + 1 < len(rows) and not isinstance(rows[last + 1], BlockWeights):
        last += 1
    return tuple(other for other in range(first, last + 1) if other != slot)


def blocks_of_stage(starts, rows, slot, before):
    """How many blocks there are in the slot's stage before it, or after."""
    first = max(index for index in range(slot + 1) if starts[index])
    end = next((index for index in range(slot + 1, len(rows)) if starts[index]), len(rows))
    return sum(isinstance(row, BlockWeights) for row in (rows[first:slot] if before else rows[slot + 1 : end]))


def test_folding_is_wrong_where_the_shortcut_is_forgotten():
    """Lemma 4.1 of the paper alone, W' = E W in the next block only, is another function."""
    rng = np.random.default_rng(0)
    starts = [True, False, False]
    block = random_block(rng, 3, 8, 5), random_block(rng, 5, 8, 5)
    rows = [block[0], conditioned(rng, 5, 10), block[1]]
    mixes = [rng.normal(size=(8, 8))] * 3
    x, head = rng.normal(size=(PIXELS, 3)), rng.normal(size=(5, 4))
    expected = with_stabilizers(x, starts, rows, mixes, head)
    block[1].first = rows[1] @ block[1].first
    assert relative_error(without_stabilizers(x, starts, rows, mixes, head), expected) > 0.1


@pytest.mark.parametrize("basis", BASES)
def test_identities_leave_every_weight_as_it_is(basis):
    rng = np.random.default_rng(1)
    starts, rows, _, head = random_path(rng, skip_probability=0.0)
    for slot, row in enumerate(rows):
        if not starts[slot] and slot % 2 == 0:
            rows[slot] = np.eye(len(row.gamma))
    before = deepcopy(rows)
    folded_head, removals = remove_stabilizers(starts, rows, head, basis=basis)
    np.testing.assert_array_equal(folded_head, head)
    assert len(removals) == sum(isinstance(row, np.ndarray) for row in rows) > 3
    for new, old in zip(rows, before, strict=True):
        if isinstance(new, BlockWeights):
            for name, value in vars(old).items():
                np.testing.assert_array_equal(getattr(new, name), value)
    assert all(removal.basis_condition_number == 1.0 for removal in removals)


@pytest.mark.parametrize("condition", [4.0, 100.0, 1e4])
def test_balanced_basis_halves_the_exponent_of_a_single_condition_number(condition):
    between = [np.eye(8), conditioned(np.random.default_rng(2), 8, condition), np.eye(8)]
    for basis, expected in (("balanced", condition**0.5), ("backward", condition), ("forward", condition)):
        inverted = stage_bases(between, basis)[1][1:]
        assert max(map(condition_number, inverted)) == pytest.approx(expected, rel=1e-6)


def test_bases_change_by_what_stands_between_the_blocks():
    rng = np.random.default_rng(3)
    between = [conditioned(rng, 6, 20), np.eye(6), conditioned(rng, 6, 50)]
    for basis in BASES:
        _, bases = stage_bases(between, basis)
        assert len(bases) == 4
        for matrix, left, right in zip(between, bases, bases[1:], strict=False):
            np.testing.assert_allclose(left, matrix @ right, atol=1e-10)
    np.testing.assert_array_equal(stage_bases(between, "backward")[1][-1], np.eye(6))
    np.testing.assert_allclose(stage_bases(between, "forward")[1][1], np.eye(6), atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_balanced_basis_is_never_worse_than_the_others(seed):
    rng = np.random.default_rng(seed)
    between = [conditioned(rng, 6, 10 ** rng.uniform(0, 4)) for _ in range(rng.integers(2, 5))]
    worst = {basis: max(map(condition_number, stage_bases(between, basis)[1][1:])) for basis in BASES}
    assert worst["balanced"] <= min(worst.values()) * (1 + 1e-9)


def test_changed_basis_keeps_inference():
    rng = np.random.default_rng(4)
    block, hidden, basis = random_block(rng, 5, 8, 6), rng.normal(size=(PIXELS, 8)), conditioned(rng, 6, 50)
    expected = batch_norm(hidden @ block.last, block) @ basis
    block.change_output_basis(basis)
    np.testing.assert_allclose(batch_norm(hidden @ block.last, block), expected, atol=1e-10)


def test_changed_basis_keeps_training_where_channels_are_uncorrelated():
    """Then the moving statistics are still those of the batch, and its own statistics normalise it alike."""
    rng = np.random.default_rng(5)
    block, basis = random_block(rng, 5, 6, 6), conditioned(rng, 6, 50)
    centred = rng.normal(size=(PIXELS, 6))
    centred -= centred.mean(0)
    uncorrelated = np.linalg.qr(centred)[0] * rng.uniform(1, 9, 6) + rng.normal(size=6)
    hidden = uncorrelated @ np.linalg.inv(block.last)

    def with_batch_statistics():
        y = hidden @ block.last
        return (y - y.mean(0)) / np.sqrt(y.var(0) + EPSILON) * block.gamma + block.beta

    y = hidden @ block.last
    block.mean, block.variance = y.mean(0), y.var(0)
    expected = with_batch_statistics() @ basis
    block.change_output_basis(basis)
    y = hidden @ block.last
    np.testing.assert_allclose(block.mean, y.mean(0), atol=1e-10)
    np.testing.assert_allclose(block.variance, y.var(0), rtol=1e-10)
    np.testing.assert_allclose(with_batch_statistics(), expected, atol=1e-9)


def test_condition_numbers_by_hand():
    assert condition_number(np.diag([4.0, -2.0, 0.5])) == pytest.approx(8)
    assert condition_number(np.diag([1.0, 0.0])) == float("inf")
    assert condition_number(np.eye(3, 5)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("matrix", "received"), [(np.diag([1.0, 1, 0, 1, 1]), "inf"), (np.diag([1e9, 1, 1, 1, 1]), "1e+09")]
)
def test_ill_conditioned_stabilizer_is_refused_by_slot_and_number(matrix, received):
    rng = np.random.default_rng(6)
    mild = conditioned(rng, 5, 3)
    rows = [random_block(rng, 3, 8, 5), mild, random_block(rng, 5, 8, 5), mild, matrix, random_block(rng, 5, 8, 5)]
    with pytest.raises(IllConditionedError) as error:
        remove_stabilizers([True] + [False] * 5, rows, np.ones((5, 4)))
    assert isinstance(error.value, InputError)
    assert "slot 4 " in str(error.value)
    assert f"condition number is {received}," in str(error.value)
    assert "--keep_stabilizers" in str(error.value)


@pytest.mark.parametrize("basis", BASES)
def test_singular_stabilizer_that_no_inverse_is_taken_of_is_removed(basis):
    """Before the first block of a stage, after it, and after the last one."""
    rng = np.random.default_rng(7)
    singular = conditioned(rng, 5, 3) @ np.diag([1.0, 0, 1, 0, 1])

    def block():
        return random_block(rng, 5, 8, 5)

    starts = [True, False, False, True, False, False, False, False]
    rows = [rng.normal(size=(3, 5)), singular, block(), singular, block(), singular, block(), singular]
    mixes = [rng.normal(size=(8, 8))] * 8
    x, head = rng.normal(size=(PIXELS, 3)), rng.normal(size=(5, 4))
    expected = with_stabilizers(x, starts, rows, mixes, head)
    head, removals = remove_stabilizers(starts, rows, head, basis=basis)
    assert relative_error(without_stabilizers(x, starts, rows, mixes, head), expected) < 1e-12
    assert {removal.method for removal in removals} == {"into the next reader", "into the block before"}
    assert all(removal.basis_condition_number == 1.0 for removal in removals)


def test_unknown_basis_is_refused():
    with pytest.raises(ValueError, match=r"basis must be one of .* Received: 'sideways'"):
        stage_bases([np.eye(2)], "sideways")
