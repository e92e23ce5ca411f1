"""The processes of a training on several hosts: who they are, and that all of them are there.

Importing this imports no TensorFlow.
"""

import json
import os
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from scarlet_tf.errors import InputError

_EXAMPLE = '{"cluster": {"worker": ["host_a:2222", "host_b:2222"]}, "task": {"type": "worker", "index": 0}}'
_JOBS = ("chief", "worker")
_RETRY_SECONDS = 0.2


def is_address(text: object) -> bool:
    """Whether `text` is host:port, or [IPv6 address]:port."""
    host, _, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    return bool(host) and port.isascii() and port.isdecimal() and 0 < int(port) < 2**16


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def answers(address: str, timeout_seconds: float) -> bool:
    """Whether something accepts connections at `address` (host:port)."""
    try:
        with socket.create_connection(_host_and_port(address), timeout_seconds):
            return True
    except OSError:
        return False


@dataclass(frozen=True)
class Cluster:
    """The addresses (host:port) of all workers, the chief's first, and the position of this process among them."""

    addresses: tuple[str, ...]
    index: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Cluster":
        """What the environment variable TF_CONFIG says. Raises InputError where it is missing or says something else
        than `_EXAMPLE` does."""
        content = environment.get("TF_CONFIG", "")

        def refused(why: str) -> InputError:
            return InputError(
                f"--strategy=multiworker needs the environment variable TF_CONFIG, such as {_EXAMPLE}, with the same "
                f"cluster and another index on each host. Received: {why}."
            )

        if not content.strip():
            raise refused("none")
        try:
            config = json.loads(content)
            jobs, task = dict(config["cluster"]), dict(config["task"])
            kind, index = task["type"], task["index"]
        except (ValueError, TypeError, KeyError) as error:
            raise refused(f"{content!r} ({type(error).__name__}: {error})") from error
        if not set(jobs) <= set(_JOBS) or not all(isinstance(addresses, list) for addresses in jobs.values()):
            raise refused(f"the cluster {jobs}, not lists of addresses for {' and '.join(_JOBS)}")
        tasks = [(job, number) for job in _JOBS for number in range(len(jobs.get(job, [])))]
        addresses = [jobs[job][number] for job, number in tasks]
        for address in addresses:
            if not is_address(address):
                raise refused(f"the address {address!r}, not host:port")
        if len(set(addresses)) < len(addresses):
            raise refused(f"one address twice, of {addresses}")
        if type(index) is not int or (kind, index) not in tasks:
            raise refused(f"the task {task}, which is none of the cluster {jobs}")
        return cls(tuple(addresses), tasks.index((kind, index)))

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes."""
        return self.index == 0

    def meet(self, timeout_seconds: float) -> None:
        """Returns once all workers can be reached, which may start in any order.

        TensorFlow itself waits without end for a worker that is not there. So that workers find each other before it
        starts, each listens at its own address meanwhile. Raises InputError, naming the addresses, where one does not
        answer in time, or where this one's is taken.
        """
        deadline = time.monotonic() + timeout_seconds
        own = self.addresses[self.index]
        with ExitStack() as stack:
            dual = socket.has_dualstack_ipv6()
            family = socket.AF_INET6 if dual else socket.AF_INET
            try:
                address = ("", _host_and_port(own)[1])
                stack.enter_context(socket.create_server(address, family=family, dualstack_ipv6=dual, backlog=1024))
            except OSError as error:
                raise InputError(
                    f"TF_CONFIG gives this worker the address {own}, whose port must be free. Received: "
                    f"{error.strerror}. End what listens there, or choose another port on all workers."
                ) from error
            missing = [address for address in self.addresses if address != own]
            while missing:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise InputError(
                        f"Workers must answer within --connect_timeout={timeout_seconds:g} s. No answer from "
                        f"{', '.join(missing)}. Start all workers that TF_CONFIG names, and let {own} reach them."
                    )
                missing = [address for address in missing if not answers(address, min(left, 5.0))]
                if missing:
                    time.sleep(_RETRY_SECONDS)
