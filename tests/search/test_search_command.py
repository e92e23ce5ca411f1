"""The command over a table, and its replay, where TensorFlow cannot be imported."""

import json

import pytest

from scarlet_tf.arch import count

SIZES = ("--space=space.json", "--image_size=32", "--num_classes=10")
SEARCH = ("--evaluator=table:table.json", *SIZES, "--population=8", "--generations=4", "--acc_min=0.3")


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_space, tiny_costs):
    """A directory with a space, accuracies of all its networks but one, and networks to begin with."""
    place = tmp_path_factory.mktemp("place")
    table = {
        "".join(map(str, genotype)): 0.2 + 0.6 * cost.params / 1e4 + 0.01 * (sum(genotype) % 3)
        for genotype, cost in tiny_costs.items()
    }
    (place / "space.json").write_text(json.dumps(tiny_space.to_dict()))
    (place / "table.json").write_text(json.dumps(table))
    (place / "holes.json").write_text(json.dumps({"0000": 0.5}))
    (place / "seeds.json").write_text(json.dumps([[0, 0, 0, 0], [1, 1, 1, 1]]))
    return place


@pytest.fixture(scope="module")
def run(place, without_tensorflow):
    """Runs the command in `place`."""

    def run(*flags):
        return without_tensorflow("search", *flags, cwd=place)

    return run


@pytest.fixture(scope="module")
def searched(run, place):
    done = run(*SEARCH, "--workdir=searched", "--initial_population=seeds.json", "--seed=3")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Written to searched." in done.stdout
    return place / "searched"


def entries(workdir):
    return [json.loads(line) for line in (workdir / "journal.jsonl").read_text().splitlines()]


def test_a_table_is_searched_from_an_initial_population(searched, tiny_space):
    lines = [line for line in entries(searched) if "genotype" in line]
    assert [(line["genotype"], line["operator"]) for line in lines[:2]] == [
        ([0, 0, 0, 0], "seed"),
        ([1, 1, 1, 1], "seed"),
    ]
    for one in json.loads((searched / "pareto.json").read_text()):
        cost = count(tiny_space.decode(one["genotype"]), 32, 10)
        assert (one["madds"], one["params"]) == (cost.madds, cost.params)
    assert (searched / "pareto.png").stat().st_size > 0


def test_a_front_begins_the_next_search(run, place, searched):
    done = run(*SEARCH, "--workdir=again", "--initial_population=searched/pareto.json")
    assert (done.returncode, done.stderr) == (0, "")
    front = [one["genotype"] for one in json.loads((searched / "pareto.json").read_text())]
    assert [line["genotype"] for line in entries(place / "again")[1 : len(front) + 1]] == front


def test_a_replay_ranks_by_other_demands_and_evaluates_nothing(run, place, searched, digest):
    before = digest(searched)
    flags = ("--objectives=acc:max:0.2,madds:min:0.8", "--weights=madds:0.5,acc:0.5", "--constraints=params:max:4000")
    done = run("--replay=searched", "--workdir=replayed", "--acc_min=0.35", *flags)
    assert (done.returncode, done.stderr) == (0, "")
    assert digest(searched) == before
    assert not (place / "replayed" / "journal.jsonl").exists()
    known = [line for line in entries(searched) if "genotype" in line]
    fit = [one for one in known if one["measures"]["acc"] > 0.35 and one["measures"]["params"] < 4000]
    rows = {tuple(one["genotype"]): (-one["measures"]["acc"], one["measures"]["madds"]) for one in fit}
    expected = {
        one for one, (a, b) in rows.items() if not any(c <= a and d <= b and (c, d) != (a, b) for c, d in rows.values())
    }
    front = json.loads((place / "replayed" / "pareto.json").read_text())
    assert {tuple(one["genotype"]) for one in front} == expected
    assert (place / "replayed" / "pareto.png").stat().st_size > 0
    assert (place / "replayed" / "picks" / "pick_1.json").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--evaluator=oracle", "--workdir=out"), "--evaluator must be supernet or table:FILE. Received: 'oracle'"),
        (("--evaluator=table:", "--workdir=out"), "--evaluator must be supernet or table:FILE"),
        (("--evaluator=supernet:x", "--workdir=out"), "--evaluator must be supernet or table:FILE"),
        ((*SEARCH, "--supernet=x", "--workdir=out"), "--supernet must be left out with --evaluator=table:table.json"),
        ((*SEARCH, "--max_images=5", "--workdir=out"), "--max_images must be left out"),
        (("--space=s1", "--workdir=out"), "--space must be left out with --evaluator=supernet"),
        (("--supernet=x", "--recalibration_images=5", "--workdir=out"), "--recalibration_images must be left out"),
        (("--evaluator=table:table.json", "--space=s1", "--workdir=out"), "--image_size must be given"),
        (("--evaluator=table:missing", *SIZES, "--workdir=out"), "missing must be a JSON file"),
        (("--evaluator=table:holes.json", *SIZES, "--workdir=out"), "holes.json must hold the accuracy of every"),
        ((*SEARCH, "--constraints=latency:max:5", "--workdir=out"), "--latency_table must be given"),
        ((*SEARCH, "--constraints=params:max:5", "--workdir=out"), "No network meets --madds_max=5e+08 and --constr"),
        ((*SEARCH, "--objectives=acc:max:1,flops:min:0", "--workdir=out"), "--objectives must name one of acc, madds"),
        ((*SEARCH, "--initial_population=space.json", "--workdir=out"), "space.json must hold a list of genotypes"),
        ((*SEARCH, "--mutation_random=0.5", "--workdir=out"), "--mutation_random, --mutation_reinforced and --mutat"),
        ((*SEARCH, "--prior_by_madds=2", "--workdir=out"), "--prior_by_madds must be a probability"),
        (
            (*SEARCH, "--workdir=searched"),
            "config.initial_population is [[0, 0, 0, 0], [1, 1, 1, 1]] there and [] here",
        ),
        (("--replay=searched", "--workdir=searched"), "--workdir must be another directory than a search's"),
        (("--replay=searched", "--workdir=out", "--seed=1"), "--seed must be left out with --replay"),
        (("--replay=searched", "--workdir=out", "--acc_min=0.9"), "has accuracy 0."),
        (("--replay=missing", "--workdir=out"), "missing must be a readable file"),
        (("--replay=seeds.json", "--workdir=out"), "must be the header of a search"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_line_and_changes_nothing(run, place, searched, digest, flags, said):
    before = digest(place)
    done = run(*flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert digest(place) == before
