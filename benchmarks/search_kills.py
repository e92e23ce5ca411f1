"""Kills a search at random moments, runs it again each time, and compares it with one that ran through.

    python -m benchmarks.search_kills --supernet=runs/quickstart/supernet
    python -m benchmarks.search_kills --table=NAS-BENCH-MACRO.json

Of a supernet the search is the quickstart's; of a table, one of 700 networks of NAS-Bench-Macro. The moments are drawn
one from each of --kills equal parts of the time that the whole search took, so they come in its start, in the midst of
evaluations and of what is written to the journal, and in the writing of its results. A moment is when the journal has
as many lines as it had then, and as many seconds later. Which moments are tried for is a function of --seed and of that
time; the machine's timing decides where they fall. In the end the journals (times aside) and all other files must be
the same. Exit code 1 where they are not.
"""

import bisect
import json
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.killable import Killable
from scarlet_tf import command
from scarlet_tf.errors import InputError, RunError
from scarlet_tf.progress import progress
from scarlet_tf.quickstart import SEARCH, SEARCH_IMAGES
from scarlet_tf.search.journal import JOURNAL

POLL = 0.002  # seconds
SHORTER = 0.7  # the delay of a kill that came too late, when it is tried again


def num_lines(workdir: Path) -> int:
    """Lines of the journal that are whole."""
    try:
        return (workdir / JOURNAL).read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


@dataclass(frozen=True)
class Course:
    """How a search went: `times` in seconds since its start, ascending from 0, at which the journal had `lines`, and
    when it `ended`."""

    times: list[float]
    lines: list[int]
    ended: float

    @classmethod
    def of(cls, search: Killable) -> "Course":
        """Runs it. Raises RunError where it fails."""
        times, lines = [0.0], [0]
        start = time.monotonic()
        search.start()
        while search.running:
            now = num_lines(search.workdir)
            if now > lines[-1]:
                times.append(time.monotonic() - start)
                lines.append(now)
            time.sleep(POLL)
        search.kill()  # has ended; raises if badly
        return cls(times, lines, time.monotonic() - start)


@dataclass(frozen=True)
class Moment:
    """When to kill: `delay` seconds after the journal has `lines`, or after the start where it has them already."""

    lines: int
    delay: float

    @classmethod
    def at(cls, course: Course, seconds: float) -> "Moment":
        """The one that comes so many seconds after the start of a search that goes like `course`."""
        place = bisect.bisect_right(course.times, seconds) - 1
        return cls(course.lines[place], seconds - course.times[place])

    def phase(self, course: Course) -> str:
        return {0: "start", course.lines[-1]: "results"}.get(self.lines, "search")


def draw_moments(course: Course, number: int, rng: np.random.Generator) -> list[Moment]:
    """One from each of so many equal parts of the course, in order."""
    return [Moment.at(course, (part + rng.uniform()) / number * course.ended) for part in range(number)]


def kill_at(search: Killable, moment: Moment, course: Course) -> int:
    """Starts and kills it, and says after how many lines. Where it has ended before, tries again, sooner."""
    delay = moment.delay
    while True:
        there = num_lines(search.workdir) >= moment.lines > 0
        search.start()
        if there:  # it repeats itself, silently
            time.sleep(course.times[min(1, len(course.times) - 1)])
        while num_lines(search.workdir) < moment.lines:
            search.wait(POLL)
        time.sleep(delay)
        if search.kill():
            return num_lines(search.workdir)
        delay *= SHORTER


def journal_content(path: Path) -> list[dict]:
    """The lines, without the times."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def named_files(workdir: Path) -> set[Path]:
    """All files, by their path in it, but those of hidden directories: a kill in the writing of one leaves it there."""
    paths = {path.relative_to(workdir) for path in workdir.rglob("*") if path.is_file()}
    return {path for path in paths if not any(part.startswith(".") for part in path.parts)}


def num_hidden(workdir: Path) -> int:
    return sum(path.name.startswith(".") for path in workdir.rglob("*"))


def differences(one: Path, other: Path) -> list[str]:
    """Files of two workdirs that differ, or are in one alone; of journals their content counts, without times."""
    names = [named_files(workdir) for workdir in (one, other)]
    different = [str(name) for name in names[0] ^ names[1]]
    for name in names[0] & names[1]:
        read = journal_content if name.name == JOURNAL else Path.read_bytes
        if read(one / name) != read(other / name):
            different.append(str(name))
    return sorted(different)


def search_flags() -> list[str]:
    """What is searched, and how."""
    if (_SUPERNET.value is None) == (_TABLE.value is None):
        raise InputError("Either --supernet or --table must be given. Received: both or neither.")
    if _TABLE.value:
        sizes = ["--space=nas_bench_macro", "--image_size=32", "--num_classes=10"]
        return [f"--evaluator=table:{_TABLE.value}", *sizes, "--population=35", "--generations=20"]
    return [
        f"--supernet={_SUPERNET.value}",
        f"--population={SEARCH.population}",
        f"--generations={SEARCH.generations}",
        f"--madds_max={SEARCH.madds_max}",
        f"--acc_min={_ACC_MIN.value}",
        f"--max_images={SEARCH_IMAGES}",
    ]


def main() -> None:
    given = search_flags()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        whole, killed = (
            Killable("scarlet_tf.search", given, directory / name, directory / f"{name}.log")
            for name in ("whole", "killed")
        )
        course = Course.of(whole)
        moments = draw_moments(course, _KILLS.value, np.random.default_rng(_SEED.value))
        lines = []
        with progress("search and kill", len(moments)) as report:
            for number, moment in enumerate(moments):
                lines.append(kill_at(killed, moment, course))
                report.update(number + 1, f"in {moment.phase(course)}, after line {lines[-1]}")
        killed.finish()
        different = differences(whole.workdir, killed.workdir)
        total, hidden = course.lines[-1], num_hidden(killed.workdir)
    phases = Counter(moment.phase(course) for moment in moments)
    what = (
        f"killed {len(moments)} times ({', '.join(f'{count} in {phase}' for phase, count in phases.items())}), after "
        f"lines {', '.join(map(str, lines))} of {total}, of a search of {course.ended:.0f} s"
    )
    if different:
        raise RunError(f"{what}: {len(different)} files differ, such as {different[0]}.")
    print(f"{what}: journal, front and all other files are those of the search that ran through")
    if hidden:
        print(f"beside them, kills in the writing of files left {hidden} hidden directories")


if __name__ == "__main__":
    _SUPERNET = flags.DEFINE_string("supernet", None, "Workdir of a trained supernet, such as the quickstart's.")
    _TABLE = flags.DEFINE_string("table", None, "JSON file of NAS-Bench-Macro's accuracies.")
    _ACC_MIN = flags.DEFINE_float("acc_min", SEARCH.acc_min, "Accuracy that a network must exceed, with --supernet.")
    _KILLS = flags.DEFINE_integer("kills", 20, "How often the search is killed.", lower_bound=1)
    _SEED = flags.DEFINE_integer("seed", 0, "Seed of the moments.", lower_bound=0)
    command.run(main, globals())
