"""Chains by their names in NAS-Bench-101 (Ying et al. 2019, arXiv 1902.09635). Never imports TensorFlow.

There a cell is a graph of at most 7 vertices, of which the first is its input and the last its output, and a table's
key is a hash of that graph which isomorphic graphs share.
"""

from collections.abc import Sequence
from hashlib import md5

import numpy as np

CONVOLUTIONS = {3: "conv3x3-bn-relu", 1: "conv1x1-bn-relu"}
"""By kernel, in the order of the labels 0 and 1 of vertices."""
EMPTY = "(empty)"

_INPUT, _OUTPUT = -1, -2  # labels of these vertices
_LABELS = {kernel: label for label, kernel in enumerate(CONVOLUTIONS)}
_KERNELS = {name: kernel for kernel, name in CONVOLUTIONS.items()}


def _digest(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def graph_hash(adjacency: np.ndarray, labels: Sequence[int]) -> str:
    """The key of a labelled directed graph: 32 hexadecimal digits.

    adjacency: (vertices, vertices) of 0 and 1, the row an edge comes from and the column it goes to. Each vertex begins
    with a digest of its number of outgoing edges, of incoming ones, and its label; as many times as there are vertices
    each takes in the digests of its neighbours, those before it and those after it, sorted. The key is the digest of
    the sorted ones that this ends with.
    """
    edges = np.asarray(adjacency, bool)
    digests = [
        _digest(str((int(edges[vertex].sum()), int(edges[:, vertex].sum()), int(label))))
        for vertex, label in enumerate(labels)
    ]
    for _ in labels:
        before = ["".join(sorted(digests[other] for other in np.flatnonzero(column))) for column in edges.T]
        after = ["".join(sorted(digests[other] for other in np.flatnonzero(row))) for row in edges]
        digests = [_digest(f"{left}|{right}|{own}") for left, right, own in zip(before, after, digests, strict=True)]
    return _digest(str(sorted(digests)))


def chain_hash(kernels: Sequence[int]) -> str:
    """The key of the chain of convolutions with these kernels, 1 or 3."""
    vertices = len(kernels) + 2
    return graph_hash(np.eye(vertices, k=1), [_INPUT, *(_LABELS[kernel] for kernel in kernels), _OUTPUT])


def chain_text(kernels: Sequence[int]) -> str:
    """The chain as text, as "conv3x3-bn-relu conv1x1-bn-relu"; "(empty)" where there is none."""
    return " ".join(CONVOLUTIONS[kernel] for kernel in kernels) or EMPTY


def kernels_of(text: str) -> tuple[int, ...]:
    """The reverse of `chain_text`. Raises ValueError for another text."""
    names = [] if text == EMPTY else text.split(" ")
    if not all(name in _KERNELS for name in names):
        raise ValueError(f"A chain must be {EMPTY} or of {', '.join(_KERNELS)}, a space between. Received: {text!r}.")
    return tuple(_KERNELS[name] for name in names)
