import json

import pytest

from scarlet_tf.arch import get_space
from scarlet_tf.errors import InputError
from scarlet_tf.search.table import AccuracyTable

MACRO = get_space("nas_bench_macro")


@pytest.fixture
def write(tmp_path):
    def write(data):
        (tmp_path / "table.json").write_text(data if isinstance(data, str) else json.dumps(data))
        return tmp_path / "table.json"

    return write


def test_genotypes_and_accuracies_are_read_in_every_form(write):
    table = AccuracyTable(
        write(
            {
                "02012100": {"mean_acc": 89.25, "params": 890666},
                "1-1-1-1-1-2-2-1": {"accuracy": 0.5},
                "0,0,0,1,1,1,1,0": 1,
            }
        ),
        MACRO,
    )
    genotypes = [(0, 0, 0, 1, 1, 1, 1, 0), (0, 2, 0, 1, 2, 1, 0, 0), (1, 1, 1, 1, 1, 2, 2, 1)]
    assert table(genotypes) == [1.0, 0.8925, 0.5]


def test_choices_of_two_digits_are_joined_by_a_sign(write):
    assert AccuracyTable(write({"-".join(["12"] * 19): 0.5}), get_space("s2"))([(12,) * 19]) == [0.5]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("{", "must be a JSON file"),
        ([0.5], "must hold an object from genotype .* Received: list"),
        ({"0201210": 0.5}, "entry '0201210': .* has 8 choices"),
        ({"02012103": 0.5}, "entry '02012103': .* from 0 to 2"),
        ({"0201210x": 0.5}, "entry '0201210x': A genotype must be digits such as"),
        ({"": 0.5}, "entry ''"),
        ({"02012100": 89.2}, "entry '02012100': .* Received: 89.2"),
        ({"02012100": "0.5"}, "Received: '0.5'"),
        ({"02012100": True}, "Received: True"),
        ({"02012100": {"acc": 0.5}}, "Received: {'acc': 0.5}"),
        ({"02012100": {"mean_acc": 120}}, "Received: {'mean_acc': 120}"),
        ({"02012100": 0.5, "0-2-0-1-2-1-0-0": 0.5}, "entry '0-2-0-1-2-1-0-0': .* comes twice"),
    ],
)
def test_what_is_no_table_of_the_space_is_refused(write, data, said):
    with pytest.raises(InputError, match=rf"table\.json.*{said}"):
        AccuracyTable(write(data), MACRO)


def test_a_genotype_that_is_missing_is_named_with_the_file(write):
    table = AccuracyTable(write({"02012100": 0.5}), MACRO)
    with pytest.raises(InputError, match=r"table\.json must hold .* no entry for 0-2-0-1-2-1-0-1\."):
        table([(0, 2, 0, 1, 2, 1, 0, 0), (0, 2, 0, 1, 2, 1, 0, 1)])


def test_a_digest_tells_tables_apart(write):
    digests = {AccuracyTable(write({"02012100": accuracy}), MACRO).digest for accuracy in (0.5, 0.6, 0.5)}
    assert len(digests) == 2
