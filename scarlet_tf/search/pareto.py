"""Fronts, how crowded they are, and points at equal distance along one. All objectives are minimised."""

from collections.abc import Sequence

import moocore
import numpy as np


def check_weights(weights: Sequence[float], num_objectives: int) -> np.ndarray:
    """Returns `weights` as an array of `num_objectives` floats.

    Raises ValueError where their number is another, or one of them is negative or not finite.
    """
    values = np.asarray(weights, dtype=float)
    if values.shape != (num_objectives,) or not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(
            f"weights must be {num_objectives} finite numbers of at least 0, one an objective. Received: {weights!r}."
        )
    return values


def _check_objectives(objectives: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
    values = np.asarray(objectives, dtype=float)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(
            f"objectives must be finite numbers of shape (individuals, objectives). Received: "
            f"shape {values.shape}{'' if np.isfinite(values).all() else ', with values that are not finite'}."
        )
    return values


def non_dominated_sort(objectives: Sequence[Sequence[float]] | np.ndarray) -> list[np.ndarray]:
    """Fronts, best first, each an ascending array of row indices (Deb et al. 2002). objectives: (n, m).

    A row dominates another if it is nowhere larger and somewhere smaller, so equal rows share a front.
    Takes n^2 comparisons, and bytes, per objective.
    """
    objectives = _check_objectives(objectives)
    n = len(objectives)
    no_larger, smaller = np.ones((n, n), bool), np.zeros((n, n), bool)
    for column in objectives.T:
        no_larger &= column[:, None] <= column
        smaller |= column[:, None] < column
    dominates = no_larger & smaller  # (dominator, dominated)
    dominators = dominates.sum(axis=0)  # those not yet in a front; -1 for a row that is in one
    fronts = []
    while (front := np.flatnonzero(dominators == 0)).size:
        fronts.append(front)
        dominators[front] = -1
        dominators -= dominates[front].sum(axis=0)
    return fronts


def non_dominated(objectives: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
    """The first front alone, an ascending array of row indices; of equal rows all. objectives: (n, m)."""
    objectives = _check_objectives(objectives)
    if not len(objectives):
        return np.empty(0, int)
    return np.flatnonzero(moocore.is_nondominated(objectives, keep_weakly=True))


def crowding_distance(
    objectives: Sequence[Sequence[float]] | np.ndarray, weights: Sequence[float] | None = None
) -> np.ndarray:
    """Crowding distance within one front, weighted per objective (Friedrich et al. 2011). objectives: (n, m).

    Returns (n,): the mean over objectives of weight x gap between the two neighbours / range of the
    objective; boundary points are inf, whatever the weight. No weights are weights of 1. This is the scale
    of pymoo; the distance of Deb et al. 2002 is the sum, m times as large, and orders points the same way.
    Also as in pymoo, an objective that is the same everywhere contributes nothing (and has no boundary),
    equal values keep the order of the rows, and of at most two rows each is a boundary point.
    """
    objectives = _check_objectives(objectives)
    n, num_objectives = objectives.shape
    weights = check_weights(np.ones(num_objectives) if weights is None else weights, num_objectives)
    if n <= 2:
        return np.full(n, np.inf)
    distance = np.zeros(n)
    for column, weight in zip(objectives.T, weights, strict=True):
        order = np.argsort(column, kind="stable")
        ascending = column[order]
        span = ascending[-1] - ascending[0]
        if span > 0:
            distance[order[1:-1]] += weight * (ascending[2:] - ascending[:-2]) / span / num_objectives
            distance[order[[0, -1]]] = np.inf
    return distance


def pick_equidistant(objectives: Sequence[Sequence[float]] | np.ndarray, k: int) -> np.ndarray:
    """Indices of `k` rows at equal distance along a front, in its order. objectives: (n, m).

    The front is the polyline through its rows in the order of the first objective (ties: the next ones),
    its length taken with every objective scaled to [0, 1]. Of k equally spaced positions on it, both ends
    included, each takes the nearest row that is still free; k = 1 takes the row nearest to the middle. All
    rows, where there are no more than k.
    """
    objectives = _check_objectives(objectives)
    if k < 1:
        raise ValueError(f"k must be at least 1. Received: {k}.")
    order = np.lexsort(objectives.T[::-1])
    n = len(order)
    if n <= k:
        return order
    span = np.ptp(objectives, axis=0)
    steps = np.diff(objectives[order], axis=0) / np.where(span > 0, span, 1)
    position = np.concatenate([[0.0], np.cumsum(np.linalg.norm(steps, axis=1))])
    targets = position[-1] * (np.linspace(0, 1, k) if k > 1 else np.array([0.5]))
    chosen = [0, n - 1] if k > 1 else []
    for target in targets[1:-1] if k > 1 else targets:
        free = np.setdiff1d(np.arange(n), chosen)
        chosen.append(int(free[np.argmin(np.abs(position[free] - target))]))
    return order[np.sort(chosen)]
