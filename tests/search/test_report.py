"""The page of a search: what is embedded in it equals the result, and nothing in a name can change the page."""

import json
import re
from dataclasses import asdict, replace

import pytest

from scarlet_tf.arch import get_space
from scarlet_tf.search import SearchConfig
from scarlet_tf.search.report import write_report
from scarlet_tf.search.workdir import write_workdir

CONFIG = SearchConfig(madds_max=3e6, acc_min=0.4, image_size=32, num_classes=10)


def write(path, space, result, weights="runs/tiny"):
    picks = {"pick_1": result.front[0], "pick_2": result.front[-1]}
    write_report(path, space, result, picks, weights, CONFIG)
    return path.read_text()


def embedded(page: str) -> dict:
    (content,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(content)


@pytest.fixture(scope="module")
def page(tmp_path_factory, tiny_space, searched):
    return write(tmp_path_factory.mktemp("report") / "report.html", tiny_space, searched)


def test_every_network_reads_back_as_it_was(page, searched):
    networks = embedded(page)["networks"]
    genotypes = [tuple(map(int, text.split("-"))) for text in networks["genotype"]]
    assert len(genotypes) == 60
    for index, one in enumerate(searched.evaluated):
        assert genotypes[index] == one.genotype
        assert {measure: values[index] for measure, values in networks["measures"].items()} == one.measures
        assert networks["generation"][index] == one.generation
        assert networks["operator"][index] == one.operator
        assert tuple(networks["violated"][index]) == one.violated
        assert tuple(genotypes[parent] for parent in networks["parents"][index]) == one.parents


def test_front_picks_and_history_are_those_of_the_result(page, searched):
    data = embedded(page)
    assert [searched.evaluated[index] for index in data["front"]] == list(searched.front)
    named = {name: searched.evaluated[index] for name, index in data["picks"].items()}
    assert named == {"pick_1": searched.front[0], "pick_2": searched.front[-1]}
    kept = ("generation", "survivors", "hypervolume")
    assert data["history"] == [
        {name: value for name, value in json.loads(json.dumps(asdict(record))).items() if name in kept}
        for record in searched.history
    ]
    assert data["rejected"] == searched.rejected
    assert data["objectives"] == [asdict(objective) for objective in searched.objectives]
    assert data["constraints"] == [
        {"measure": "madds", "direction": "max", "bound": 3e6},
        {"measure": "acc", "direction": "min", "bound": 0.4},
    ]
    assert (data["image_size"], data["num_classes"]) == (32, 10)


def test_rank_is_the_number_of_fronts_to_take_away_first(page, searched):
    left = {index: one for index, one in enumerate(searched.evaluated) if not one.violated}
    expected = [None] * len(searched.evaluated)
    for rank in range(len(left)):
        gains = {index: (one.accuracy, -one.madds, one.params) for index, one in left.items()}
        best = [
            index
            for index, mine in gains.items()
            if not any(
                other != mine and all(a >= b for a, b in zip(other, mine, strict=True)) for other in gains.values()
            )
        ]
        for index in best:
            expected[index] = rank
            del left[index]
    assert embedded(page)["networks"]["rank"] == expected
    assert None in expected
    assert max(rank for rank in expected if rank is not None) > 2


def test_parent_that_was_not_evaluated_stands_there_as_its_genotype(tmp_path, tiny_space, searched):
    child = replace(searched.evaluated[-1], parents=(searched.evaluated[0].genotype, (9, 9, 9, 9)))
    result = replace(searched, evaluated=(*searched.evaluated[:-1], child))
    data = embedded(write(tmp_path / "report.html", tiny_space, result))
    assert data["networks"]["parents"][-1] == [0, "9-9-9-9"]


def test_no_name_can_leave_the_data(tmp_path, tiny_space, searched, page):
    name = "</script><script>alert(1)</script><!--{{style}}"
    hostile = write(tmp_path / "report.html", replace(tiny_space, name=name), searched, weights="<b>&amp;")
    assert embedded(hostile)["space"]["name"] == name
    assert embedded(hostile)["export"]["weights"] == "<b>&amp;"
    assert hostile.count("<script") == page.count("<script")
    assert hostile.count("</script") == page.count("</script")
    assert "<!--" not in hostile


def test_page_asks_for_nothing_outside_itself(page):
    assert not re.search(r"\bsrc=|\bhref=|url\(|@import|\bfetch\(|XMLHttpRequest", page)
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) == {"http://www.w3.org/2000/svg"}  # a name, never asked for
    assert "default-src 'none'" in page
    assert "{{" not in page


def test_space_of_the_package_is_named_and_another_is_written_beside_the_page(tmp_path, tiny_space, searched):
    own = embedded(write(tmp_path / "own" / "report.html", tiny_space, searched))
    assert own["export"] == {"model": str(tmp_path / "own" / "space.json"), "weights": "runs/tiny"}
    assert get_space(own["export"]["model"]) == tiny_space
    assert sorted(path.name for path in (tmp_path / "own").iterdir()) == ["report.html", "space.json"]

    space = get_space("s1")
    one = replace(searched.evaluated[0], genotype=(0,) * 19, parents=(), violated=())
    result = replace(searched, evaluated=(one,), front=(one,), history=(replace(searched.history[0], survivors=(0,)),))
    named = embedded(write(tmp_path / "s1" / "report.html", space, result, weights=None))
    assert named["export"] == {"model": "s1", "weights": None}
    assert [path.name for path in (tmp_path / "s1").iterdir()] == ["report.html"]


def test_workdir_of_a_search_holds_its_report_and_history(tmp_path, tiny_space, searched):
    write_workdir(tmp_path, tiny_space, CONFIG, searched, 2, "runs/tiny")
    data = embedded((tmp_path / "report.html").read_text())
    assert [searched.evaluated[index] for index in data["picks"].values()] == list(searched.picks(2))
    assert list(data["picks"]) == ["pick_1", "pick_2"]
    assert data["export"]["weights"] == "runs/tiny"
    assert (tmp_path / "search_history.png").stat().st_size > 0
