import json

import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.search import GenerationRecord, Individual, Journal, read_journal

HEADER = {"space": "s1", "config": {"seed": 1, "mutation": {"ratio": 0.8}}, "evaluator": {"weights": "1"}}
RECORD = GenerationRecord(0, 2, 2, {"madds": 3, "duplicate": 0}, (1, 0), 1, 0.5, 0.1 + 0.2)


def individual(index, accuracy):
    return Individual((index, 2), {"acc": accuracy, "madds": 7, "params": 5}, 0, "random", ((0, 1), (1, 0)), ("acc",))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "journal.jsonl"


def write(path, *accuracies):
    with Journal(path, HEADER) as journal:
        for index, accuracy in enumerate(accuracies):
            journal.append_individuals([individual(index, accuracy)], 0.5)


def test_accuracies_come_back_exactly(path):
    values = [0.1 + 0.2, 1 / 3, 1.0, 0]
    write(path, *values)
    with Journal(path, HEADER) as journal:
        assert journal.accuracies == {(index, 2): value for index, value in enumerate(values)}


def test_lines_are_on_disk_at_once(path):
    with Journal(path, HEADER) as journal:
        assert len(path.read_bytes().splitlines()) == 1
        journal.append_individuals([individual(1, 0.5)], 2.00000049)
        assert json.loads(path.read_bytes().splitlines()[-1]) == {
            "genotype": [1, 2],
            "generation": 0,
            "operator": "random",
            "parents": [[0, 1], [1, 0]],
            "measures": {"acc": 0.5, "madds": 7, "params": 5},
            "violated": ["acc"],
            "seconds": 2,
        }
        journal.append_generation(RECORD)
        assert json.loads(path.read_bytes().splitlines()[-1]) == {
            "after_generation": 0,
            "rejected": {"madds": 3, "duplicate": 0},
            "survivors": [1, 0],
            "hypervolume": 0.1 + 0.2,
        }


def test_reopening_repeats_what_is_there_and_goes_on_where_it_ended(path):
    write(path, 0.5)
    before = path.read_bytes()
    with Journal(path, HEADER) as journal:
        journal.append_individuals([individual(0, 0.5)], 9.0)
        assert path.read_bytes() == before
        journal.append_individuals([individual(9, 0.25)], 9.0)
    with Journal(path, HEADER) as journal:
        assert journal.accuracies == {(0, 2): 0.5, (9, 2): 0.25}


def test_a_search_that_does_something_else_is_refused(path):
    write(path, 0.5)
    for append, said in (
        (
            lambda journal: journal.append_individuals([individual(4, 0.5)], 1),
            r"genotype \[4, 2\]\. Received: \[0, 2\]",
        ),
        (lambda journal: journal.append_generation(RECORD), r"genotype None\. Received: \[0, 2\]"),
    ):
        with Journal(path, HEADER) as journal, pytest.raises(InputError, match=r"line 2, must repeat .*" + said):
            append(journal)


def test_individuals_are_read_back_as_they_were(path):
    write(path, 0.5, 0.1 + 0.2)
    with Journal(path, HEADER) as journal:
        for index, accuracy in enumerate((0.5, 0.1 + 0.2)):
            journal.append_individuals([individual(index, accuracy)], 1)
        journal.append_generation(RECORD)
    with path.open("a") as file:
        file.write('{"genotype": [1')
    before = path.read_bytes()
    header, individuals, generations = read_journal(path)
    assert header == {"journal": 2, **HEADER}
    assert generations == 1
    assert individuals == (individual(0, 0.5), individual(1, 0.1 + 0.2))
    assert path.read_bytes() == before


def test_a_journal_of_an_earlier_format_is_refused(path):
    path.parent.mkdir()
    path.write_text('{"journal": 1, "space": "s1"}\n{"genotype": [0], "accuracy": 0.5}\n')
    for read in (read_journal, lambda path: Journal(path, HEADER)):
        with pytest.raises(
            InputError, match=r"must be a journal of format 2\. Received: format 1, .*another --workdir"
        ):
            read(path)


def test_a_torn_end_is_cut_off_wherever_it_is(path):
    write(path, 0.5, 0.25)
    whole = path.read_bytes()
    ends = [position + 1 for position, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with Journal(path, HEADER) as journal:
            assert len(journal.accuracies) == max(sum(end <= size for end in ends) - 1, 0)
        assert path.read_bytes() == whole[: max([ends[0], *(end for end in ends if end <= size)])]


def line(**changed):
    entry = {
        "genotype": [1, 2],
        "generation": 0,
        "operator": "sample",
        "parents": [],
        "measures": {"acc": 0.5, "madds": 1, "params": 1},
    }
    return json.dumps(entry | changed)


BAD_LINES = [
    line(measures={"acc": float("nan"), "madds": 1, "params": 1}),
    line(measures={"acc": 1.5, "madds": 1, "params": 1}),
    line(measures={"acc": "0.5", "madds": 1, "params": 1}),
    line(measures={"acc": 0.5, "madds": 1}),
    line(measures=[0.5]),
    line(genotype=[1, "a"]),
    line(genotype=3),
    line(parents=[1]),
    line(parents=None),
    line(generation="0"),
    line(operator=None),
    '{"after_generation": "0"}',
]


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"[1, 2]",
        b'{"genotype": [1, 2]}',
        *(line.encode() for line in BAD_LINES),
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
    with pytest.raises(InputError, match=rf"journal\.jsonl, line {place + 1}, must be an individual with a genotype"):
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
        ({**HEADER, "evaluator": {"weights": "2"}}, "evaluator.weights is '1' there and '2' here"),
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


def test_a_journal_that_a_search_has_open_is_refused(path):
    with Journal(path, HEADER) as journal:
        journal.append_individuals([individual(0, 0.5)], 0.5)
        with pytest.raises(InputError, match="another process is writing"):
            Journal(path, HEADER)
        assert len(read_journal(path)[1]) == 1
    write(path, 0.5, 0.6)
    assert len(read_journal(path)[1]) == 2


def test_a_directory_in_its_place_is_refused(path):
    path.mkdir(parents=True)
    with pytest.raises(InputError, match="must be a writable file"):
        Journal(path, HEADER)


def test_a_file_among_its_parents_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"must be in a directory\. Received: .*file is a file"):
        Journal(tmp_path / "file" / "journal.jsonl", HEADER)
