"""A command that is started again and again, and killed in between."""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from scarlet_tf.errors import RunError


class Killable:
    """A command of this package, which writes to `workdir`, and what it says to `log`. `flag` tells it where to."""

    def __init__(self, module: str, flags: Sequence[str], workdir: Path, log: Path, flag: str = "workdir") -> None:
        self._line = [sys.executable, "-m", module, *flags, f"--{flag}={workdir}"]
        self._log = log
        self.workdir = workdir
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(self._line, stdout=log, stderr=log)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self, seconds: float) -> None:
        """Raises RunError where it has ended by now, and waits."""
        if not self.running:
            raise RunError(f"{' '.join(self._line)} ended too early: {self._log.read_text()[-1000:]}")
        time.sleep(seconds)

    def kill(self) -> bool:
        """Kills it (SIGKILL), and says whether it was still running. Raises RunError where it had failed."""
        self._process.send_signal(signal.SIGKILL)  # nothing is sent to one that has ended
        status = self._process.wait()
        if status not in (0, -signal.SIGKILL):
            raise RunError(f"{' '.join(self._line)} failed: {self._log.read_text()[-1000:]}")
        return status != 0

    def finish(self) -> None:
        """Starts it and lets it come to its end. Raises RunError where that is not a good one."""
        self.start()
        if self._process.wait() != 0:
            raise RunError(f"{' '.join(self._line)} failed: {self._log.read_text()[-1000:]}")
