import json

import pytest

from scarlet_tf.arch import get_space
from scarlet_tf.errors import InputError
from scarlet_tf.search import Constraint, MutationRates, Objective, SearchConfig, journal_header, parse_constraints

WEIGHTS = {"weights": "abc"}


def test_defaults_are_those_of_the_paper():
    config = SearchConfig()
    assert config.population * config.generations == 8400
    assert (config.madds_max, config.acc_min) == (500_000_000, 0.4)
    assert config.objectives == (
        Objective("acc", "max", 0.4),
        Objective("madds", "min", 0.4),
        Objective("params", "max", 0.2),
    )
    assert config.constraints == config.initial_population == ()
    mutation = config.mutation
    assert mutation.ratio == 0.8
    assert (mutation.random, mutation.reinforced, mutation.prior_regulated) == (0.2, 0.65, 0.15)
    assert mutation.by_madds == 0.7


@pytest.mark.parametrize(
    "fields",
    [
        {"population": 1},
        {"population": 7.0},
        {"population": True},
        {"generations": 0},
        {"madds_max": 0},
        {"madds_max": float("inf")},
        {"madds_max": "500M"},
        {"acc_min": 1.0},
        {"acc_min": -0.1},
        {"acc_min": float("nan")},
        {"seed": -1},
        {"image_size": 0},
        {"num_classes": 0},
        {"max_attempts": 0},
        {"max_rounds": 0},
        {"crossover_ratio": 1.5},
        {"crossover_ratio": float("nan")},
    ],
)
def test_errors_name_the_flag_and_what_was_received(fields):
    ((name, value),) = fields.items()
    with pytest.raises(InputError, match=f"^--{name} must be .* Received: {value!r}"):
        SearchConfig(**fields)


def test_constraints_are_checked_cheapest_first():
    config = SearchConfig(
        madds_max=3e6, acc_min=0.5, constraints=parse_constraints("latency:max:20,acc:max:0.9,params:min:1,madds:min:2")
    )
    assert config.all_constraints == (
        Constraint("madds", "max", 3e6),
        Constraint("madds", "min", 2),
        Constraint("params", "min", 1),
        Constraint("latency", "max", 20),
        Constraint("acc", "min", 0.5),
        Constraint("acc", "max", 0.9),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("madds:max:1e6", "--constraints must leave madds:max to --madds_max"),
        ("acc:min:0.5", "--constraints must leave acc:min to --acc_min"),
        ("params:max:1,params:max:2", "--constraints must give params:max once. Received: 2 times"),
    ],
)
def test_a_bound_is_given_once(text, said):
    with pytest.raises(InputError, match=said):
        SearchConfig(constraints=parse_constraints(text))


def test_objectives_have_one_order():
    mixed = (Objective("params", "max", 0.2), Objective("acc", "max", 0.4), Objective("madds", "min", 0.4))
    assert SearchConfig(objectives=mixed) == SearchConfig()


def test_settings_come_back_from_plain_data():
    config = SearchConfig(
        madds_max=3e6,
        constraints=parse_constraints("latency:max:20,params:min:1"),
        objectives=(Objective("acc", "max", 0.5), Objective("latency", "min", 0.5)),
        mutation=MutationRates(ratio=0.5),
        initial_population=((0, 1), (1, 1)),
    )
    assert SearchConfig.from_dict(json.loads(json.dumps(config.to_dict())), "here") == config


@pytest.mark.parametrize("changed", [{"objectives": None}, {"colour": 1}, {"mutation": {"speed": 1}}])
def test_other_data_is_refused(changed):
    with pytest.raises(InputError, match="journal must hold the settings of a search"):
        SearchConfig.from_dict(SearchConfig().to_dict() | changed, "journal")


def test_header_holds_all_settings_but_the_number_of_generations():
    space = get_space("small")
    header = journal_header(space, SearchConfig(seed=3, generations=5), WEIGHTS)
    assert header == journal_header(space, SearchConfig(seed=3, generations=9), WEIGHTS)
    assert json.loads(json.dumps(header)) == header
    assert header["space"] == "small"
    assert header["evaluator"] == WEIGHTS
    rates = MutationRates(ratio=0.5)
    for other in (
        SearchConfig(seed=4),
        SearchConfig(seed=3, mutation=rates),
        SearchConfig(seed=3, acc_min=0),
        SearchConfig(seed=3, constraints=parse_constraints("params:min:1")),
        SearchConfig(seed=3, initial_population=((0,) * 7,)),
    ):
        assert journal_header(space, other, WEIGHTS) != header
    assert journal_header(space, SearchConfig(seed=3), WEIGHTS, "latency") != header
