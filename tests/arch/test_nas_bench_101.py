"""Keys of chains, against keys that NAS-Bench-101 was published with."""

from itertools import permutations, product

import numpy as np
import pytest

from scarlet_tf.arch.nas_bench_101 import chain_hash, chain_text, graph_hash, kernels_of

PUBLISHED = {
    (): "043721b9c7fe8c5fad811d47d83132ec",
    (3,): "b49ac8c578b4561d79ac7087988f1c61",
    (1,): "d1269d9156ddc027c40473008192958a",
    (3, 1): "96794a104891b22bf4f2abbdd7c3e90f",
    (1, 3): "d0a5ff67e269a1ac4f305c618a88ac85",
    (3, 3, 3): "c1dba24fc08f29b230d7d3c098c9517c",
    (3, 1, 3, 3): "0b04ae17c03f994ffd5e42b161fd3775",
    (3, 1, 1, 3, 1): "034301fabff30981b88a0a4555c0eca9",
    (3, 1, 1, 1, 3): "06f2dea8a8c4d3bc33a03d40bcb00929",
}


@pytest.mark.parametrize("kernels", PUBLISHED, ids=str)
def test_keys_are_the_published_ones(kernels):
    assert chain_hash(kernels) == PUBLISHED[kernels]


def test_each_chain_has_a_key_and_a_text_of_its_own():
    chains = [kernels for length in range(6) for kernels in product((1, 3), repeat=length)]
    assert len({chain_hash(kernels) for kernels in chains}) == len({chain_text(kernels) for kernels in chains}) == 63
    assert [kernels_of(chain_text(kernels)) for kernels in chains] == chains


def test_isomorphic_graphs_share_a_key():
    """A cell of two branches, its inner vertices in any order."""
    edges = np.zeros((5, 5), int)
    for start, end in ((0, 1), (0, 2), (1, 3), (3, 4), (2, 4)):
        edges[start, end] = 1
    labels = np.array([-1, 0, 1, 1, -2])
    orders = [np.array([0, *order, 4]) for order in permutations((1, 2, 3))]
    assert len({graph_hash(edges[np.ix_(order, order)], labels[order]) for order in orders}) == 1
    assert graph_hash(edges, labels) != graph_hash(edges, [-1, 1, 0, 1, -2])
    assert graph_hash(edges, labels) != graph_hash(edges.T, labels)


def test_texts():
    assert chain_text((3, 1)) == "conv3x3-bn-relu conv1x1-bn-relu"
    assert chain_text(()) == "(empty)"
    for text in ("", "conv5x5-bn-relu", "conv3x3-bn-relu  conv1x1-bn-relu", "maxpool3x3"):
        with pytest.raises(ValueError, match="A chain must be"):
            kernels_of(text)
