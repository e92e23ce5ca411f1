import json

import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.search.journal import Journal

HEADER = {"space": "s1", "config": {"seed": 1, "mutation": {"ratio": 0.8}}, "supernet": "weights-1"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "journal.jsonl"


def write(path, *accuracies):
    with Journal(path, HEADER) as journal:
        for index, accuracy in enumerate(accuracies):
            journal.append({"genotype": [index, 2], "accuracy": accuracy})


def test_accuracies_come_back_exactly(path):
    values = [0.1 + 0.2, 1 / 3, 1.0, 0]
    write(path, *values)
    with Journal(path, HEADER) as journal:
        assert journal.accuracies == {(index, 2): value for index, value in enumerate(values)}


def test_each_line_is_on_disk_at_once(path):
    with Journal(path, HEADER) as journal:
        assert len(path.read_bytes().splitlines()) == 1
        journal.append({"genotype": [1], "accuracy": 0.5, "seconds": 2})
        assert json.loads(path.read_bytes().splitlines()[-1]) == {
            "genotype": [1],
            "accuracy": 0.5,
            "seconds": 2,
        }


def test_reopening_goes_on_where_it_ended(path):
    write(path, 0.5)
    before = path.read_bytes()
    with Journal(path, HEADER) as journal:
        assert path.read_bytes() == before
        journal.append({"genotype": [9], "accuracy": 0.25})
    with Journal(path, HEADER) as journal:
        assert journal.accuracies == {(0, 2): 0.5, (9,): 0.25}


def test_a_torn_end_is_cut_off_wherever_it_is(path):
    write(path, 0.5, 0.25)
    whole = path.read_bytes()
    ends = [position + 1 for position, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with Journal(path, HEADER) as journal:
            assert len(journal.accuracies) == max(sum(end <= size for end in ends) - 1, 0)
        assert path.read_bytes() == whole[: max([ends[0], *(end for end in ends if end <= size)])]


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"[1, 2]",
        b'{"genotype": [1, 2]}',
        b'{"genotype": [1, 2], "accuracy": NaN}',
        b'{"genotype": [1, 2], "accuracy": 1.5}',
        b'{"genotype": [1, 2], "accuracy": "0.5"}',
        b'{"genotype": [1, "a"], "accuracy": 0.5}',
        b'{"genotype": 3, "accuracy": 0.5}',
        b"\xff\xfe",
        b"\x00\x00\x00",
    ],
)
@pytest.mark.parametrize("place", [1, 2])
def test_a_damaged_line_is_named_and_nothing_changed(path, damaged, place):
    write(path, 0.5, 0.25)
    lines = path.read_bytes().splitlines()
    lines[place] = damaged
    content = b"\n".join(lines) + b'\n{"torn'
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"journal\.jsonl, line {place + 1}, must be an object with a genotype"):
        Journal(path, HEADER)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"not a journal\n", b"[]\n", b"some notes of mine", b'"text"\n'])
def test_another_file_is_not_taken_for_a_journal(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InputError, match="line 1, must be the header"):
        Journal(path, HEADER)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("header", "difference"),
    [
        ({**HEADER, "space": "s2"}, "space is 's1' there and 's2' here"),
        ({**HEADER, "supernet": "weights-2"}, "supernet is 'weights-1' there and 'weights-2' here"),
        ({**HEADER, "config": {**HEADER["config"], "seed": 2}}, "config.seed is 1 there and 2 here"),
        (
            {**HEADER, "config": {"seed": 1, "mutation": {"ratio": 0.5}}},
            "config.mutation.ratio is 0.8 there and 0.5 here",
        ),
        ({**HEADER, "bn": "moving"}, "bn is 'missing' there and 'moving' here"),
    ],
)
def test_other_settings_are_named_and_nothing_changed(path, header, difference):
    write(path, 0.5)
    content = path.read_bytes() + b'{"torn'
    path.write_bytes(content)
    with pytest.raises(InputError, match=difference + r"\. .*another --workdir"):
        Journal(path, header)
    assert path.read_bytes() == content


def test_a_directory_in_its_place_is_refused(path):
    path.mkdir(parents=True)
    with pytest.raises(InputError, match="must be a readable file"):
        Journal(path, HEADER)


def test_a_file_among_its_parents_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Received: Not a directory"):
        Journal(tmp_path / "file" / "journal.jsonl", HEADER)
