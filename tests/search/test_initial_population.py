import json

import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.search.initial_population import read_initial_population


@pytest.fixture
def write(tmp_path):
    def write(data):
        (tmp_path / "seeds.json").write_text(json.dumps(data))
        return tmp_path / "seeds.json"

    return write


def test_genotypes_are_read_bare_or_from_a_front(tiny_space, write):
    front = [{"genotype": [0, 1, 2, 0], "accuracy": 0.5}, {"genotype": [1, 1, 1, 1]}]
    assert read_initial_population(write(front), tiny_space) == ((0, 1, 2, 0), (1, 1, 1, 1))
    assert read_initial_population(write([[2, 2, 2, 2]]), tiny_space) == ((2, 2, 2, 2),)
    assert read_initial_population(None, tiny_space) == ()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"genotype": [0, 1, 2, 0]}, "must hold a list of genotypes.* Received: dict"),
        ([[0, 0, 0, 0], "0000"], "entry 1: it must hold .* Received: '0000'"),
        ([{"accuracy": 0.5}], "entry 0: it must hold"),
        ([[0, 0, 0]], "entry 0: .* has 4 choices"),
        ([[0, 0, 0, 3]], "entry 0: .* from 0 to 2"),
        ([[0, 0, 0, 0.0]], "entry 0: .* whole numbers"),
    ],
)
def test_what_is_no_genotype_of_the_space_is_refused(tiny_space, write, data, said):
    with pytest.raises(InputError, match=rf"seeds\.json.*{said}"):
        read_initial_population(write(data), tiny_space)
