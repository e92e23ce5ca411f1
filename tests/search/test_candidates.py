import pytest

from scarlet_tf.arch import get_space
from scarlet_tf.errors import InputError
from scarlet_tf.search import Constraint, Objective, SearchConfig, parse_constraints
from scarlet_tf.search.candidates import Candidates

SIZE = {"image_size": 32, "num_classes": 10}


def milliseconds(genotype):
    return 1.0 + sum(genotype)


def test_measures_are_the_costs_and_the_latency_of_a_table(tiny_space, tiny_costs):
    genotype = (0, 1, 2, 0)
    cost = tiny_costs[genotype]
    plain = {"madds": cost.madds, "params": cost.params}
    assert Candidates(tiny_space, SearchConfig(**SIZE)).measures(genotype) == plain
    timed = Candidates(tiny_space, SearchConfig(**SIZE), milliseconds)
    assert timed.measures(genotype) == {**plain, "latency": 4.0}
    assert [timed.measure(genotype, name) for name in ("madds", "params", "latency")] == [cost.madds, cost.params, 4.0]


def test_madds_are_checked_before_params_before_latency(tiny_space, tiny_costs):
    asked = []

    def latency(genotype):
        asked.append(genotype)
        return milliseconds(genotype)

    genotype = (0, 1, 2, 0)
    madds, params = tiny_costs[genotype].madds, tiny_costs[genotype].params

    def first(madds_max, params_max, latency_max):
        more = parse_constraints(f"latency:max:{latency_max},params:max:{params_max}")
        config = SearchConfig(madds_max=madds_max, constraints=more, **SIZE)
        return Candidates(tiny_space, config, latency).first_violated(genotype)

    assert first(madds, params, 4) == Constraint("madds", "max", madds)
    assert first(madds + 1, params, 4) == Constraint("params", "max", params)
    assert asked == []
    assert first(madds + 1, params + 1, 4) == Constraint("latency", "max", 4)
    assert first(madds + 1, params + 1, 4.1) is None


@pytest.mark.parametrize("measure", ["madds", "params"])
def test_the_largest_value_is_that_of_the_space(tiny_space, tiny_costs, measure):
    candidates = Candidates(tiny_space, SearchConfig(**SIZE))
    assert candidates.largest(measure) == max(getattr(cost, measure) for cost in tiny_costs.values())


def test_the_largest_network_of_s2_has_the_heaviest_block_everywhere():
    candidates = Candidates(get_space("s2"), SearchConfig())
    assert candidates.largest("params") == candidates.costs.cost((11,) * 19).params  # expansion 6, kernel 7, squeezed


@pytest.mark.parametrize(
    "settings",
    [{"objectives": (Objective("latency", "min", 1.0),)}, {"constraints": parse_constraints("latency:max:20")}],
)
def test_latency_needs_a_table(tiny_space, settings):
    with pytest.raises(InputError, match="--latency_table must be given where --objectives or --constraints name"):
        Candidates(tiny_space, SearchConfig(**SIZE, **settings))
