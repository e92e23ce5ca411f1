"""Spaces from plain data, what they refuse, and genotypes there and back."""

import json
import math

import numpy as np
import pytest

from scarlet_tf.arch import (
    SKIP,
    ArchSpec,
    Choice,
    Head,
    MBConv,
    Projection,
    SearchSpace,
    Skip,
    Slot,
    Stem,
    get_arch,
    get_space,
)
from scarlet_tf.errors import InputError

DATA = {
    "name": "mine",
    "stem": {"filters": 8, "stride": 1, "separable_filters": None, "activation": "relu"},
    "slots": [{"filters": 12, "stride": 2}, {"filters": 12}, {"filters": 20, "stride": 2}],
    "choices": [{"expansion": 3, "kernel": 3}, {"expansion": 6, "kernel": 5, "se": True}, "skip"],
    "head": {"filters": 32, "activation": "relu"},
    "activation": "relu",
}


def changed(**changes: object) -> dict:
    """DATA as JSON would give it, with other values; None takes a key out."""
    data = json.loads(json.dumps(DATA)) | changes
    return {key: value for key, value in data.items() if value is not None}


def test_s1_and_s2_are_the_spaces_of_the_paper():
    s1, s2 = get_space("s1"), get_space("s2")
    assert (s1.num_slots, s1.num_choices, s1.skip_index) == (19, 7, 6)
    assert (s2.num_slots, s2.num_choices, s2.skip_index) == (19, 13, 12)
    channels = [32] * 2 + [40] * 4 + [80] * 4 + [96] * 4 + [192] * 4 + [320]
    for space in (s1, s2):
        assert [slot.filters for slot in space.slots] == channels
        assert [slot.stride for slot in space.slots] == [2, 1, 2, 1, 1, 1, 2] + [1] * 7 + [2] + [1] * 4
        assert space.in_channels == (16, *channels[:-1])
    kernels = [(3, 3), (3, 5), (3, 7), (6, 3), (6, 5), (6, 7)]
    assert s1.choices == (*[Choice(*row) for row in kernels], SKIP)
    assert s2.choices == (
        *[Choice(*row) for row in kernels],
        *[Choice(*row, se=True) for row in kernels],
        SKIP,
    )


def test_stage_starts_of_s1():
    starts = [slot for slot, start in enumerate(get_space("s1").stage_starts) if start]
    assert starts == [0, 2, 6, 10, 14, 18]


@pytest.mark.parametrize("name", ["s1", "s2", "small", "nas_bench_macro"])
def test_genotypes_round_trip(name):
    space, rng = get_space(name), np.random.default_rng(5)
    for _ in range(100):
        genotype = space.sample(rng)
        assert all(type(choice) is int for choice in genotype)
        assert space.encode(space.decode(genotype)) == genotype


def test_sample_draws_every_choice_and_repeats_with_its_seed():
    space = get_space("s2")
    draws = [space.sample(np.random.default_rng(3)) for _ in range(2)]
    assert draws[0] == draws[1]
    rng = np.random.default_rng(0)
    drawn = np.array([space.sample(rng) for _ in range(400)])
    assert all(set(drawn[:, slot]) == set(range(13)) for slot in range(19))


def test_decode_names_the_rows_of_each_slot():
    arch = SearchSpace.from_dict(DATA).decode((1, 2, 0))
    rows = (MBConv(6, 5, 12, stride=2, se=True), Skip(12), MBConv(3, 3, 20, stride=2))
    assert arch == ArchSpec("mine-1-2-0", Stem(8, 1, None, "relu"), rows, Head(32, "relu"), "relu")
    assert SearchSpace.from_dict(DATA).decode([0, 0, 0], "net").name == "net"


def test_space_from_json_equals_the_space_from_rows():
    space = SearchSpace.from_dict(json.loads(json.dumps(DATA)))
    assert space == SearchSpace(
        "mine",
        Stem(8, 1, None, "relu"),
        (Slot(12, 2), Slot(12), Slot(20, 2)),
        (Choice(3, 3), Choice(6, 5, True), SKIP),
        Head(32, "relu"),
        "relu",
    )
    assert SearchSpace.from_dict(json.loads(json.dumps(space.to_dict()))) == space
    assert space.min_image_size == math.prod((2, 1, 2))


def test_skip_at_the_start_of_a_stage_may_be_a_projection():
    space = SearchSpace.from_dict(changed(stage_skip="projection"))
    assert space.decode((2, 2, 2)).blocks == (Projection(12, 2), Skip(12), Projection(20, 2))
    assert space.stays == ((True, True, True), (True, True, False), (True, True, True))
    assert SearchSpace.from_dict(json.loads(json.dumps(space.to_dict()))) == space
    plain = SearchSpace.from_dict(DATA)  # as files have it that do not say
    assert plain.decode((2, 2, 2)).blocks == (Skip(12, 2), Skip(12), Skip(20, 2))
    for one, other in ((space, plain), (plain, space)):
        assert one.encode(one.decode((2, 0, 1))) == (2, 0, 1)
        with pytest.raises(ValueError, match="at slot 0"):
            one.encode(other.decode((2, 0, 1)))


def test_nas_bench_macro_is_the_space_of_its_paper():
    space = get_space("nas_bench_macro")
    assert space.num_choices**space.num_slots == 6561
    assert space.decode((0, 0, 2, 1, 0, 0, 2, 1)).blocks == (
        *(Projection(64, 2), Skip(64)),
        *(MBConv(6, 5, 128, 2), MBConv(3, 3, 128), Skip(128)),
        *(Projection(256, 2), MBConv(6, 5, 256), MBConv(3, 3, 256)),
    )
    assert space.min_image_size == 8
    assert {space.activation, space.stem.activation, space.head.activation} == {"relu"}


def test_space_without_skip_has_no_skip_index():
    assert SearchSpace.from_dict(changed(choices=DATA["choices"][:2])).skip_index is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "name must be a non-empty string"),
        ({"name": 3}, "name must be a non-empty string"),
        ({"name": None}, r"SearchSpace takes the keys .*Received: \['activation', 'choices'"),
        ({"colour": "red"}, r"SearchSpace takes the keys .*Received: \['colour'\]"),
        ({"stem": 8}, "Stem must be given as such or as a mapping. Received: 8"),
        ({"stem": {"filters": 0}}, "filters must be a positive integer. Received: 0"),
        ({"stem": {"filters": True}}, "filters must be a positive integer. Received: True"),
        ({"stem": {"filters": 8, "stride": 3}}, "stride must be 1 or 2. Received: 3"),
        ({"stem": {"filters": 8, "separable_filters": 0}}, "separable_filters must be None or a positive"),
        ({"stem": {"filters": 8, "activation": "gelu"}}, "activation must be one of"),
        ({"stem": {}}, r"Stem takes the keys .*Received: \[\]"),
        ({"stem": {"filters": 8, "kernel": 3}}, r"Stem takes the keys .*Received: \['kernel'\]"),
        ({"head": {"filters": "32"}}, "filters must be None or a positive integer. Received: '32'"),
        ({"head": {"filters": 32, "activation": "gelu"}}, "activation must be one of"),
        ({"slots": []}, "slots must be a non-empty list"),
        ({"slots": "abc"}, "slots must be a non-empty list"),
        ({"slots": 3}, "slots must be a non-empty list"),
        ({"slots": [{"filters": 12, "stride": 2}, "skip"]}, "Slot must be given as such or as a mapping"),
        ({"slots": [{"filters": 12.5}]}, "filters must be a positive integer. Received: 12.5"),
        ({"slots": [{"filters": 12, "stride": 1.0}]}, "stride must be 1 or 2. Received: 1.0"),
        ({"slots": [{"filters": 12, "stride": True}]}, "stride must be 1 or 2. Received: True"),
        ({"slots": [{"filters": 8, "stride": 1}]}, "first slot must change channels or resolution"),
        ({"choices": []}, "choices must be a non-empty list"),
        ({"choices": ["Skip"]}, "Choice must be given as such or as a mapping. Received: 'Skip'"),
        ({"choices": ["skip", "skip"]}, "choices must differ from each other"),
        ({"choices": [{"expansion": 3, "kernel": 3}] * 2}, "choices must differ from each other"),
        ({"choices": [{"expansion": 0, "kernel": 3}]}, "expansion must be a positive integer. Received: 0"),
        ({"choices": [{"expansion": 3, "kernel": 4}]}, "kernel must be 3, 5 or 7. Received: 4"),
        ({"choices": [{"expansion": 3, "kernel": 3.0}]}, "kernel must be 3, 5 or 7. Received: 3.0"),
        ({"choices": [{"expansion": 3, "kernel": 3, "se": 1}]}, "se must be true or false. Received: 1"),
        ({"activation": "gelu"}, "activation must be one of"),
        ({"stage_skip": "conv"}, r"stage_skip must be one of \('removed', 'projection'\). Received: 'conv'"),
    ],
)
def test_space_refuses_what_is_off_and_says_what(changes, message):
    with pytest.raises(ValueError, match=message):
        SearchSpace.from_dict(changed(**changes))


@pytest.mark.parametrize(
    ("genotype", "message"),
    [
        ((0, 0), "has 3 choices. Received 2"),
        ((0, 0, 0, 0), "has 3 choices. Received 4"),
        ((0, 3, 0), "from 0 to 2. Received 3 at slot 1"),
        ((0, 0, -1), "from 0 to 2. Received -1 at slot 2"),
        ((1.0, 0, 0), "whole numbers.*Received 1.0 at slot 0"),
        ((True, 0, 0), "whole numbers.*Received True at slot 0"),
        (("0", 0, 0), "whole numbers.*Received '0' at slot 0"),
    ],
)
def test_genotype_refused(genotype, message):
    space = SearchSpace.from_dict(DATA)
    for use in (space.check, space.decode):
        with pytest.raises(ValueError, match=message):
            use(genotype)


def test_genotype_may_be_of_numpy_integers():
    assert SearchSpace.from_dict(DATA).check(np.array([2, 1, 0])) == (2, 1, 0)


def test_encode_refuses_a_network_of_another_space():
    s1, s2, small = get_space("s1"), get_space("s2"), get_space("small")
    with pytest.raises(ValueError, match=r"not in the space s1.*at slot 3"):
        s1.encode(get_arch("scarlet_a"))  # slot 3 is the first with squeeze-excite
    with pytest.raises(ValueError, match="not in the space s2: stem, head or length differ"):
        s2.encode(small.decode((0,) * small.num_slots))
    other = SearchSpace.from_dict(changed(slots=[{"filters": 12, "stride": 2}, {"filters": 16}] * 2))
    same_length = SearchSpace.from_dict(changed(slots=[{"filters": 12, "stride": 2}, {"filters": 14}] * 2))
    with pytest.raises(ValueError, match="at slot 1"):
        other.encode(same_length.decode((0,) * 4))


def test_get_space_reads_a_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(DATA))
    assert get_space(str(path)) == SearchSpace.from_dict(DATA)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "Cannot read a search space from"),
        ("{", "Cannot read a search space from"),
        ("[1]", "a space must be one of"),
        ('"s9"', "a space must be one of"),
        ("{}", "SearchSpace takes the keys"),
        (json.dumps(changed(slots=[])), "slots must be a non-empty list"),
    ],
)
def test_get_space_refuses_a_file_and_names_it(tmp_path, content, message):
    path = tmp_path / "mine.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message) as raised:
        get_space(str(path))
    assert str(path) in str(raised.value)


def test_get_space_refuses_an_unknown_name():
    with pytest.raises(InputError, match=r"one of s1, s2, small.* or a \.json file. Received: 's9'"):
        get_space("s9")
