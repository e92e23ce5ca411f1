"""What each operator of a .tflite file takes inside LiteRT, those within XNNPACK's partitions too.

LiteRT's Python classes cannot say it; the C library in its wheel can. It is called here by ctypes, as of version 2.3.
"""

import ctypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from scarlet_tf.errors import RunError
from scarlet_tf.export.runtimes import notices_dropped
from scarlet_tf.timing.peer_process import PeerProcess

_CPU = 1  # of the accelerators
_TENSOR_TYPE_BYTES = 512  # more than a LiteRtRankedTensorType takes
_RUN_ORDER = " Run Order "
_OPERATOR = re.compile(
    r"\s*(?P<kind>\S.*?)\s+[\d.]+\s+[\d.]+\s+(?P<milliseconds>[\d.]+)\s+[\d.]+%\s+[\d.]+%\s+[\d.]+\s+\d+\s+\[.*\]:\d+\s*"
)


@dataclass(frozen=True)
class OperatorTime:
    """What one operator took: its kind in LiteRT's words, whether XNNPACK ran it, and the median in milliseconds, of
    whole microseconds."""

    kind: str
    delegated: bool
    milliseconds: float


def time_by_kind(operators: Sequence[OperatorTime]) -> Mapping[str, tuple[int, float]]:
    """For each kind how many operators there are and the milliseconds of all of them, the longest first."""
    found: dict[str, tuple[int, float]] = {}
    for operator in operators:
        count, milliseconds = found.get(operator.kind, (0, 0.0))
        found[operator.kind] = count + 1, milliseconds + operator.milliseconds
    return dict(sorted(found.items(), key=lambda item: -item[1][1]))


def profile(path: str | Path, threads: int = 1, runs: int = 30, warmup: int = 10) -> list[OperatorTime]:
    """Times every operator of the .tflite file at `path`, in the order in which they run, in a process of its own.

    Its input is zeros. Raises RunError where the C library is another than this module knows.
    """
    with PeerProcess("LiteRT profiling", _work, str(path), threads, runs, warmup) as process:
        summaries = process.receive()
    if isinstance(summaries, str):
        raise RunError(f"{path} could not be profiled: {summaries}.")
    tables = [parsed(summary) for summary in summaries]
    kinds = [kind for kind, _, _ in tables[0]]
    medians = np.median([[milliseconds for _, _, milliseconds in table] for table in tables], axis=0)
    return [
        OperatorTime(kind, delegated, float(milliseconds))
        for kind, (_, delegated, _), milliseconds in zip(kinds, tables[0], medians, strict=True)
    ]


def parsed(summary: str) -> list[tuple[str, bool, float]]:
    """The operators that LiteRT's summary of one run lists in their order: kind, whether delegated, milliseconds."""
    lines, found = iter(summary.splitlines()), []
    for line in lines:
        if _RUN_ORDER in line:
            break
    for line in lines:
        if line.startswith("==="):
            break
        if match := _OPERATOR.fullmatch(line):
            kind = match["kind"].removeprefix("Delegate/")
            found.append((kind, kind != match["kind"], float(match["milliseconds"])))
    return found


def _work(path: str, threads: int, runs: int, warmup: int, pipe: Connection) -> None:
    """Sends LiteRT's summary of each of `runs`, or in one string what was wrong."""
    try:
        with notices_dropped(b"INFO:", b"WARNING:"):
            model = _ProfiledModel(path, threads)
        for _ in range(warmup):
            model.run()
        summaries = [model.profiled_run() for _ in range(runs)]
    except (OSError, AttributeError, RuntimeError) as error:
        pipe.send(str(error))
    else:
        pipe.send(summaries)


class _ProfiledModel:
    """A model of the C library with its first signature's one input and one output. Nothing of it is freed."""

    def __init__(self, path: str, threads: int) -> None:
        import ai_edge_litert

        self._library = ctypes.CDLL(str(Path(ai_edge_litert.__file__).parent / "libLiteRt.so"))
        environment = self._made("LiteRtCreateEnvironment", ctypes.c_int(0), None)
        model = self._made("LiteRtCreateModelFromFile", environment, path.encode())
        options = self._made("LiteRtCreateOptions")
        self._call("LiteRtSetOptionsHardwareAccelerators", options, ctypes.c_int(_CPU))
        self._kept = []  # what the options point to
        self._add(options, b"runtime_options_string", b"enable_profiling = true\n")
        self._add(options, b"xnnpack", b"num_threads = %d\n" % threads)
        self._model = self._made("LiteRtCreateCompiledModel", environment, model, options)
        signature = self._made("LiteRtGetModelSignature", model, ctypes.c_size_t(0))
        self._buffers = [self._buffer(environment, signature, side) for side in ("Input", "Output")]
        self._profiler = self._made("LiteRtCompiledModelGetProfiler", self._model)

    def run(self) -> None:
        one = ctypes.c_size_t(1)
        image, output = (ctypes.byref(buffer) for buffer in self._buffers)
        self._call("LiteRtRunCompiledModel", self._model, ctypes.c_size_t(0), one, image, one, output)

    def profiled_run(self) -> str:
        """LiteRT's summary of one run."""
        self._call("LiteRtResetProfiler", self._profiler)
        self._call("LiteRtStartProfiler", self._profiler)
        self.run()
        self._call("LiteRtStopProfiler", self._profiler)
        summary = self._made("LiteRtGetProfileSummary", self._profiler, self._model)
        return ctypes.string_at(summary).decode()

    def _add(self, options: ctypes.c_void_p, name: bytes, value: bytes) -> None:
        free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)
        content = ctypes.create_string_buffer(value)
        self._kept += [free, content]
        self._call("LiteRtAddOpaqueOptions", options, self._made("LiteRtCreateOpaqueOptions", name, content, free))

    def _buffer(self, environment: ctypes.c_void_p, signature: ctypes.c_void_p, side: str) -> ctypes.c_void_p:
        zero = ctypes.c_size_t(0)
        tensor = self._made(f"LiteRtGetSignature{side}TensorByIndex", signature, zero)
        tensor_type = ctypes.create_string_buffer(_TENSOR_TYPE_BYTES)
        self._call("LiteRtGetRankedTensorType", tensor, tensor_type)
        needs = self._made(f"LiteRtGetCompiledModel{side}BufferRequirements", self._model, zero, zero)
        return self._made("LiteRtCreateManagedTensorBufferFromRequirements", environment, tensor_type, needs)

    def _made(self, function: str, *arguments: object) -> ctypes.c_void_p:
        """The pointer that a function of the library gives by its last argument."""
        pointer = ctypes.c_void_p()
        self._call(function, *arguments, ctypes.byref(pointer))
        return pointer

    def _call(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, function)(*arguments)
        if status != 0:
            raise RuntimeError(f"{function} of LiteRT gave {status}")
