import json
import os
from pathlib import Path

import pytest

from scarlet_tf.errors import InputError, RunError
from scarlet_tf.timing.contest import RUNS_A_TURN, Contestant, Started, measure, turns


def start_logging(log: str, name: str, threads: int) -> Started:
    """Each run is a line in `log`."""

    def run() -> None:
        with Path(log).open("a") as file:
            file.write(json.dumps([name, threads, os.getpid()]) + "\n")

    return Started(run, {"pid": os.getpid()})


def start_refusing(threads: int) -> Started:
    raise InputError("No such thing. Received: nothing.")


def start_dying(threads: int) -> Started:
    os._exit(7)


@pytest.fixture(scope="module")
def contest(tmp_path_factory):
    log = tmp_path_factory.mktemp("contest") / "log"
    entrants = [Contestant(name, n, start_logging, (str(log), name)) for n in (1, 2) for name in ("a", "b")]
    timings = measure(entrants, runs=2 * RUNS_A_TURN + 1, warmup=3, seed=1)
    return timings, [json.loads(line) for line in log.read_text().splitlines()]


def grouped(lines: list) -> list[tuple[list, int]]:
    """Runs of equal lines, as (line, how many)."""
    groups = []
    for line in lines:
        if groups and groups[-1][0] == line:
            groups[-1] = (line, groups[-1][1] + 1)
        else:
            groups.append((line, 1))
    return groups


def test_each_contestant_has_a_process_of_its_own(contest):
    timings, log = contest
    pids = [timing.facts["pid"] for timing in timings]
    assert len({*pids, os.getpid()}) == 5
    assert {(line[0], line[1]): line[2] for line in log} == {
        (timing.name, timing.threads): pid for timing, pid in zip(timings, pids, strict=True)
    }


def test_all_warm_up_and_then_take_turns(contest):
    timings, log = contest
    everyone = [[timing.name, timing.threads, timing.facts["pid"]] for timing in timings]
    groups = grouped(log[12:])
    assert grouped(log[:12]) == [(one, 3) for one in everyone]
    # a run that is not timed goes before those of a turn; who ends a round may begin the next
    counts = [1 + RUNS_A_TURN] * 8 + [2] * 4
    expected = [everyone[index] for order, _ in turns(4, 2 * RUNS_A_TURN + 1, seed=1) for index in order]
    assert groups == grouped([one for one, count in zip(expected, counts, strict=True) for _ in range(count)])
    for timing in timings:
        assert len(timing.milliseconds) == 2 * RUNS_A_TURN + 1


def test_every_contestant_has_one_turn_a_round_in_an_order_of_the_seed():
    rounds = turns(5, 23, seed=0)
    assert [size for _, size in rounds] == [5, 5, 5, 5, 3]
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order, _ in rounds)
    assert len({tuple(order) for order, _ in rounds}) > 1
    assert rounds == turns(5, 23, seed=0) != turns(5, 23, seed=1)


def test_figures_are_those_of_the_runs(contest):
    for timing in contest[0]:
        runs, found = sorted(timing.milliseconds), timing.to_dict()
        assert (timing.fastest, timing.median) == (runs[0], runs[5])
        assert timing.quartiles == pytest.approx(((runs[2] + runs[3]) / 2, (runs[7] + runs[8]) / 2))
        assert found["runs_ms"] == list(timing.milliseconds)
        assert found["peak_memory_mib"] > 1
        assert json.loads(json.dumps(found)) == found


def test_refusal_of_a_contestant_is_passed_on(tmp_path):
    good = Contestant("good", 1, start_logging, (str(tmp_path / "log"), "good"))
    with pytest.raises(InputError, match="Received: nothing"):
        measure([good, Contestant("bad", 1, start_refusing)], runs=1)


def test_contestant_that_dies_is_named(tmp_path):
    with pytest.raises(RunError, match="The bad process ended early"):
        measure([Contestant("bad", 1, start_dying)], runs=1)
