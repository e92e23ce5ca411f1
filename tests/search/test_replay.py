"""A search's networks ranked anew, against a search that had these demands from the start."""

import json
from dataclasses import replace

import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.search import Journal, SearchConfig, journal_header, parse_constraints, parse_objectives, search
from scarlet_tf.search.replay import PastSearch


def accuracy(genotype):
    return 0.2 + 0.6 * (sum((slot + 2) * choice for slot, choice in enumerate(genotype)) % 11) / 11


def latency(genotype):
    return 10.0 - sum(genotype)


@pytest.fixture
def journal(tmp_path, tiny_space):
    """Of a search that evaluates the whole space, without constraints to speak of."""

    def run(**settings):
        config = SearchConfig(
            population=81, generations=3, acc_min=0, image_size=32, num_classes=10, max_attempts=2000, **settings
        )
        path = tmp_path / "search" / "journal.jsonl"
        measured = latency if config.needs_latency else None
        with Journal(path, journal_header(tiny_space, config, {"table": "t"})) as journal:
            result = search(tiny_space, config, lambda ones: [accuracy(one) for one in ones], journal, latency=measured)
        assert len(result.evaluated) == 81
        return path, result

    return run


def best(measures, constraints, rows):
    """Genotypes that no other beats, by brute force. rows: of genotype, all to be minimised."""
    allowed = [one for one in measures if all(constraint(measures[one]) for constraint in constraints)]
    return {
        one
        for one in allowed
        if not any(
            all(a <= b for a, b in zip(rows[other], rows[one], strict=True)) and rows[other] != rows[one]
            for other in allowed
        )
    }


def test_the_same_demands_give_the_same_result(journal):
    path, result = journal()
    past = PastSearch.read(path.parent)
    again = past.rerank(past.config)
    assert past.individuals == result.evaluated
    assert (again.front, again.population, again.evaluated) == (result.front, result.population, result.evaluated)
    assert [record.hypervolume for record in again.history] == [record.hypervolume for record in result.history]
    assert [record.survivors for record in again.history] == [record.survivors for record in result.history]


def test_other_demands_give_the_front_of_all_who_meet_them(journal, tiny_costs):
    path, _ = journal()
    past = PastSearch.read(path)
    config = replace(
        past.config,
        acc_min=0.3,
        constraints=parse_constraints("latency:max:8,params:max:5000"),
        objectives=parse_objectives("acc:max:0.5,latency:min:0.5"),
    )
    result = past.rerank(config, latency)
    measures = {genotype: (accuracy(genotype), latency(genotype), cost.params) for genotype, cost in tiny_costs.items()}
    constraints = [lambda row: row[0] > 0.3, lambda row: row[1] < 8, lambda row: row[2] < 5000]
    rows = {genotype: (-row[0], row[1]) for genotype, row in measures.items()}
    assert {one.genotype for one in result.front} == best(measures, constraints, rows)
    assert all(one.measures["latency"] == latency(one.genotype) for one in result.evaluated)
    failed = {one.genotype for one in result.evaluated if one.violated}
    assert failed == {one for one in measures if not all(constraint(measures[one]) for constraint in constraints)}
    assert sum(result.rejected.values()) == len(failed)
    assert result.objectives == config.objectives


def test_latency_that_the_journal_holds_needs_no_table(journal):
    path, result = journal(objectives=parse_objectives("acc:max:0.5,latency:min:0.5"))
    past = PastSearch.read(path)
    assert past.rerank(past.config).front == result.front


def test_latency_that_nobody_measured_needs_a_table(journal):
    past = PastSearch.read(journal()[0])
    config = SearchConfig(image_size=32, num_classes=10, constraints=parse_constraints("latency:max:8"))
    with pytest.raises(InputError, match="--latency_table must be given"):
        past.rerank(config)


def test_demands_nobody_meets_say_who_came_closest(journal):
    past = PastSearch.read(journal()[0])
    top = max((accuracy(one.genotype), one.genotype) for one in past.individuals)[0]
    with pytest.raises(InputError, match=rf"81 networks evaluated\. The closest, .* has accuracy {top:.4f}"):
        past.rerank(SearchConfig(image_size=32, num_classes=10, acc_min=0.9))


def test_the_directory_of_a_search_is_not_written_to(journal, tmp_path):
    path, _ = journal()
    past = PastSearch.read(path)
    past.check_other_workdir(tmp_path / "other")
    with pytest.raises(InputError, match="--workdir must be another directory than a search's"):
        past.check_other_workdir(path.parent)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[:1], "must hold a network that was evaluated. Received: none"),
        (lambda lines: ['{"journal": 2}', lines[1]], "a space must be"),
        (lambda lines: ['{"journal": 2, "space": "s1"}', lines[1]], "A genotype of s1 has 19 choices"),
        (
            lambda lines: [json.dumps({**json.loads(lines[0]), "config": {}}), lines[1]],
            "must hold the settings of a search",
        ),
    ],
)
def test_what_is_no_journal_of_a_search_is_refused(journal, change, said):
    path, _ = journal()
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    with pytest.raises(InputError, match=rf"journal\.jsonl.*{said}"):
        PastSearch.read(path)
    with pytest.raises(InputError, match="missing must be a readable file"):
        PastSearch.read(path.parent / "missing")
