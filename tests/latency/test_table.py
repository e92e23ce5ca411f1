import json
import math
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

import scarlet_tf
from scarlet_tf.arch import count, get_space
from scarlet_tf.arch.layout import layout
from scarlet_tf.errors import InputError
from scarlet_tf.files import write_json
from scarlet_tf.latency.kit import random_networks
from scarlet_tf.latency.parts import parts
from scarlet_tf.latency.table import LatencyTable

IMAGE_SIZE, NUM_CLASSES = 16, 5


@pytest.fixture(scope="module")
def table(mini_space, part_times):
    return LatencyTable(mini_space, IMAGE_SIZE, NUM_CLASSES, part_times, 1.5, -0.25, "a phone", 2)


@pytest.fixture
def edited(table, tmp_path):
    """Writes the table's file with other values of some keys; a key given as None is left out."""

    def write(**changes):
        data = {key: value for key, value in (table.to_dict() | changes).items() if value is not None}
        write_json(tmp_path / "latency.json", data)
        return tmp_path / "latency.json"

    return write


def test_latency_is_stem_blocks_and_head_summed_scaled_and_shifted(table, mini_space, part_times):
    for genotype in product(range(3), repeat=3):
        placed = layout(mini_space.decode(genotype))
        size, names = 8, ["stem-16x3-s2-8"]  # by hand: what a block reads, and what it is
        for block in placed.blocks:
            name = f"block-{size}x{block.in_channels}" + ("-i2" if block.in_stride == 2 else "")
            name += f"-e{block.hidden_channels}-k3-s{block.row.stride}-{block.row.filters}"
            names.append(name + "-se" * block.row.se + "-add" * block.shortcut)
            size //= block.in_stride * block.row.stride
        names.append(f"head-{size}x{placed.head_in_channels}" + ("-i2" if placed.head_in_stride == 2 else "") + "-32-5")
        assert table.latency(genotype) == pytest.approx(1.5 * sum(part_times[name] for name in names) - 0.25, rel=1e-12)


@pytest.mark.parametrize("name", ["s2", "nas_bench_macro"])
def test_with_madds_for_milliseconds_it_counts_madds(name):
    space = get_space(name)
    madds = {part.name: part.madds for part in parts(space, 64, 10).distinct.values()}
    table = LatencyTable(space, 64, 10, madds)
    for genotype in random_networks(space, 50, 3):
        assert table.latency(genotype) == count(space.decode(genotype), 64, 10).madds


def test_file_holds_the_table(table, edited):
    read = LatencyTable.read(edited())
    assert read == table
    read.check(table.space, IMAGE_SIZE, NUM_CLASSES)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scale": None}, ["keys", "scale"]),
        ({"scale": 0}, ["scale must be a number above 0", "0"]),
        ({"scale": math.inf}, ["scale"]),
        ({"image_size": 16.5}, ["image_size", "16.5"]),
        ({"image_size": 3}, ["image_size must be at least 4", "3"]),
        ({"constant_ms": 10**400}, ["constant_ms"]),
        ({"threads": True}, ["threads", "True"]),
        ({"space": "s9"}, ["s9"]),
        ({"parts_ms": [1.0]}, ["parts_ms", "[1.0]"]),
        ({"parts_ms": {"stem-16x3-s2-8": -1}}, ["above 0", "-1", "stem-16x3-s2-8"]),
        ({"parts_ms": {"stem-16x3-s2-8": "1"}}, ["above 0", "'1'"]),
        ({"parts_ms": {"stem-16x3-s2-8": math.nan}}, ["above 0", "nan"]),
    ],
)
def test_another_file_is_refused(edited, changes, words):
    with pytest.raises(InputError) as caught:
        LatencyTable.read(edited(**changes))
    assert all(word in str(caught.value) for word in ["latency.json", *words])


def test_what_is_no_table_is_refused(tmp_path):
    for content in ("[1]", "{", '"s2"'):
        (tmp_path / "latency.json").write_text(content)
        with pytest.raises(InputError, match=r"latency\.json"):
            LatencyTable.read(tmp_path / "latency.json")
    with pytest.raises(InputError, match=r"missing\.json"):
        LatencyTable.read(tmp_path / "missing.json")


def test_check_refuses_another_space_or_size(table, mini_space):
    with pytest.raises(InputError, match=r"space that is searched, s2\. Received: mini"):
        table.check(get_space("s2"), IMAGE_SIZE, NUM_CLASSES)
    with pytest.raises(InputError, match=r"image size that is searched, 32\. Received: 16"):
        table.check(mini_space, 32, NUM_CLASSES)
    with pytest.raises(InputError, match=r"number of classes that is searched, 10\. Received: 5"):
        table.check(mini_space, IMAGE_SIZE, 10)


def test_check_names_the_slot_and_choice_of_missing_blocks(table, part_times):
    lacking = {"block-8x8-i2-e36-k3-s1-12-se", "head-4x16-32-5", "block-4x12-e24-k3-s1-16"}
    parts_ms = {name: ms for name, ms in part_times.items() if name not in lacking}
    incomplete = LatencyTable(table.space, IMAGE_SIZE, NUM_CLASSES, parts_ms)
    with pytest.raises(InputError) as caught:
        incomplete.check(table.space, IMAGE_SIZE, NUM_CLASSES)
    for words in ("slot 1, choice 1 after the stem", "slot 2, choice 0 after slot 0", "the head (head-4x16-32-5)"):
        assert words in str(caught.value)
    assert math.isnan(incomplete.latency((0, 0, 0)))
    assert incomplete.latency((0, 0, 2)) == pytest.approx((table.latency((0, 0, 2)) + 0.25) / 1.5)


def test_neither_table_nor_fit_imports_tensorflow():
    check = (
        "import sys; import scarlet_tf.latency.table, scarlet_tf.latency.fitting, scarlet_tf.latency.commands.fit; "
        "heavy = {'tensorflow', 'keras', 'ai_edge_litert', 'matplotlib'} & {n.partition('.')[0] for n in sys.modules}; "
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(scarlet_tf.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", check], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_table_is_plain_json(edited):
    assert set(json.loads(edited().read_text())) >= {"space", "image_size", "num_classes", "device", "threads"}
