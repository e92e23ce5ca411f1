"""Progress of long work: a bar with time left on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

SECONDS_BETWEEN_LINES = 15.0
SPEED_ESTIMATE_SECONDS = 600.0
"""Time left is estimated from the updates of so long; rich's own 30 s hold none where steps are slow."""


class _NotedProgress(Progress):
    """A bar with its note on a line of its own: beside it, the numbers would not fit into 80 columns."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            yield Text(task.fields["note"], no_wrap=True, overflow="ellipsis")


class ProgressReport:
    """What a loop tells: how far it is, and a few words."""

    def __init__(self, description: str, total: int, start: int, bar: Progress | None, shown: bool = True) -> None:
        self._shown = shown
        self._description, self._total, self._start, self._bar = description, total, start, bar
        self._began = self._last_line = time.monotonic()
        if bar is not None:
            self._task = bar.add_task(description, total=total, completed=start, note="")

    def update(self, completed: int, note: str = "") -> None:
        """Reports that `completed` of the total are done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=completed, note=note)
            return
        now = time.monotonic()
        if not self._shown or (completed < self._total and now - self._last_line < SECONDS_BETWEEN_LINES):
            return
        self._last_line = now
        per_unit = (now - self._began) / max(completed - self._start, 1)
        left = per_unit * (self._total - completed)
        print(f"{self._description} {completed}/{self._total}, {left:.0f} s left  {note}", flush=True)


@contextmanager
def progress(description: str, total: int, start: int = 0, shown: bool = True) -> Iterator[ProgressReport]:
    """Shows, where it is to be `shown`, the progress of `total` units of work, of which `start` were done before."""
    console = Console()
    if not shown or not console.is_terminal:
        yield ProgressReport(description, total, start, None, shown)
        return
    whole = Column(no_wrap=True)  # in a narrow terminal the bar gives way, not the numbers
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(table_column=whole.copy()),
        TimeElapsedColumn(table_column=whole.copy()),
        TextColumn("left"),
        TimeRemainingColumn(table_column=whole.copy()),
    )
    with _NotedProgress(*columns, console=console, speed_estimate_period=SPEED_ESTIMATE_SECONDS) as bar:
        yield ProgressReport(description, total, start, bar)
