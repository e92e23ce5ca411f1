import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from scarlet_tf.arch import SKIP, Head, SearchSpace, Slot, Stem, get_space
from scarlet_tf.errors import InputError
from scarlet_tf.search import (
    NSGA2,
    Journal,
    SearchConfig,
    journal_header,
    parse_constraints,
    parse_objectives,
    search,
)

SETTINGS = {"image_size": 32, "num_classes": 10, "max_attempts": 400}
KINDS = {"crossover", "random", "reinforced", "prior_regulated"}


class TableEvaluator:
    """Accuracies by a formula of params and MAdds, with some of each value; remembers what it was asked."""

    def __init__(self, costs):
        params = np.array([cost.params for cost in costs.values()])
        scale = params.max()
        self.table = {
            genotype: round(0.2 + 0.7 * cost.params / scale * (1 - 0.3 * ((sum(genotype) * 7) % 5) / 4), 3)
            for genotype, cost in costs.items()
        }
        self.asked = []
        self.calls = 0

    def __call__(self, genotypes):
        self.calls += 1
        self.asked.extend(genotypes)
        return [self.table[genotype] for genotype in genotypes]


@pytest.fixture
def evaluator(tiny_costs):
    return TableEvaluator(tiny_costs)


def brute_force_front(costs, table, madds_max, acc_min):
    """Genotypes that no other beats in accuracy, MAdds and params (more is better), among those allowed."""
    rows = {
        genotype: (-table[genotype], cost.madds, -cost.params)
        for genotype, cost in costs.items()
        if cost.madds < madds_max and table[genotype] > acc_min
    }
    return {
        one
        for one, row in rows.items()
        if not any(all(a <= b for a, b in zip(other, row, strict=True)) and other != row for other in rows.values())
    }


def median_madds(costs):
    return float(np.median([cost.madds for cost in costs.values()]))


@pytest.mark.parametrize("acc_min", [0.0, 0.45])
@pytest.mark.parametrize("seed", range(3))
def test_a_tiny_space_is_solved(tiny_space, tiny_costs, evaluator, acc_min, seed):
    madds_max = float(np.quantile([cost.madds for cost in tiny_costs.values()], 0.8))
    expected = brute_force_front(tiny_costs, evaluator.table, madds_max, acc_min)
    config = SearchConfig(population=40, generations=12, madds_max=madds_max, acc_min=acc_min, seed=seed, **SETTINGS)
    result = search(tiny_space, config, evaluator)
    assert 5 < len(expected) < 40  # the front fits in the population, so none of it is crowded out
    assert {individual.genotype for individual in result.front} == expected
    assert [individual.madds for individual in result.front] == sorted(i.madds for i in result.front)


def test_nobody_is_evaluated_twice_and_the_too_costly_never(tiny_space, tiny_costs, evaluator):
    madds_max = median_madds(tiny_costs)
    config = SearchConfig(population=10, generations=15, madds_max=madds_max, acc_min=0.3, **SETTINGS)
    result = search(tiny_space, config, evaluator)
    assert len(evaluator.asked) == len(set(evaluator.asked))
    assert max(tiny_costs[genotype].madds for genotype in evaluator.asked) < madds_max
    assert [individual.genotype for individual in result.evaluated] == evaluator.asked
    assert min(individual.accuracy for individual in result.population) > 0.3
    assert min(individual.accuracy for individual in result.evaluated) <= 0.3
    assert min(result.rejected.values()) > 0


def test_individuals_carry_their_costs_and_origin(tiny_space, tiny_costs, evaluator):
    config = SearchConfig(population=8, generations=8, acc_min=0.0, **SETTINGS)
    result = search(tiny_space, config, evaluator)
    known = {individual.genotype: individual for individual in result.evaluated}
    for individual in result.evaluated:
        cost = tiny_costs[individual.genotype]
        assert (individual.madds, individual.params) == (cost.madds, cost.params)
        assert individual.accuracy == evaluator.table[individual.genotype]
        if individual.generation < 2:
            assert (individual.operator, individual.parents) == ("sample", ())
        else:
            assert individual.operator in KINDS
            assert all(known[parent].generation < individual.generation for parent in individual.parents)
            assert len(individual.parents) == 2
    assert {individual.operator for individual in result.evaluated} > {"sample", "reinforced"}


def test_generations_hold_distinct_genotypes(tiny_space, evaluator):
    result = search(tiny_space, SearchConfig(population=30, generations=6, acc_min=0, **SETTINGS), evaluator)
    genotypes = [individual.genotype for individual in result.population]
    assert len(set(genotypes)) == len(genotypes) == 30


def test_a_space_is_exhausted_without_error(tiny_space, tiny_costs, evaluator):
    result = search(tiny_space, SearchConfig(population=60, generations=4, acc_min=0, **SETTINGS), evaluator)
    assert result.history[0].offspring == 60
    assert result.history[1].offspring < 60
    assert len(result.evaluated) <= len(tiny_costs)
    assert result.rejected["duplicate"] > 0


def test_progress_is_told_after_each_generation(tiny_space, evaluator):
    told = []
    config = SearchConfig(population=6, generations=5, acc_min=0.3, madds_max=4e5, **SETTINGS)
    result = search(tiny_space, config, evaluator, on_generation=told.append)
    assert told == list(result.history)
    assert [record.generation for record in told] == list(range(5))
    assert told[-1].evaluations == len(result.evaluated) == len(evaluator.asked)
    assert told[-1].front_size <= min(len(result.front), len(result.population))
    assert told[-1].best_accuracy == max(individual.accuracy for individual in result.population)
    for reason, total in result.rejected.items():
        assert total == sum(record.rejected[reason] for record in told)


def test_a_search_depends_on_its_seed_and_on_nothing_else(tiny_space, evaluator):
    def front(seed):
        return search(tiny_space, SearchConfig(population=6, seed=seed, generations=4, **SETTINGS), evaluator)

    state = np.random.get_state()[1].copy()  # noqa: NPY002  (the global state is what must not be used)
    assert front(1) == front(1)
    assert front(1).evaluated != front(2).evaluated
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_the_evaluator_is_asked_for_many_at_a_time(tiny_space, evaluator):
    search(tiny_space, SearchConfig(population=20, generations=2, acc_min=0, **SETTINGS), evaluator)
    assert (evaluator.calls, len(evaluator.asked)) == (2, 40)


def test_replay_after_a_kill_anywhere_ends_the_same(tmp_path, tiny_space, tiny_costs):
    config = SearchConfig(
        population=5,
        generations=6,
        madds_max=median_madds(tiny_costs),
        acc_min=0.35,
        **SETTINGS | {"max_attempts": 60},
    )
    header, path = journal_header(tiny_space, config, {"table": "t"}), tmp_path / "journal.jsonl"

    def run():
        evaluator = TableEvaluator(tiny_costs)
        with Journal(path, header) as journal:
            return search(tiny_space, config, evaluator, journal), evaluator

    def timeless():
        return re.sub(rb'"seconds": [^}]*', b"", path.read_bytes())

    expected, evaluator = run()
    whole, expected_lines = path.read_bytes(), timeless()
    entries = [json.loads(line) for line in whole.splitlines()]
    assert [tuple(entry["genotype"]) for entry in entries if "genotype" in entry] == evaluator.asked
    assert [entry["after_generation"] for entry in entries if "after_generation" in entry] == list(range(6))
    assert len(evaluator.asked) == len(expected.evaluated) > 15
    line_ends = [position + 1 for position, byte in enumerate(whole) if byte == ord("\n")]
    sizes = {0, 5, *line_ends, *(end - 1 - 7 * place for place, end in enumerate(line_ends))}
    for size in sorted(sizes):
        path.write_bytes(whole[:size])
        kept = sum("genotype" in entry for entry, end in zip(entries, line_ends, strict=True) if end <= size)
        result, again = run()
        assert result == expected
        assert again.asked == evaluator.asked[kept:]
        assert timeless() == expected_lines


def test_a_kill_within_the_evaluator_loses_only_what_it_was_asked(tmp_path, tiny_space, tiny_costs):
    config = SearchConfig(population=5, generations=6, acc_min=0, **SETTINGS)
    header = journal_header(tiny_space, config, {"table": "t"})
    expected = search(tiny_space, config, TableEvaluator(tiny_costs))
    evaluator, calls = TableEvaluator(tiny_costs), 0

    def dies_every_other_time(genotypes):
        nonlocal calls
        calls += 1
        if calls % 2:
            raise KeyboardInterrupt
        return evaluator(genotypes)

    deaths = 0
    while True:
        try:
            with Journal(tmp_path / "journal.jsonl", header) as journal:
                result = search(tiny_space, config, dies_every_other_time, journal)
            break
        except KeyboardInterrupt:
            deaths += 1
    assert deaths >= config.generations - 1
    assert result == expected
    assert evaluator.asked == [individual.genotype for individual in expected.evaluated]


def test_a_finished_search_goes_on_for_more_generations(tmp_path, tiny_space, tiny_costs):
    def run(generations, path):
        config = SearchConfig(population=5, generations=generations, acc_min=0, **SETTINGS)
        with Journal(path, journal_header(tiny_space, config, {"table": "t"})) as journal:
            return search(tiny_space, config, TableEvaluator(tiny_costs), journal)

    run(3, tmp_path / "one.jsonl")
    assert run(6, tmp_path / "one.jsonl") == run(6, tmp_path / "other.jsonl")


def test_a_budget_nobody_meets_says_who_came_closest(tiny_space, tiny_costs, evaluator):
    with pytest.raises(InputError) as raised:
        search(tiny_space, SearchConfig(madds_max=1000, **SETTINGS), evaluator)
    genotype, cost = min(tiny_costs.items(), key=lambda item: item[1].madds)  # 400 draws from 81 networks meet it
    assert str(raised.value) == (
        f"No network meets --madds_max=1000: 400 networks tried. The closest, {'-'.join(map(str, genotype))}, has "
        f"{cost.madds:,} MAdds, {cost.params:,} params, and misses --madds_max=1000 by {cost.madds - 1000:,} MAdds. "
        "Loosen --madds_max, or lower --image_size."
    )
    assert evaluator.asked == []


def test_the_closest_to_two_bounds_misses_them_by_the_smallest_share_in_sum(tiny_space, tiny_costs):
    madds_max, params_min = 60e3, 4000.0
    config = SearchConfig(madds_max=madds_max, constraints=parse_constraints("params:min:4000"), **SETTINGS)
    assert not any(cost.madds < madds_max and cost.params > params_min for cost in tiny_costs.values())
    misses = {
        genotype: max(0, cost.madds / madds_max - 1) + max(0, 1 - cost.params / params_min)
        for genotype, cost in tiny_costs.items()
    }
    closest = "-".join(map(str, min(misses, key=misses.get)))
    with pytest.raises(InputError, match=rf"The closest, {closest}, has .*, and misses .* by [\d,]+ "):
        NSGA2(tiny_space, config)


def test_an_accuracy_nobody_has_says_who_came_closest(tiny_space, evaluator):
    config = SearchConfig(population=4, acc_min=0.95, max_rounds=3, image_size=32, num_classes=10)
    with pytest.raises(InputError) as raised:
        search(tiny_space, config, evaluator)
    assert len(evaluator.asked) == 12
    best = max(evaluator.asked, key=evaluator.table.get)
    accuracy = evaluator.table[best]
    said = str(raised.value)
    assert re.match(r"No network meets --acc_min=0\.95: \d+ networks tried, 12 evaluated\. ", said)
    assert f"The closest, {'-'.join(map(str, best))}, has accuracy {accuracy:.4f}, " in said
    assert said.endswith(
        f"and misses --acc_min=0.95 by accuracy {0.95 - accuracy:.4f}. Loosen --acc_min, or train the supernet for "
        "longer."
    )


def test_constraints_that_are_met_exactly_are_not_met(tiny_space, tiny_costs, evaluator):
    madds_max = sorted({cost.madds for cost in tiny_costs.values()})[5]
    result = search(
        tiny_space,
        SearchConfig(population=30, generations=3, madds_max=madds_max, acc_min=0.25, **SETTINGS),
        evaluator,
    )
    assert max(individual.madds for individual in result.evaluated) < madds_max
    equal = SearchConfig(population=80, generations=1, acc_min=0.5, **SETTINGS)
    with pytest.raises(InputError, match=r"has accuracy 0\.5000, .* by accuracy 0\.0000"):
        search(tiny_space, equal, lambda genotypes: [0.5] * len(genotypes))


@pytest.mark.parametrize("answer", [[0.5], [0.5] * 7, [1.5] * 6, [float("nan")] * 6])
def test_a_wrong_answer_of_the_evaluator_is_an_error(tiny_space, answer):
    with pytest.raises(ValueError, match="There must be 6 accuracies from 0 to 1"):
        search(tiny_space, SearchConfig(population=6, **SETTINGS), lambda genotypes: answer)


def test_a_small_image_and_an_empty_choice_are_refused(tiny_space, evaluator):
    with pytest.raises(InputError, match=r"--image_size must be at least 8, .* Received: 4"):
        search(tiny_space, SearchConfig(image_size=4), evaluator)
    single = SearchSpace("single", Stem(4), (Slot(6, stride=2),), (SKIP,), Head(16))
    with pytest.raises(InputError, match="nothing to search"):
        search(single, SearchConfig(), evaluator)


def test_picks_follow_accuracy_and_madds_by_equal_distance(tiny_space, evaluator):
    result = search(tiny_space, SearchConfig(population=40, generations=8, acc_min=0, **SETTINGS), evaluator)
    picks = result.picks(3)
    assert len(set(picks)) == 3
    assert set(picks) <= set(result.front)
    assert picks[0].madds == min(individual.madds for individual in result.front)
    assert picks[-1].accuracy == max(individual.accuracy for individual in result.front)
    assert [pick.madds for pick in picks] == sorted({pick.madds for pick in picks})
    assert [pick.accuracy for pick in picks] == sorted({pick.accuracy for pick in picks})
    assert set(result.picks(1000)) == set(result.front)


def test_a_search_of_a_published_space_stays_in_budget():
    space = get_space("s2")
    config = SearchConfig(population=20, generations=6, madds_max=330e6, acc_min=0)

    def evaluate(genotypes):
        return [np.mean([0.9 - 0.05 * (choice % 6) for choice in genotype]) for genotype in genotypes]

    result = search(space, config, evaluate)
    assert len(result.evaluated) == 120
    assert result.history[1].rejected["duplicate"] == 0  # generations draw from other random numbers
    assert max(individual.madds for individual in result.population) < 330e6
    assert result.history[-1].best_accuracy > result.history[0].best_accuracy


def test_a_budget_that_uniform_samples_hardly_meet_is_met():
    space = get_space("s2")
    config = SearchConfig(population=10, generations=3, madds_max=60e6, acc_min=0, max_attempts=200)
    result = search(space, config, lambda genotypes: [0.5 - sum(one) / 1000 for one in genotypes])
    assert [record.offspring for record in result.history] == [10, 10, 10]
    assert result.history[0].rejected["madds"] == 100
    assert max(individual.madds for individual in result.evaluated) < 60e6
    sampled = [one for one in result.evaluated if one.generation < 2]
    assert {(one.operator, one.parents) for one in sampled} == {("sample_reduced", ())}
    assert max(one.madds for one in sampled) > 50e6  # cut down no further than needed


@pytest.mark.parametrize("as_mapping", [True, False])
def test_asking_and_telling_is_the_same_search(tiny_space, tiny_costs, evaluator, as_mapping):
    config = SearchConfig(population=6, generations=5, acc_min=0.35, madds_max=median_madds(tiny_costs), **SETTINGS)
    nsga2, asked = NSGA2(tiny_space, config), []
    while not nsga2.done:
        genotypes = nsga2.ask()
        assert nsga2.ask() == genotypes != []
        asked += genotypes
        accuracies = {genotype: evaluator.table[genotype] for genotype in reversed(genotypes)}
        nsga2.tell(accuracies if as_mapping else [evaluator.table[genotype] for genotype in genotypes])
    assert len(asked) == len(set(asked))
    assert nsga2.ask() == []
    assert nsga2.result == search(tiny_space, config, evaluator)
    assert asked == evaluator.asked


def test_what_is_told_must_be_what_was_asked(tiny_space):
    nsga2 = NSGA2(tiny_space, SearchConfig(population=6, acc_min=0, **SETTINGS))
    genotypes = nsga2.ask()
    for told in (dict.fromkeys(genotypes[1:], 0.5), dict.fromkeys([*genotypes, (9, 9, 9, 9)], 0.5)):
        with pytest.raises(ValueError, match="Accuracies must be of"):
            nsga2.tell(told)
    for told in ([0.5] * 5, [0.5] * 7, [1.5] * 6, [float("nan")] * 6):
        with pytest.raises(ValueError, match="There must be 6 accuracies from 0 to 1"):
            nsga2.tell(told)
    assert nsga2.ask() == genotypes  # a refusal changes nothing
    nsga2.tell([0.5] * 6)
    assert [record.generation for record in nsga2.history] == [0]


def test_records_say_who_survived_and_how_far_the_front_came(tiny_space, tiny_costs, evaluator):
    config = SearchConfig(population=6, generations=8, acc_min=0.3, madds_max=median_madds(tiny_costs), **SETTINGS)
    result = search(tiny_space, config, evaluator)
    seen = [record.hypervolume for record in result.history]
    assert seen == sorted(seen)
    assert 0 < seen[0] < seen[-1] < 1
    for record in result.history:
        known = result.evaluated[: record.evaluations]
        survivors = [known[index] for index in record.survivors]
        assert len(set(record.survivors)) == len(survivors) <= 6
        assert max(one.accuracy for one in survivors) == record.best_accuracy
        assert not any(one.violated for one in survivors)
        proposals = record.offspring + sum(record.rejected.values())
        assert record.feasible_share == record.offspring / proposals
    assert [result.evaluated[index] for index in result.history[-1].survivors] == list(result.population)


def test_only_the_inaccurate_violate_a_constraint(tiny_space, evaluator):
    config = SearchConfig(population=8, generations=4, acc_min=0.4, **SETTINGS)
    result = search(tiny_space, config, evaluator)
    inaccurate = [one for one in result.evaluated if one.accuracy <= 0.4]
    assert inaccurate
    assert {one.violated for one in inaccurate} == {("acc",)}
    assert {one.violated for one in result.evaluated if one not in inaccurate} == {()}
    assert result.rejected["acc"] >= len(inaccurate)


def test_an_initial_population_comes_first(tiny_space, tiny_costs, evaluator):
    by_madds = sorted(tiny_costs, key=lambda genotype: tiny_costs[genotype].madds)
    fit, costly = by_madds[:3], by_madds[-2:]
    seeds = (fit[0], costly[0], fit[1], fit[0], costly[1], fit[2])
    config = SearchConfig(
        population=5,
        generations=1,
        acc_min=0,
        madds_max=tiny_costs[by_madds[60]].madds,
        initial_population=seeds,
        **SETTINGS,
    )
    result = search(tiny_space, config, evaluator)
    assert [one.genotype for one in result.evaluated[:3]] == fit
    assert [one.operator for one in result.evaluated] == ["seed"] * 3 + ["sample"] * 2
    unseeded = search(tiny_space, replace(config, initial_population=()), evaluator)
    assert result.rejected["madds"] >= 2
    assert result.rejected["duplicate"] >= 1
    assert [one.genotype for one in result.evaluated[3:]] == [one.genotype for one in unseeded.evaluated[:2]]


def test_an_initial_population_larger_than_the_population_is_evaluated_whole(tiny_space, tiny_costs, evaluator):
    seeds = tuple(tiny_costs)[:9]
    config = SearchConfig(population=4, generations=1, acc_min=0, initial_population=seeds, **SETTINGS)
    result = search(tiny_space, config, evaluator)
    assert [one.genotype for one in result.evaluated] == list(seeds)
    assert len(result.population) == 4


def test_objectives_and_constraints_may_be_any(tiny_space, tiny_costs, evaluator):
    def latency(genotype):
        return 10.0 - sum(genotype)

    config = SearchConfig(
        population=40,
        generations=12,
        acc_min=0.3,
        constraints=parse_constraints("latency:max:8,params:max:5000"),
        objectives=parse_objectives("acc:max:0.5,latency:min:0.5"),
        **SETTINGS,
    )
    result = search(tiny_space, config, evaluator, latency=latency)
    allowed = {
        genotype: (-evaluator.table[genotype], latency(genotype))
        for genotype, cost in tiny_costs.items()
        if latency(genotype) < 8 and cost.params < 5000 and evaluator.table[genotype] > 0.3
    }
    expected = {
        one
        for one, row in allowed.items()
        if not any(a <= row[0] and b <= row[1] and (a, b) != row for a, b in allowed.values())
    }
    assert {one.genotype for one in result.front} == expected
    assert all(one.measures["latency"] == latency(one.genotype) < 8 for one in result.evaluated)
    assert min(result.rejected[reason] for reason in ("params", "latency", "acc")) > 0


def test_searching_needs_no_tensorflow():
    code = "import sys, scarlet_tf.search; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
