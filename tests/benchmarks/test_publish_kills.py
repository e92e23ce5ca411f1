"""What the benchmark of killed exports sees: that whole versions are whole, and that half-written ones are not."""

import re
import shutil
import sys

import numpy as np
import pytest

from benchmarks.publish_kills import (
    IMAGE_SIZE,
    NUM_CLASSES,
    ORDER,
    PHASES,
    Course,
    Export,
    Moment,
    draw_moments,
    expected_of,
    kill_at,
    small_network,
    unlike,
)
from benchmarks.version_poller import Poller, Sighting, count_records, file_sizes, poll, problem_with
from scarlet_tf.export.description import Description, Preprocessing
from scarlet_tf.export.savedmodel import write_savedmodel

CAREFUL = """
import shutil, sys, tempfile, time
from pathlib import Path
from scarlet_tf.export.versions import publish_version
whole, output_dir = Path(sys.argv[1]), Path(sys.argv[2])
output_dir.mkdir(exist_ok=True)
with tempfile.TemporaryDirectory(prefix=".export.", dir=output_dir) as staging:
    time.sleep(0.02)
    written = shutil.copytree(whole, Path(staging) / "version")
    publish_version(written, output_dir / "savedmodel")
    time.sleep(0.2)
"""
CARELESS = """
import shutil, sys, time
from pathlib import Path
from scarlet_tf.export.versions import versions
whole, base_dir = Path(sys.argv[1]), Path(sys.argv[2]) / "savedmodel"
version = base_dir / str(max(versions(base_dir), default=0) + 1)
for path in sorted(whole.rglob("*")):
    if path.is_file():
        copy = version / path.relative_to(whole)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
        time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def model():
    return small_network(0)


@pytest.fixture(scope="module")
def expected(model):
    return expected_of(model, 0)


@pytest.fixture(scope="module")
def whole(model, tmp_path_factory):
    """A version of the network, as the command writes it."""
    labels = tuple(map(str, range(NUM_CLASSES)))
    images = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 3), np.float32)
    description = Description("tiny", labels, Preprocessing(IMAGE_SIZE))
    return write_savedmodel(model, tmp_path_factory.mktemp("whole") / "1", description, images)


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "1")


@pytest.fixture
def publisher(whole, tmp_path, monkeypatch):
    """An export whose process runs this code."""

    def make(code):
        export = Export([], tmp_path / "exported", tmp_path / "export.log")
        monkeypatch.setattr(export, "_line", [sys.executable, "-c", code, str(whole), str(export.workdir)])
        return export

    return make


def test_a_whole_version_answers_as_the_keras_network(whole, expected):
    assert expected.names <= set(file_sizes(whole))
    assert problem_with(whole, expected) is None


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("saved_model.pb", "TensorFlowError"),
        ("variables/variables.index", "TensorFlowError"),
        ("variables/variables.data-00000-of-00001", "TensorFlowError"),
        ("assets.extra/tf_serving_warmup_requests", "No such file|middle"),
    ],
)
@pytest.mark.parametrize("how", ["missing", "cut"])
def test_a_part_of_a_version_is_a_problem(copy, expected, name, problem, how):
    content = (copy / name).read_bytes()
    (copy / name).unlink()
    if how == "cut":
        (copy / name).write_bytes(content[: len(content) // 2])
    assert re.search(problem, problem_with(copy, expected))


def test_other_weights_are_a_problem(whole, expected):
    other = expected_of(small_network(1), 0)
    assert "serving_default is off by" in problem_with(whole, other)


def test_a_file_that_is_not_there_yet_is_a_problem(copy, expected):
    (copy / "assets.extra" / "labels.txt").unlink()
    seen = []
    poll(copy.parent, expected, lambda: True, seen.append)
    assert [(sighting.version, sighting.problem) for sighting in seen] == [("1", "without assets.extra/labels.txt")]


def test_what_a_server_takes_for_no_version_is_not_looked_at(copy, expected):
    copy.rename(copy.parent / ".publishing")
    (copy.parent / "1").write_text("a file")
    (copy.parent / "notes").mkdir()
    poll(copy.parent, expected, lambda: True, lambda sighting: pytest.fail(sighting.version))
    poll(copy.parent / "nowhere", expected, lambda: True, lambda sighting: pytest.fail(sighting.version))


def test_a_record_that_is_cut_off_is_not_counted():
    record = (5).to_bytes(8, "little") + bytes(4 + 5 + 4)
    assert count_records(b"") == 0
    assert count_records(record * 3) == 3
    with pytest.raises(ValueError, match="middle"):
        count_records((record * 3)[:-1])


def test_killed_publishers_leave_only_whole_versions(publisher, expected):
    export = publisher(CAREFUL)
    poller = Poller(export.base_dir, expected)
    course = Course.of(export)
    falls = [kill_at(export, moment, course) for moment in draw_moments(10, np.random.default_rng(0))]
    export.finish()
    sightings = poller.stop()
    assert unlike(sightings, export.base_dir) == []
    assert len(sightings) == 2 + sum(fall.startswith("after") for fall in falls)
    assert len(course.seconds) == len(PHASES)
    assert all(seconds > 0 for seconds in course.seconds[:2])


def test_a_publisher_that_writes_in_place_is_found_out(publisher, expected):
    export = publisher(CARELESS)
    poller = Poller(export.base_dir, expected)
    export.finish()
    (sighting,) = poller.stop()
    assert sighting.problem
    assert unlike([sighting], export.base_dir) == [f"version 1: {sighting.problem}"]


def test_a_version_that_changes_or_is_not_seen_is_named(copy):
    seen = Sighting("1", file_sizes(copy), None)
    assert unlike([seen], copy.parent) == []
    with (copy / "saved_model.pb").open("ab") as file:
        file.write(b"more")
    (copy.parent / "2").mkdir()
    assert unlike([seen], copy.parent) == ["version 1 has changed since it was seen", "version 2 was not seen"]


def test_moments_are_a_function_of_the_seed_and_most_come_late():
    drawn = draw_moments(50, np.random.default_rng(1))
    assert drawn == draw_moments(50, np.random.default_rng(1))
    assert drawn != draw_moments(50, np.random.default_rng(2))
    counts = {name: sum(moment.phase == place for moment in drawn) for place, name in enumerate(PHASES)}
    assert counts == {"starting": 10, "writing": 10, "publishing": 20, "ending": 10}
    assert set(ORDER) == set(PHASES)
    assert Moment(0, 0.5) == Moment(phase=0, fraction=0.5)
