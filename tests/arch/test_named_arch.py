"""`arch.json`: written, read back, and refused with one line that names the file."""

import json

import pytest

from scarlet_tf.arch import SearchSpace, get_arch, get_space, scale
from scarlet_tf.arch.named import NamedArch, resolve
from scarlet_tf.errors import InputError

OWN = SearchSpace.from_dict(
    {
        "name": "mine",
        "stem": {"filters": 8},
        "slots": [{"filters": 12, "stride": 2}, {"filters": 12}],
        "choices": [{"expansion": 3, "kernel": 3}, "skip"],
        "head": {"filters": 16},
    }
)


def test_file_of_a_named_space_holds_its_name(tmp_path):
    named = NamedArch(get_space("s1"), (6,) * 19, "nothing")
    named.write(tmp_path / "arch.json")
    content = json.loads((tmp_path / "arch.json").read_text())
    assert content == {"space": "s1", "genotype": [6] * 19, "name": "nothing"}
    assert resolve(str(tmp_path / "arch.json")) == named


def test_file_of_a_users_space_holds_the_space(tmp_path):
    named = NamedArch(OWN, (0, 1), "short")
    named.write(tmp_path / "arch.json")
    assert json.loads((tmp_path / "arch.json").read_text())["space"]["name"] == "mine"
    read = resolve(str(tmp_path / "arch.json"))
    assert read == named
    assert read.arch == OWN.decode((0, 1), "short")


def test_users_space_with_the_name_of_another_keeps_its_description(tmp_path):
    impostor = SearchSpace.from_dict(OWN.to_dict() | {"name": "s1"})
    NamedArch(impostor, (0, 1), "net").write(tmp_path / "arch.json")
    assert resolve(str(tmp_path / "arch.json")).space == impostor


def test_resolve_takes_a_published_name_and_a_directory(tmp_path):
    assert resolve("scarlet_b").arch == get_arch("scarlet_b")
    named = NamedArch(OWN, (0, 0), "net")
    named.write(tmp_path / "arch.json")
    assert resolve(str(tmp_path)) == named


def test_name_is_the_files_where_it_has_none(tmp_path):
    path = tmp_path / "pick_2.json"
    path.write_text(json.dumps({"space": "s1", "genotype": [0] * 19}))
    assert resolve(str(path)).name == "pick_2"


def test_factors_scale_the_network_and_its_name(tmp_path):
    named = resolve("scarlet_a", width=1.5)
    assert (named.name, named.width, named.depth) == ("scarlet_a-w1.5-d1", 1.5, 1.0)
    assert named.arch == scale(get_arch("scarlet_a"), 1.5, 1.0, "scarlet_a-w1.5-d1")
    named.write(tmp_path / "arch.json")
    assert json.loads((tmp_path / "arch.json").read_text())["width"] == 1.5
    assert resolve(str(tmp_path)) == named


@pytest.mark.parametrize(("name", "image_size"), [("scarlet_a2", 260), ("scarlet_a4", 380), ("scarlet_b", 224)])
def test_published_networks_bring_their_factors_and_image_size(name, image_size):
    named = resolve(name)
    assert named.arch == get_arch(name)
    assert named.default_image_size == image_size
    assert NamedArch.from_dict(named.to_dict(), "arch.json") == named


def test_flags_take_the_place_of_the_networks_own_factors():
    assert resolve("scarlet_a4", depth=1.0).arch.blocks == get_arch("scarlet_a2").blocks
    assert resolve("scarlet_a4", width=1.4, depth=2.0) == resolve("scarlet_a4")
    for factor in (0.0, -1.0, 17.0, float("nan")):
        with pytest.raises(InputError, match=rf"--width must be above 0 and at most 16\. Received: {factor}"):
            resolve("scarlet_a", width=factor)


GOOD = {"space": "s1", "genotype": [0] * 19, "name": "net"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{'space'", "must be a JSON file that holds an architecture"),
        (b"\xff\xfe", "must be a JSON file that holds an architecture"),
        ([1, 2], "keys space and genotype. Received: list"),
        ({"space": "s1"}, r"keys space and genotype. Received: \['space'\]"),
        ({"genotype": [0] * 19}, r"keys space and genotype. Received: \['genotype'\]"),
        (GOOD | {"genotype": [0] * 18}, "has 19 choices. Received 18"),
        (GOOD | {"genotype": [7] + [0] * 18}, "from 0 to 6. Received 7 at slot 0"),
        (GOOD | {"genotype": [0] * 18 + [-1]}, "from 0 to 6. Received -1 at slot 18"),
        (GOOD | {"genotype": [True] + [0] * 18}, "Received True at slot 0"),
        (GOOD | {"genotype": [0.5] + [0] * 18}, "Received 0.5 at slot 0"),
        (GOOD | {"genotype": [[0]] + [0] * 18}, r"Received \[0\] at slot 0"),
        (GOOD | {"genotype": "0" * 19}, "genotype must be a list"),
        (GOOD | {"genotype": None}, "genotype must be a list"),
        (GOOD | {"name": 5}, "name a string. Received: .*, 5"),
        (GOOD | {"width": 0}, "width must be above 0 and at most 16. Received: 0"),
        (GOOD | {"depth": "2"}, "depth must be above 0 and at most 16. Received: '2'"),
        (GOOD | {"depth": True}, "depth must be above 0 and at most 16. Received: True"),
        (GOOD | {"space": "s9"}, "a space must be one of s1, s2.*Received: 's9'"),
        (GOOD | {"space": 1}, "a space must be one of"),
        (GOOD | {"space": {"name": "mine"}}, "SearchSpace takes the keys"),
        (GOOD | {"space": OWN.to_dict() | {"slots": []}}, "slots must be a non-empty list"),
    ],
)
def test_bad_file_is_an_input_error_that_names_it(tmp_path, content, message):
    path = tmp_path / "arch.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InputError, match=message) as raised:
        resolve(str(path))
    assert str(path) in str(raised.value)


def test_resolve_takes_any_network_of_a_named_space():
    genotype = tuple(range(13)) + (12,) * 6
    for separator in ("-", ","):
        named = resolve("s2:" + separator.join(map(str, genotype)))
        assert named == NamedArch(get_space("s2"), genotype, "s2-" + "-".join(map(str, genotype)))
    scaled = resolve("s1:" + "6-" * 18 + "6", width=1.5)
    assert (scaled.width, scaled.name) == (1.5, "s1" + "-6" * 19 + "-w1.5-d1")


def test_resolve_takes_any_network_of_a_space_in_a_file(tmp_path):
    path = tmp_path / "my space.json"
    path.write_text(json.dumps(OWN.to_dict()))
    assert resolve(f"{path}:0-1") == NamedArch(OWN, (0, 1), "mine-0-1")


def test_file_that_is_there_is_not_taken_for_a_network_of_a_space(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = NamedArch(OWN, (0, 1), "net")
    named.write("s1:0-1")
    assert resolve("s1:0-1") == named


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("s1:", r"--model=s1: must be followed by a choice a slot.*as s1:0-1-2\. Received: ''\."),
        ("s1:0--1", r"--model=s1: must be followed.*Received: '0--1'\."),
        ("s1:0 1", r"--model=s1: must be followed.*Received: '0 1'\."),
        ("s1:٣", r"--model=s1: must be followed"),
        ("s1:" + "9" * 5000, r"--model=s1: must be followed"),
        ("s1:0-1-2", r"--model=s1:0-1-2: A genotype of s1 has 19 choices\. Received 3: \[0, 1, 2\]\."),
        ("s1:" + "-".join(["7"] * 19), r"--model=s1:7-.*from 0 to 6\. Received 7 at slot 0\."),
        ("none.json:0-1", r"Cannot read a search space from none\.json"),
        ("s9:0-1", r"--model must be one of scarlet_a.*or SPACE:GENOTYPE as s1:0-6-\.\.\.-3\. Received: 's9:0-1'\."),
    ],
)
def test_bad_network_of_a_space_is_an_input_error(model, message):
    with pytest.raises(InputError, match=message):
        resolve(model)


def test_model_that_is_nothing_we_know(tmp_path):
    for model in ("scarlet_z", str(tmp_path), str(tmp_path / "none.json"), ""):
        with pytest.raises(InputError, match=r"--model must be one of scarlet_a.*Received"):
            resolve(model)
