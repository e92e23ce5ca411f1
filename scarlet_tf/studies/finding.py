"""What a study found, for people and for programs. Never imports TensorFlow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from scarlet_tf.figures.canvas import write_figure
from scarlet_tf.files import replacing, write_json

NUMBERS_FILE, REPORT_FILE = "numbers.json", "report.md"
_WIDE = 1000
"""Columns for a table that goes into a file: as many as it takes."""


@dataclass(frozen=True)
class Finding:
    """The outcome of a study.

    `question` says what the paper claims and how it is measured here. `numbers` is plain data: all that the figures
    show, and more. `header` and `rows` are a table of the main ones. `figures` are by the name of their file, without
    suffix, and `captions` say what each shows. `conclusions` is a paragraph, favourable to the method or not.
    """

    title: str
    question: str
    numbers: Mapping[str, object]
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: Mapping[str, Figure]
    captions: Mapping[str, str]
    conclusions: str
    notes: Sequence[str] = field(default=())

    def print(self) -> None:
        """The table and the conclusions, on the terminal."""
        table = Table(*self.header, box=SIMPLE)
        table.columns[0].no_wrap = True  # the names
        for column in table.columns:
            column.overflow = "fold"  # numbers cut short would be wrong numbers
        for row in self.rows:
            table.add_row(*row)
        console = Console()
        if not console.is_terminal:
            console.width = _WIDE
        console.print(self.title, table)
        print(self.conclusions)

    def write(self, directory: str | Path, command: str) -> Path:
        """Writes numbers.json, the figures as PNG, and report.md, which is returned; `command` is how to do it again.

        The report comes last: where it is, the rest is of the same run.
        """
        directory = Path(directory)
        (directory / REPORT_FILE).unlink(missing_ok=True)
        write_json(directory / NUMBERS_FILE, dict(self.numbers))
        for name, figure in self.figures.items():
            write_figure(directory / f"{name}.png", figure)
        report = directory / REPORT_FILE
        with replacing(report) as temporary:
            temporary.write_text(self._markdown(command))
        return report

    def _markdown(self, command: str) -> str:
        pictures = [f"![{self.captions[name]}]({name}.png)\n\n*{self.captions[name]}*" for name in self.figures]
        lines = ["| " + " | ".join(cells) + " |" for cells in (self.header, ["---"] * len(self.header), *self.rows)]
        parts = [f"# {self.title}", self.question, *pictures, "\n".join(lines), f"**Conclusions.** {self.conclusions}"]
        parts += [f"- {note}" for note in self.notes]
        parts += [f"All numbers: [{NUMBERS_FILE}]({NUMBERS_FILE}). Made by:", f"```bash\n{command}\n```"]
        return "\n\n".join(parts) + "\n"
