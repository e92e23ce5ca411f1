import json
from dataclasses import replace

import pytest

from scarlet_tf.arch.named import resolve
from scarlet_tf.search import Individual, SearchResult, write_results
from scarlet_tf.search.objectives import EQUATION_4


def measures(accuracy, cost):
    return {"acc": accuracy, "madds": cost.madds, "params": cost.params}


@pytest.fixture
def result(tiny_costs):
    """A front of six networks, the more MAdds the more accurate."""
    cheapest = sorted(tiny_costs.items(), key=lambda item: item[1].madds)[::10][:6]
    front = tuple(
        Individual(genotype, measures(0.1 * (place + 1), cost), 3, "random", (genotype, genotype))
        for place, (genotype, cost) in enumerate(cheapest)
    )
    return SearchResult(EQUATION_4, front, front, front, {}, ())


def test_the_front_is_written_with_its_objectives(tmp_path, tiny_space, result):
    write_results(tmp_path / "run", tiny_space, result)
    rows = json.loads((tmp_path / "run" / "pareto.json").read_text())
    assert rows == [
        {"genotype": list(i.genotype), "accuracy": i.accuracy, "madds": i.madds, "params": i.params}
        for i in result.front
    ]


def test_latency_is_written_where_it_was_measured(tmp_path, tiny_space, result):
    front = tuple(replace(one, measures={**one.measures, "latency": 1.5}) for one in result.front)
    write_results(tmp_path, tiny_space, replace(result, front=front))
    assert {row["latency"] for row in json.loads((tmp_path / "pareto.json").read_text())} == {1.5}


def test_picks_are_architectures_that_can_be_read_back(tmp_path, tiny_space, result):
    paths = write_results(tmp_path, tiny_space, result, num_picks=3)
    assert paths == [tmp_path / "picks" / f"pick_{number}.json" for number in (1, 2, 3)]
    read = [resolve(str(path)) for path in paths]
    assert [named.name for named in read] == ["pick_1", "pick_2", "pick_3"]
    assert all(named.space == tiny_space for named in read)
    assert [named.genotype for named in read] == [pick.genotype for pick in result.picks(3)]
    assert read[0].genotype == result.front[0].genotype
    assert read[2].genotype == result.front[5].genotype


def test_results_replace_earlier_ones(tmp_path, tiny_space, result):
    write_results(tmp_path, tiny_space, result, num_picks=4)
    write_results(tmp_path, tiny_space, result, num_picks=2)
    assert sorted(path.name for path in (tmp_path / "picks").iterdir()) == ["pick_1.json", "pick_2.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pareto.json", "picks"]
