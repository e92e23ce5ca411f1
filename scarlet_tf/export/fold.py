"""Exact removal of stabilizers from a path of the supernet: the algebra, in float64 NumPy.

Rows are pixels: a 1x1 convolution maps x (n, in) to x @ kernel, a stabilizer maps x to x @ A. A stabilizer whose reader
has no shortcut goes into that reader's kernel, A @ kernel (paper Lemma 4.1). Between two blocks of a stage it cannot:
the shortcut reads it too. There the activations after block i are kept in another basis, x @ B_i, with
B_i = A_i @ B_(i+1): then the identity shortcut of the next block does what the stabilizer did. The block's last
convolution takes B_i, the next block's first convolution takes the inverse of B_(i+1), and the next stage's reader
takes the inverse of the last basis. One factor M per stage is free, B_i = A_i @ ... @ A_(k-1) @ M, and is chosen to
keep B_1 .. B_k as close to orthogonal as can be. B_0 is never inverted, as the first block has no shortcut: its last
convolution computes what A_0 made of its output, and A_0 may be anything, even singular.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scarlet_tf.errors import InputError

BASES = ("balanced", "backward", "forward")
MAX_CONDITION = 3e2
"""Largest condition number of a basis that is removed. The error in float32 grows in proportion to it and reaches 1e-4
of the largest logit at 1e3 (benchmarks/fold_conditioning.py)."""


class IllConditionedError(InputError):
    """A stabilizer that cannot be removed in float32."""


def condition_number(matrix: np.ndarray) -> float:
    """Ratio of the largest to the smallest singular value; inf for a singular matrix."""
    singular = np.linalg.svd(matrix, compute_uv=False)
    return float(singular[0] / singular[-1]) if singular[-1] > 0 else float("inf")


def _products(between: Sequence[np.ndarray]) -> list[np.ndarray]:
    """For i = 0..k, A_i @ ... @ A_(k-1)."""
    products = [np.eye(between[0].shape[0])]
    for matrix in reversed(between):
        products.append(matrix @ products[-1])
    return products[::-1]


def _log_euclidean_balance(products: Sequence[np.ndarray]) -> np.ndarray:
    """M that makes all products @ M nearly orthogonal.

    (C M)(C M)^T = I asks for M M^T = (C^T C)^-1, which differs from product to product; M M^T is their log-Euclidean
    mean, each distinct one counted once. For a single stabilizer E that is M = (E^T E)^(-1/4), which halves the
    exponent of the condition number.
    """
    distinct = [products[-1]]
    for product in products[-2::-1]:
        if not np.array_equal(product, distinct[-1]):
            distinct.append(product)
    mean_log = np.zeros_like(products[0])
    for product in distinct:
        _, singular, right = np.linalg.svd(product)
        mean_log += right.T @ np.diag(-2.0 * np.log(singular)) @ right / len(distinct)
    eigenvalues, vectors = np.linalg.eigh(mean_log)
    return vectors @ np.diag(np.exp(eigenvalues / 2.0)) @ vectors.T


def stage_bases(between: Sequence[np.ndarray], basis: str = "balanced") -> tuple[str, list[np.ndarray]]:
    """Which basis it is, "identity" or one of BASES; and B_0 .. B_k of the activations after the k + 1 blocks of a
    stage, each (channels, channels).

    between: A_0 .. A_(k-1), what the supernet applies between consecutive blocks, all but A_0 invertible. basis:
    "backward" takes B_k = I, "forward" B_1 = I, "balanced" whichever keeps B_1 .. B_k better conditioned of both and
    the log-Euclidean balance. Identities give identities, exactly. Raises np.linalg.LinAlgError for a singular matrix.
    """
    if basis not in BASES:
        raise ValueError(f"basis must be one of {BASES}. Received: {basis!r}.")
    products = _products(between)
    inverted, identity = products[1:], products[-1]
    if all(np.array_equal(product, identity) for product in inverted):
        return "identity", products
    if any(np.isinf(condition_number(matrix)) for matrix in between[1:]):
        raise np.linalg.LinAlgError("singular matrix")
    frees = {"backward": lambda: identity, "forward": lambda: np.linalg.inv(inverted[0])}
    if basis != "balanced":
        return basis, [product @ frees[basis]() for product in products]
    frees["balanced"] = lambda: _log_euclidean_balance(inverted)
    candidates = [(name, [product @ free() for product in products]) for name, free in frees.items()]
    return min(candidates, key=lambda candidate: max(map(condition_number, candidate[1][1:])))


@dataclass
class BlockWeights:
    """What removal changes of a block, in float64: first kernel (in, hidden), last kernel (hidden, filters) and the
    batch norm after it, each (filters,)."""

    first: np.ndarray
    last: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    epsilon: float

    def change_output_basis(self, basis: np.ndarray) -> None:
        """Multiplies the block's output, batch norm included, by `basis` from the right.

        Batch norm stays, so that the network can be trained on: its scale and deviation cancel at inference, and its
        moving statistics are what the new kernel's output has if the old one's channels are uncorrelated.
        """
        scaled = (self.gamma / np.sqrt(self.variance + self.epsilon))[:, np.newaxis] * basis
        self.last = self.last @ scaled
        self.mean, self.beta = self.mean @ scaled, self.beta @ basis
        self.variance = self.variance @ scaled**2
        self.gamma = np.sqrt(self.variance + self.epsilon)


@dataclass(frozen=True)
class Removal:
    """How one stabilizer was removed.

    `method`: it went "into the next reader" or "into the block before", or by a "change of basis" of its stage, which
    is then the `basis`: one of BASES, or the "identity". `composed_with` are the slots of the stabilizers that it was
    multiplied with on the way. `condition_number` is its own; `basis_condition_number` the largest among the bases of
    its stage that are inverted, 1.0 where the stabilizer went into a convolution without one.
    """

    slot: int
    method: str
    basis: str | None
    composed_with: tuple[int, ...]
    condition_number: float
    basis_condition_number: float


def remove_stabilizers(
    stage_starts: Sequence[bool],
    rows: Sequence[BlockWeights | np.ndarray],
    head: np.ndarray,
    max_condition: float = MAX_CONDITION,
    basis: str = "balanced",
) -> tuple[np.ndarray, list[Removal]]:
    """Removes every stabilizer of a path. Changes the BlockWeights in place; returns the head's kernel and a record.

    stage_starts: for each slot, whether it begins a stage. rows: for each slot the weights of its block, or the matrix
    (in, filters) of its stabilizer. head: kernel (channels, filters) of the convolution after the last slot. Strides
    are the caller's: they compose and do not mix with channels.

    Raises IllConditionedError, naming the slot, where a basis has a condition number above `max_condition`.
    """
    removals: list[Removal] = []
    pending: np.ndarray | None = None  # from the standalone network's activations to what the next reader wants
    waiting: list[int] = []  # slots of the stabilizers in it

    def pend(slot: int) -> None:
        nonlocal pending
        pending = rows[slot] if pending is None else pending @ rows[slot]
        waiting.append(slot)

    def record(slots: Sequence[int], method: str, basis: str | None = None, inverted: float = 1.0) -> None:
        for slot in slots:
            others = tuple(other for other in slots if other != slot)
            removals.append(Removal(slot, method, basis, others, condition_number(rows[slot]), inverted))

    starts = [slot for slot, start in enumerate(stage_starts) if start]
    for first, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        block_slots = [slot for slot in range(first, end) if isinstance(rows[slot], BlockWeights)]
        lead_end = block_slots[0] if block_slots else end
        for slot in range(first, lead_end):
            pend(slot)
        if not block_slots:
            continue
        blocks = [rows[slot] for slot in block_slots]
        if pending is not None:
            blocks[0].first = pending @ blocks[0].first
            pending = None
        record(waiting, "into the next reader")
        waiting = []
        channels = len(blocks[0].gamma)
        gaps = [range(left + 1, right) for left, right in pairwise(block_slots)]
        between = []
        for gap in gaps:
            product = np.eye(channels)
            for slot in gap:
                product = product @ rows[slot]
            between.append(product)
        name, bases = _checked_bases(between, gaps, rows, max_condition, basis) if any(gaps) else (None, [])
        changed = [not np.array_equal(matrix, np.eye(channels)) for matrix in bases]
        for index, (block, matrix, change) in enumerate(zip(blocks, bases, changed, strict=False)):
            if change:
                block.change_output_basis(matrix)
                if index > 0:
                    block.first = np.linalg.solve(matrix, block.first)
        if any(changed) and changed[-1]:
            pending = np.linalg.inv(bases[-1])
        worst = max(map(condition_number, bases[1:]), default=1.0)
        for index, gap in enumerate(gaps):
            how = ("change of basis", name, worst) if index else ("into the block before",)
            record(gap, *how)
        for slot in range(block_slots[-1] + 1, end):
            pend(slot)
    record(waiting, "into the next reader")
    removals.sort(key=lambda removal: removal.slot)
    return (head if pending is None else pending @ head), removals


def _checked_bases(
    between: list[np.ndarray],
    gaps: list[range],
    rows: Sequence[BlockWeights | np.ndarray],
    max_condition: float,
    basis: str,
) -> tuple[str, list[np.ndarray]]:
    try:
        name, bases = stage_bases(between, basis)
        largest = max(map(condition_number, bases[1:]))
    except np.linalg.LinAlgError:
        largest = float("inf")
    if not largest <= max_condition:
        worst, slot = max((condition_number(rows[slot]), slot) for gap in gaps[1:] for slot in gap)
        raise IllConditionedError(
            f"The stabilizer of slot {slot} cannot be removed exactly: its condition number is {worst:.3g}, that of "
            f"its stage's basis {largest:.3g}, and {max_condition:.3g} is the most that float32 allows. "
            "Use --keep_stabilizers, or another genotype."
        )
    return name, bases
