import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.search import SearchConfig, parse_constraints, parse_objectives
from scarlet_tf.search.replay import PastSearch
from scarlet_tf.search.workdir import search_workdir

SETTINGS = {"population": 5, "generations": 3, "image_size": 32, "num_classes": 10}


def evaluate(genotypes):
    return [0.5 + sum(genotype) / 100 for genotype in genotypes]


def test_a_workdir_holds_the_front_the_picks_and_their_pictures(tmp_path, tiny_space, capsys):
    config = SearchConfig(**SETTINGS)
    result, paths = search_workdir(tmp_path / "run", tiny_space, config, evaluate, {"table": "t"}, num_picks=2)
    files = sorted(str(path.relative_to(tmp_path / "run")) for path in (tmp_path / "run").rglob("*.*"))
    picks = [f"picks/pick_{number}.{ending}" for number in (1, 2) for ending in ("json", "png")]
    report = ["report.html", "search_history.png", "space.json"]
    assert files == ["journal.jsonl", "pareto.json", "pareto.png", *picks, *report]
    assert paths == [tmp_path / "run" / f"picks/pick_{number}.json" for number in (1, 2)]
    told = capsys.readouterr().out.splitlines()[-1]
    last = result.history[-1]
    assert f"3/3, 0 s left  {len(result.evaluated)} evaluated  hypervolume {last.hypervolume:.4f}" in told
    assert told.endswith(f"feasible {last.feasible_share:.0%}  best {last.best_accuracy:.1%}")


def test_a_search_that_did_not_begin_leaves_nothing(tmp_path, tiny_space):
    (tmp_path / "there").mkdir()
    for workdir in ("new", "there"):
        with pytest.raises(InputError, match="No network meets"):
            search_workdir(tmp_path / workdir, tiny_space, SearchConfig(**SETTINGS, madds_max=1.0), evaluate, {})
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_networks_of_which_none_is_accurate_enough_can_be_ranked_anew(tmp_path, tiny_space):
    with pytest.raises(InputError, match="No network meets"):
        search_workdir(tmp_path, tiny_space, SearchConfig(**SETTINGS, acc_min=0.9), evaluate, {})
    past = PastSearch.read(tmp_path)
    result = past.rerank(replace(past.config, acc_min=0.1))
    assert {one.genotype for one in result.front} <= {one.genotype for one in past.individuals}
    assert all(one.accuracy == evaluate([one.genotype])[0] for one in result.front)


def test_what_was_evaluated_stays_where_a_later_generation_fails(tmp_path, tiny_space):
    calls = []

    def fails_later(genotypes):
        calls.append(genotypes)
        if len(calls) == 2:
            raise InputError("no entry")
        return evaluate(genotypes)

    with pytest.raises(InputError, match="no entry"):
        search_workdir(tmp_path / "run", tiny_space, SearchConfig(**SETTINGS), fails_later, {})
    lines = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text().splitlines()]
    assert [tuple(line["genotype"]) for line in lines if "genotype" in line] == calls[0]


def test_settings_that_changed_are_named_one_by_one(tmp_path, tiny_space):
    search_workdir(tmp_path, tiny_space, SearchConfig(**SETTINGS), evaluate, {"table": "t"})
    with pytest.raises(InputError, match=r"config\.acc_min is 0\.4 there and 0\.3 here; evaluator\.table is 't' there"):
        search_workdir(tmp_path, tiny_space, SearchConfig(acc_min=0.3, **SETTINGS), evaluate, {"table": "u"})


def test_other_objectives_and_constraints_are_named_by_measure(tmp_path, tiny_space):
    search_workdir(tmp_path, tiny_space, SearchConfig(**SETTINGS), evaluate, {})
    other = SearchConfig(
        objectives=parse_objectives("acc:max:0.5,madds:min:0.5"),
        constraints=parse_constraints("params:max:5e6"),
        **SETTINGS,
    )
    with pytest.raises(InputError) as raised:
        search_workdir(tmp_path, tiny_space, other, evaluate, {})
    for said in (
        "config.constraints.params:max is 'missing' there and 5000000.0 here",
        "config.objectives.acc.weight is 0.4 there and 0.5 here",
        "config.objectives.params.direction is 'max' there and 'missing' here",
    ):
        assert said in str(raised.value)


def test_latency_is_read_checked_measured_and_part_of_the_settings(tmp_path, tiny_space, monkeypatch):
    class LatencyTable:
        @classmethod
        def read(cls, path):
            assert path == tmp_path / "latency.json"
            return cls()

        def check(self, *searched):
            assert searched == (tiny_space, 32, 10)

        def latency(self, genotype):
            return 10.0 - sum(genotype)

    monkeypatch.setitem(sys.modules, "scarlet_tf.latency.table", SimpleNamespace(LatencyTable=LatencyTable))
    config = SearchConfig(constraints=parse_constraints("latency:max:8"), **SETTINGS)

    def run(content):
        (tmp_path / "latency.json").write_text(content)
        table = tmp_path / "latency.json"
        return search_workdir(tmp_path / "run", tiny_space, config, evaluate, {}, latency_table=table)[0]

    result = run("one")
    assert {one.measures["latency"] - 10 + sum(one.genotype) for one in result.evaluated} == {0}
    assert max(one.measures["latency"] for one in result.evaluated) < 8
    assert run("one") == result
    with pytest.raises(InputError, match=r"latency_table is '.*' there and '.*' here"):
        run("another")


def test_fewer_than_one_pick_are_refused(tmp_path, tiny_space):
    with pytest.raises(InputError, match=r"--pick must be at least 1\. Received: 0"):
        search_workdir(tmp_path / "run", tiny_space, SearchConfig(**SETTINGS), evaluate, {}, num_picks=0)
    assert list(tmp_path.iterdir()) == []
