"""What is there to be found in a space that is known whole."""

import numpy as np
import pytest
from pymoo.indicators.hv import HV

from benchmarks.known_space import KnownSpace
from scarlet_tf.arch import count, get_space
from scarlet_tf.errors import InputError
from scarlet_tf.search import parse_objectives

OBJECTIVES = parse_objectives("acc:max:0.5,madds:min:0.5")


def _points(known, genotypes):
    """Inaccuracy and MAdds of each, from 0 (best of the space) to 1 (worst)."""
    madds = {genotype: count(known.space.decode(genotype), 32, 10).madds for genotype in known.genotypes}
    low, high = min(madds.values()), max(madds.values())
    rows = [(genotype.count(2) / 4, (madds[genotype] - low) / (high - low)) for genotype in genotypes]
    return np.array(rows)


def test_the_true_front_is_what_none_of_all_networks_beats(known):
    points = dict(zip(known.genotypes, _points(known, known.genotypes), strict=True))
    best = {
        genotype
        for genotype, point in points.items()
        if not any((other <= point).all() and (other < point).any() for other in points.values())
    }
    assert len(known.genotypes) == 81
    assert {one.genotype for one in known.front(OBJECTIVES)} == best
    assert {one.genotype for one in known.front(OBJECTIVES, 0.6)} == {one for one in best if one.count(2) < 2}


def test_the_share_is_that_of_the_hypervolume_between_the_worst_and_the_best(known):
    genotypes = [known.genotypes[index] for index in (7, 80, 3, 44)]
    volume = HV(ref_point=np.ones(2))
    whole = volume(_points(known, known.genotypes))
    expected = [volume(_points(known, genotypes[:number])) / whole for number in (1, 2, 4)]
    assert known.hypervolume_shares(genotypes, OBJECTIVES, (1, 2, 4)) == pytest.approx(expected)
    front = [one.genotype for one in known.front(OBJECTIVES)]
    assert known.hypervolume_shares(front, OBJECTIVES, [len(front)]) == pytest.approx([1.0])


def test_a_space_that_nobody_could_list_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"at most 1,000,000 networks\. Received: s2"):
        KnownSpace(tmp_path / "table.json", get_space("s2"), 224, 1000)
