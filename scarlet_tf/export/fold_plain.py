"""Exact removal of stabilizers from a path of plain convolutions, in float64 NumPy.

No shortcut reads a stabilizer there, so that each goes into the kernel that reads it, whatever the size of that is:
its zero padding is the zero padding of the stabilizer's output, too. Only max-pooling is in the way. It commutes with a
stabilizer of which each output channel is at most one input channel, scaled by no negative number, and with no other:
of two channels in one sum, the largest values may lie at different pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scarlet_tf.errors import InputError
from scarlet_tf.export.fold import Removal, condition_number


class BeforePoolingError(InputError):
    """A stabilizer that cannot be removed, because max-pooling reads it."""


@dataclass
class Reader:
    """A kernel (..., in, out) of a convolution or dense layer, in float64; with `pools`, max-pooling stands before
    it."""

    kernel: np.ndarray
    pools: bool = False


def commutes_with_max_pooling(matrix: np.ndarray) -> bool:
    """Whether max-pooling may be moved past the map of channels x @ matrix, (in, out), for every x."""
    return bool(np.all(matrix >= 0) and np.all(np.count_nonzero(matrix, axis=0) <= 1))


def fold_into_readers(path: Sequence[Reader | tuple[int, np.ndarray]]) -> list[Removal]:
    """Removes every stabilizer of a path, whose parts are Readers and (slot, matrix) of stabilizers, in order; the last
    one is a Reader. Changes the kernels of the Readers in place; returns a record.

    Raises BeforePoolingError, naming the slot, for a stabilizer that max-pooling reads and does not commute with.
    """
    removals: list[Removal] = []
    waiting: list[tuple[int, np.ndarray]] = []
    for part in path:
        if not isinstance(part, Reader):
            waiting.append(part)
            continue
        for slot, matrix in waiting:
            if part.pools and not commutes_with_max_pooling(matrix):
                raise BeforePoolingError(
                    f"The stabilizer of slot {slot} cannot be removed: max-pooling, which is not linear, reads it. Use "
                    "--keep_stabilizers, a genotype with a convolution in the last slot before each max-pooling, or a "
                    "supernet with --stabilizer=skip."
                )
        for _, matrix in reversed(waiting):
            part.kernel = matrix @ part.kernel
        slots = [slot for slot, _ in waiting]
        for slot, matrix in waiting:
            others = tuple(other for other in slots if other != slot)
            removals.append(Removal(slot, "into the next reader", None, others, condition_number(matrix), 1.0))
        waiting = []
    return removals
