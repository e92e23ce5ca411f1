"""Pairs of networks that a supernet with plain skips orders wrongly and one with ELS rightly, and the reverse.

As in the paper's Table 1, but of all pairs, by the one-shot accuracies and the truth that the study `ranking` measured:
its --workdir is --ranking. --quick measures such a ranking first, where none is given.
"""

import subprocess
import sys
from pathlib import Path

from absl import flags

from scarlet_tf import command
from scarlet_tf.errors import RunError
from scarlet_tf.studies.commands.study_flags import StudyFlags
from scarlet_tf.studies.finding import REPORT_FILE
from scarlet_tf.studies.workdir import StudyWorkdir
from scarlet_tf.train.config import METHODS

_FLAGS = StudyFlags({})
_RANKING = _FLAGS.add(flags.DEFINE_string("ranking", None, "The --workdir of a study ranking that has ended."))
_PAIRS = _FLAGS.add(flags.DEFINE_integer("pairs", 5, "Pairs to list of each kind."))
_MARGIN = _FLAGS.add(flags.DEFINE_float("margin", 1.0, "Points of accuracy by which the truths of a pair differ."))
_METHOD = _FLAGS.add(flags.DEFINE_enum("method", "fair", METHODS, "How the supernets were trained, as in train."))


def quick_ranking(workdir: Path) -> Path:
    """Does the study `ranking` in its quick size in `workdir`, unless it was done there; returns `workdir`."""
    if not (workdir / REPORT_FILE).exists():
        # a process of its own: its flags have the names of these
        line = [sys.executable, "-m", "scarlet_tf.analyze", "ranking", "--quick", f"--workdir={workdir}"]
        if subprocess.run(line).returncode:
            raise RunError(f"The study ranking in {workdir} did not end; above it says why. Run the command again.")
    return workdir


def main() -> None:
    _FLAGS.read()
    from scarlet_tf.studies.contrast import Contrast, ContrastConfig, contrast_finding  # a second, not for --help
    from scarlet_tf.studies.measured_ranking import MeasuredRanking

    config = ContrastConfig(_PAIRS.value, _MARGIN.value, _METHOD.value)
    workdir = StudyWorkdir(_FLAGS.workdir.value, "contrast", _FLAGS.settings())
    if _FLAGS.quick.value and _RANKING.value is None:
        workdir.begin()
        ranking = quick_ranking(workdir.path / "ranking")
    else:
        command.require(_RANKING)
        ranking = _RANKING.value
    contrast = Contrast(MeasuredRanking.read(ranking), config)
    workdir.begin()
    finding = contrast_finding(contrast)
    finding.print()
    print(f"written: {finding.write(workdir.path, _FLAGS.command('contrast'))}")
