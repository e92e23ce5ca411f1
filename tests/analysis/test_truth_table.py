"""Tables of accuracies that a user brings, by every kind of key, and what is no table."""

import json

import pytest

from scarlet_tf.analysis.truth_table import read_truth
from scarlet_tf.arch import get_space
from scarlet_tf.arch.cells import repeated
from scarlet_tf.errors import InputError

CHAINS = get_space("nas_bench_101_chains")
C1, C3 = "conv1x1-bn-relu", "conv3x3-bn-relu"
EMPTY_HASH, C3_C1_HASH = "043721b9c7fe8c5fad811d47d83132ec", "96794a104891b22bf4f2abbdd7c3e90f"


@pytest.fixture
def write(tmp_path):
    def write(data):
        (tmp_path / "table.json").write_text(data if isinstance(data, str) else json.dumps(data))
        return tmp_path / "table.json"

    return write


def test_chains_are_read_by_text_and_by_hash(write):
    path = write({f"{C3} {C1}": 0.9, EMPTY_HASH: 0.8, C1: 1, f"{C1} {C3} {C3} {C1} {C1}": 0.25})
    truth = read_truth(path, CHAINS)
    assert truth == {
        (2, 2, 2, 1, 0) * 9: 0.9,
        (2, 2, 2, 2, 2) * 9: 0.8,
        (2, 2, 2, 2, 0) * 9: 1.0,
        (0, 1, 1, 0, 0) * 9: 0.25,
    }
    assert list(truth.values()) == [0.9, 0.8, 1.0, 0.25]
    assert read_truth(write({C3_C1_HASH: 0.9}), CHAINS) == {repeated(CHAINS, (1, 0)): 0.9}


def test_accuracies_are_those_at_108_epochs(write):
    """As the partial tables have them that can be found: of validation alone, beside other numbers."""
    entry = {"hash": EMPTY_HASH, "val_acc": {"4": 0.54, "108": 0.8358}, "params": 882570}
    table = {"(empty)": entry, C3: {"val_acc": {"108": [0.5, 0.6, 0.7]}}}
    assert list(read_truth(write(table), CHAINS).values()) == [0.8358, pytest.approx(0.6)]


def test_test_accuracies_are_the_truth_where_all_have_one(write):
    both = {"val_acc": {"108": 0.9}, "test_acc": {"108": 0.8}}
    assert list(read_truth(write({C1: both, C3: both}), CHAINS).values()) == [0.8, 0.8]
    only_validated = {"val_acc": {"108": 0.7}}
    assert list(read_truth(write({C1: both, C3: only_validated}), CHAINS).values()) == [0.9, 0.7]


def test_chains_of_a_space_of_ones_own(write, chain_space):
    assert read_truth(write({f"{C3} {C1}": 0.5, C3: 0.25}), chain_space) == {
        (1, 0, 1, 0, 1, 0): 0.5,
        (2, 1, 2, 1, 2, 1): 0.25,
    }
    with pytest.raises(InputError, match=rf"table\.json, entry '{C3} {C1} {C1}': .* at most 2 choices"):
        read_truth(write({f"{C3} {C1} {C1}": 0.5}), chain_space)


def test_genotypes_of_other_spaces(write):
    truth = read_truth(write({"02012100": {"mean_acc": 89.25}, "0,0,0,1,1,1,1,0": 0.5}), get_space("nas_bench_macro"))
    assert truth == {(0, 2, 0, 1, 2, 1, 0, 0): 0.8925, (0, 0, 0, 1, 1, 1, 1, 0): 0.5}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("{", "must be a JSON file"),
        ([0.5], "must hold an object from chain .* Received: list"),
        ({}, "must hold an object from chain .* Received: {}"),
        ({"conv5x5": 0.5}, "entry 'conv5x5': A chain must be .*Give a table of nas_bench_101_chains"),
        ({"02012100": 0.5}, "entry '02012100': A chain must be"),
        ({C3 + " " + " ".join([C1] * 5): 0.5}, "at most 5 choices, the slots of a cell. Received: 6"),
        ({"f" * 32: 0.5}, "entry 'f*': .* the hash of none of the 63 chains"),
        ({C3: 89.2}, f"entry '{C3}': it must hold .* Received: 89.2"),
        ({C3: True}, "Received: True"),
        ({C3: None}, "Received: None"),
        ({C3: []}, r"Received: \[\]"),
        ({C1: 0.5, C3: {"val_acc": {"36": 0.7}}}, f"entry '{C3}': .* Received: an object with val_acc"),
        ({C1: 0.5, C3: {"hash": "b49ac8c578b4561d79ac7087988f1c61"}}, f"entry '{C3}': .* an object with hash"),
        ({C3: {"val_acc": 0.7}}, f"entry '{C3}'"),
        ({C3: {"hash": EMPTY_HASH, "val_acc": {"108": 0.7}}}, f"entry '{C3}': .* the hash '{EMPTY_HASH}' of another"),
        ({"(empty)": 0.5, EMPTY_HASH: 0.5}, f"entry '{EMPTY_HASH}': .* a chain that comes twice"),
    ],
)
def test_what_is_no_table_of_chains_is_refused(write, data, said):
    with pytest.raises(InputError, match=rf"table\.json.*{said}"):
        read_truth(write(data), CHAINS)
