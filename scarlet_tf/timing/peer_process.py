"""A process for each thing that is measured: their thread pools would disturb each other in one."""

import multiprocessing
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from scarlet_tf.errors import InputError, RunError


def _work(work: Callable[..., None], arguments: tuple, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks is stopped, and with it the pipe
    with suppress(EOFError, BrokenPipeError):  # who asked is gone
        try:
            work(*arguments, pipe)
        except InputError as error:
            pipe.send(error)


class PeerProcess:
    """A fresh process that does `work(*arguments, pipe)`, to be closed, which ends its pipe."""

    def __init__(self, name: str, work: Callable[..., None], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self.name = name
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(work, arguments, theirs))
        self._process.start()
        theirs.close()  # so that the end of the process ends the pipe

    def __enter__(self) -> "PeerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join()

    def receive(self) -> object:
        """What the process sends next. Raises RunError where it has ended instead, and the InputError that it did."""
        try:
            received = self._pipe.recv()
        except EOFError:
            raise RunError(f"The {self.name} process ended early; the lines above say why.") from None
        if isinstance(received, InputError):
            raise received
        return received

    def ask(self, question: object) -> object:
        """What the process answers."""
        self._pipe.send(question)
        return self.receive()
