"""Which genotypes of cells are one network, against all of them."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from scarlet_tf.arch import count, get_space
from scarlet_tf.arch.cells import canonical, cells, chains, repeated

CHAINS = get_space("nas_bench_101_chains")


def kept_rows(space, genotype):
    """What is left of a network, without the names of its slots, cell by cell."""
    rows = space.decode(genotype).blocks
    return [[row.kernel for row in rows[cell.start : cell.stop] if hasattr(row, "kernel")] for cell in cells(space)]


def test_cells_go_from_entry_to_entry(chain_space):
    assert cells(chain_space) == (range(2), range(2, 4), range(4, 6))
    assert cells(CHAINS) == tuple(range(start, start + 5) for start in range(0, 45, 5))


def test_canonical_genotypes_are_one_for_each_network(chain_space):
    of_network = {}
    for genotype in product(range(3), repeat=6):
        network = tuple(map(tuple, kept_rows(chain_space, genotype)))
        of_network.setdefault(network, set()).add(canonical(chain_space, genotype))
    assert len(of_network) == 7**3
    assert all(len(genotypes) == 1 for genotypes in of_network.values())
    for network, (genotype,) in of_network.items():
        assert tuple(map(tuple, kept_rows(chain_space, genotype))) == network
        assert canonical(chain_space, genotype) == genotype


def test_skips_come_first():
    genotype = (0, 2, 1, 2, 2) + (2, 2, 2, 2, 2) + (1, 1, 0, 0, 1) + (2, 2, 2, 2, 0) * 6
    assert canonical(CHAINS, genotype) == (2, 2, 2, 0, 1) + (2, 2, 2, 2, 2) + (1, 1, 0, 0, 1) + (2, 2, 2, 2, 0) * 6
    assert chains(CHAINS, genotype)[:3] == ((0, 1), (), (1, 1, 0, 0, 1))
    assert count(CHAINS.decode(genotype), 32) == count(CHAINS.decode(canonical(CHAINS, genotype)), 32)


def test_five_slots_hold_63_chains():
    found = Counter(chains(CHAINS, cell * 9) for cell in product(range(3), repeat=5))
    assert len(found) == 63
    assert found[((),) * 9] == 1
    assert found[((1,),) * 9] == 5
    for (chain, *others), _ in found.items():
        assert set(others) == {chain}
        assert repeated(CHAINS, chain) == canonical(CHAINS, repeated(CHAINS, chain))
        assert chains(CHAINS, repeated(CHAINS, chain)) == (chain,) * 9


def test_what_has_no_such_cells_is_refused(chain_space):
    with pytest.raises(ValueError, match=r"space must be of plain convolutions, one of its choices a skip.*small"):
        cells(get_space("small"))
    with pytest.raises(ValueError, match=r"at most 2 choices, the slots of a cell\. Received: 3"):
        repeated(chain_space, (0, 0, 1))
    with pytest.raises(ValueError, match="has 6 choices"):
        canonical(chain_space, np.zeros(5, int))
