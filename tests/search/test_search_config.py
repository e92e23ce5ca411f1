import json

import pytest

from scarlet_tf.arch import get_space
from scarlet_tf.errors import InputError
from scarlet_tf.search import MutationRates, ObjectiveWeights, SearchConfig, journal_header, parse_weights


def test_defaults_are_those_of_the_paper():
    config = SearchConfig()
    assert config.population * config.generations == 8400
    assert (config.madds_max, config.acc_min) == (500_000_000, 0.4)
    assert config.weights == ObjectiveWeights(acc=0.4, madds=0.4, params=0.2)
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
    ],
)
def test_errors_name_the_flag_and_what_was_received(fields):
    ((name, value),) = fields.items()
    with pytest.raises(InputError, match=f"^--{name} must be .* Received: {value!r}"):
        SearchConfig(**fields)


def test_weights_are_parsed_in_any_order():
    assert parse_weights("acc:0.4,madds:0.4,params:0.2") == ObjectiveWeights()
    assert parse_weights("params:1,acc:0,madds:2e-1") == ObjectiveWeights(acc=0, madds=0.2, params=1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "acc:0.4",
        "acc:0.4,madds:0.4",
        "acc:0.4,madds:0.4,params:0.2,latency:1",
        "acc:0.4,madds:0.4,acc:0.2",
        "acc:0.4,madds:0.4,params:0.2,acc:0.2",
        "acc:a,madds:0.4,params:0.2",
        "acc=0.4,madds=0.4,params=0.2",
        "acc:0.4,,madds:0.4,params:0.2",
        "acc:0.4,madds:0.4,params:0.2,",
        "acc:0.4,madds:0.4,params:",
        "0.4,0.4,0.2",
        "acc:-0.4,madds:0.4,params:0.2",
        "acc:nan,madds:0.4,params:0.2",
        "acc:inf,madds:0.4,params:0.2",
        "acc:0,madds:0,params:0",
    ],
)
def test_malformed_weights_are_refused(text):
    with pytest.raises(InputError, match=r"^--weights must .* Received: "):
        parse_weights(text)


def test_header_holds_all_settings_but_the_number_of_generations():
    space = get_space("small")
    header = journal_header(space, SearchConfig(seed=3, generations=5), "weights-abc")
    assert header == journal_header(space, SearchConfig(seed=3, generations=9), "weights-abc")
    assert json.loads(json.dumps(header)) == header
    assert header["space"] == "small"
    assert header["supernet"] == "weights-abc"
    rates = MutationRates(ratio=0.5)
    for other in (
        SearchConfig(seed=4),
        SearchConfig(seed=3, mutation=rates),
        SearchConfig(seed=3, acc_min=0),
    ):
        assert journal_header(space, other, "weights-abc") != header
