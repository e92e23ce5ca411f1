import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.search import Constraint, Objective, parse_constraints, parse_objectives, reweighted
from scarlet_tf.search.objectives import EQUATION_4, violated


def test_objectives_are_parsed_in_any_order():
    assert parse_objectives("acc:max:0.4,madds:min:0.4,params:max:0.2") == EQUATION_4
    assert parse_objectives("params:max:0.2,madds:min:4e-1,acc:max:0.4") == EQUATION_4
    assert parse_objectives("latency:min:1") == (Objective("latency", "min", 1.0),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must have the form acc:max:0.4"),
        ("acc:max", "must have the form acc:max:0.4"),
        ("acc:max:0.5:1,madds:min:0.5", "must have the form acc:max:0.4"),
        ("acc:max:0.5,,madds:min:0.5", "must have the form acc:max:0.4"),
        ("acc:max:", "must have the form acc:max:0.4"),
        ("acc:max:heavy", "must end each entry with a number"),
        ("flops:min:1", "must name one of acc, madds, params, latency, and min or max. Received: flops:min"),
        ("acc:up:1", "Received: acc:up"),
        ("acc:max:nan", "weight of acc .* Received: nan"),
        ("acc:max:-1,madds:min:2", "weight of acc .* at least 0. Received: -1"),
        ("acc:max:0.5,madds:min:0.4", "must sum to 1. Received: acc 0.5, madds 0.4, a sum of 0.9"),
        ("acc:max:0.5,acc:max:0.5", "must name each measure once. Received: acc, acc"),
    ],
)
def test_malformed_objectives_are_refused(text, said):
    with pytest.raises(InputError, match=rf"--objectives.*{said}|{said}"):
        parse_objectives(text)


def test_weights_may_miss_a_sum_of_one_by_rounding_only():
    assert len(parse_objectives("acc:max:0.3333333,madds:min:0.3333333,params:max:0.3333334")) == 3
    with pytest.raises(InputError, match="must sum to 1"):
        parse_objectives("acc:max:0.33333,madds:min:0.33333,params:max:0.33333")


def test_weights_replace_those_of_the_objectives():
    changed = reweighted(EQUATION_4, "params:1,acc:0,madds:0")
    assert [objective.weight for objective in changed] == [0, 0, 1]
    assert [(one.measure, one.direction) for one in changed] == [(one.measure, one.direction) for one in EQUATION_4]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "acc:1",
        "acc:0.5,madds:0.5",
        "acc:0.4,madds:0.4,params:0.1,latency:0.1",
        "acc:0.4,madds:0.4,acc:0.2",
        "acc:0.4,madds:0.4,params:0.2,acc:0.2",
        "acc:a,madds:0.4,params:0.2",
        "acc=0.4,madds=0.4,params=0.2",
        "acc:0.4,,madds:0.4,params:0.2",
        "acc:0.4,madds:0.4,params:",
        "0.4,0.4,0.2",
        "acc:-0.4,madds:1.2,params:0.2",
        "acc:nan,madds:0.4,params:0.2",
        "acc:inf,madds:0.4,params:0.2",
        "acc:0,madds:0,params:0",
        "acc:0.4,madds:0.4,params:0.3",
    ],
)
def test_malformed_weights_are_refused(text):
    with pytest.raises(InputError, match=r"^--weights must .* Received: "):
        reweighted(EQUATION_4, text)


def test_constraints_are_parsed_as_they_come():
    assert parse_constraints("latency:max:20,params:max:5e6,params:min:1") == (
        Constraint("latency", "max", 20),
        Constraint("params", "max", 5e6),
        Constraint("params", "min", 1),
    )
    assert parse_constraints("") == ()


@pytest.mark.parametrize("text", ["latency", "latency:20", "latency:max:", "time:max:20", "latency:above:20", ":::"])
def test_malformed_constraints_are_refused(text):
    with pytest.raises(InputError, match=r"--constraints must .* Received: "):
        parse_constraints(text)


@pytest.mark.parametrize("bound", ["nan", "inf"])
def test_bounds_are_finite(bound):
    with pytest.raises(InputError, match=f"bound of latency in --constraints .* Received: {bound}"):
        parse_constraints(f"latency:max:{bound}")


def test_bounds_are_strict_and_misses_counted_from_them():
    below, above = Constraint("params", "max", 10), Constraint("params", "min", 10)
    assert [below.met(value) for value in (9, 10, 11)] == [True, False, False]
    assert [above.met(value) for value in (9, 10, 11)] == [False, False, True]
    assert [below.miss(value) for value in (9, 10, 12)] == [0, 0, 2]
    assert [above.miss(value) for value in (7, 10, 11)] == [3, 0, 0]


def test_constraints_are_named_as_the_flags_that_give_them():
    given = (("madds", "max"), ("madds", "min"), ("acc", "min"), ("latency", "max"))
    assert [Constraint(*side, 0.5).flag for side in given] == [
        "--madds_max=0.5",
        "--constraints=madds:min:0.5",
        "--acc_min=0.5",
        "--constraints=latency:max:0.5",
    ]


def test_a_measure_is_violated_once():
    constraints = parse_constraints("params:max:5,params:min:7,latency:max:3")
    assert violated(constraints, {"params": 6, "latency": 2}) == ("params",)
    assert violated(constraints, {"params": 6, "latency": 3}) == ("params", "latency")
