"""Prefixes that genotypes share, against sets of prefixes."""

import numpy as np

from scarlet_tf.arch import get_space
from scarlet_tf.search.trie import trie


def _prefixes(nodes, prefix=()):
    for node in nodes:
        own = (*prefix, node.choice)
        yield own, node
        yield from _prefixes(node.children, own)


def test_each_distinct_prefix_is_one_node():
    space, rng = get_space("s2"), np.random.default_rng(0)
    first, second = space.sample(rng), space.sample(rng)
    genotypes = [first, *(first[:cut] + second[cut:] for cut in range(19)), space.sample(rng), first]
    found = list(_prefixes(trie(space, genotypes)))
    expected = {genotype[:length] for genotype in genotypes for length in range(1, 20)}
    assert len(found) == len(expected)
    assert {prefix for prefix, _ in found} == expected
    assert all(node.slot == len(prefix) - 1 for prefix, node in found)


def test_leaves_are_the_genotypes(tiny_space):
    genotypes = [(0, 1, 2, 0), (0, 1, 0, 2), (2, 2, 2, 2), (0, 1, 2, 0)]
    leaves = [(prefix, node.leaf) for prefix, node in _prefixes(trie(tiny_space, genotypes)) if node.leaf]
    assert leaves == [(genotype, genotype) for genotype in sorted(set(genotypes))]
    assert trie(tiny_space, []) == ()


def test_a_shortcut_is_on_behind_a_block_of_the_same_stage(tiny_space):
    """Stages of two slots; choice 2 is a skip."""
    shortcuts = {}
    for genotype in [(0, 1, 2, 1), (2, 1, 1, 2)]:
        *_, last = _prefixes(trie(tiny_space, [genotype]))
        shortcuts[genotype] = [node.shortcut for _, node in _prefixes(trie(tiny_space, [genotype]))]
        assert last[1].leaf == genotype
    assert shortcuts == {(0, 1, 2, 1): [False, True, False, False], (2, 1, 1, 2): [False, False, False, True]}


def test_plain_convolutions_have_no_shortcut(chain_space):
    assert not any(node.shortcut for _, node in _prefixes(trie(chain_space, [(0, 1, 2, 1, 1, 1), (1, 1, 1, 1, 0, 0)])))
