"""Moments at which a search is killed, and what is compared in the end."""

import json
import time

import numpy as np
import pytest

from benchmarks.killable import Killable
from benchmarks.search_kills import Course, Moment, differences, draw_moments, num_hidden, num_lines
from scarlet_tf.errors import RunError

COURSE = Course(times=[0.0, 2.0, 5.0, 6.0], lines=[0, 1, 20, 40], ended=8.0)


@pytest.mark.parametrize(
    ("seconds", "lines", "delay", "phase"),
    [(1.5, 0, 1.5, "start"), (2.5, 1, 0.5, "search"), (5.25, 20, 0.25, "search"), (7.0, 40, 1.0, "results")],
)
def test_a_moment_is_as_long_after_as_many_lines(seconds, lines, delay, phase):
    moment = Moment.at(COURSE, seconds)
    assert moment == Moment(lines, delay)
    assert moment.phase(COURSE) == phase


def test_moments_cover_the_whole_search_and_are_a_function_of_the_seed():
    drawn = draw_moments(COURSE, 20, np.random.default_rng(1))
    assert drawn == draw_moments(COURSE, 20, np.random.default_rng(1))
    assert drawn != draw_moments(COURSE, 20, np.random.default_rng(2))
    phases = [moment.phase(COURSE) for moment in drawn]
    # 8 seconds in 20 parts: 5 of them before 2.0, and 5 after 6.0
    assert phases == ["start"] * 5 + ["search"] * 10 + ["results"] * 5


@pytest.fixture
def workdirs(tmp_path):
    """Two that are alike, but for the time of an evaluation and a file that was being written."""
    for name, seconds in (("one", 0.1), ("other", 0.2)):
        (tmp_path / name / "picks").mkdir(parents=True)
        (tmp_path / name / "picks" / "pick_1.json").write_text("{}")
        lines = [{"journal": 2}, {"genotype": [1, 2], "measures": {"acc": 0.5}, "seconds": seconds}]
        (tmp_path / name / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "other" / ".pareto.png.abc").mkdir()
    (tmp_path / "other" / ".pareto.png.abc" / "pareto.png").touch()
    return tmp_path / "one", tmp_path / "other"


def test_times_and_half_written_files_are_no_difference(workdirs):
    assert differences(*workdirs) == []
    assert [num_hidden(workdir) for workdir in workdirs] == [0, 1]
    assert num_lines(workdirs[0]) == 2


def test_files_that_differ_are_named(workdirs):
    one, other = workdirs
    (other / "picks" / "pick_1.json").write_text("{ }")
    (one / "pareto.json").touch()
    journal = other / "journal.jsonl"
    journal.write_text(journal.read_text().replace("0.5", "0.6"))
    assert differences(one, other) == ["journal.jsonl", "pareto.json", "picks/pick_1.json"]


def test_a_command_that_fails_by_itself_is_no_kill(tmp_path):
    search = Killable("scarlet_tf.search", ["--population=none"], tmp_path / "workdir", tmp_path / "log")
    with pytest.raises(RunError, match="population"):
        search.finish()
    search.start()
    while search.running:
        time.sleep(0.05)
    with pytest.raises(RunError, match="failed"):
        search.kill()
    with pytest.raises(RunError, match="ended too early"):
        search.wait(0.0)
