"""The training step of the supernet, strictly fair or of one sampled path, side by side with a peer.

PyTorch runs the same blocks eagerly in channels_last: for a fair step all its paths one after the other, with one
update; for a sampled path that path alone, of which only it moves. The other peer is our own: the networks on the same
paths, each compiled by itself. As many sampled paths are timed together as a fair step has: each time new ones, or
beside networks of their own the same ones again.
"""

import importlib.util
import json
from dataclasses import asdict
from pathlib import Path

from absl import flags

from benchmarks.step_contest import OURS, Setting, measure
from scarlet_tf import command
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.errors import InputError
from scarlet_tf.timing.machine import machine
from scarlet_tf.train.config import METHODS, TrainConfig

_SPACE = flags.DEFINE_enum("space", "s1", ["s1", "s2"], "Search space of the supernet.")
_METHOD = flags.DEFINE_enum("method", "fair", METHODS, "All choices in every step, or one sampled path a step.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 64, "Side of the square images, in pixels.", lower_bound=32)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Images a step.", lower_bound=2)
_STEPS = flags.DEFINE_integer("steps", 10, "Timed steps of each, of all choices' paths.", lower_bound=1)
_THREADS = flags.DEFINE_integer("threads", 2, "Threads of each.", lower_bound=1)
_REMATERIALIZE = flags.DEFINE_bool("rematerialize", False, "Of our supernet: run blocks twice to save memory.")
_STREAMS_AT_ONCE = flags.DEFINE_integer(
    "streams_at_once", 0, "With --rematerialize, choices of a slot that our fair step runs at a time; 0: all."
)
_PEER = flags.DEFINE_enum(
    "peer", "PyTorch", ["PyTorch", "standalone"], "Beside what: PyTorch, or the same paths as networks of their own."
)
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write the figures to.")


def _table(figures: dict[str, dict[str, float]]) -> str:
    rows = (
        ("import", "import_s", "s"),
        ("build, trace, first step", "first_step_s", "s"),
        ("the same, CPU time", "first_step_cpu_s", "s"),
        ("step, per path", "path_ms", "ms"),
        ("the same, CPU time", "path_cpu_ms", "ms"),
        ("peak memory", "peak_memory_mib", "MiB"),
    )
    ours, theirs = figures.values()
    lines = [f"{'':26}{OURS:>12}{list(figures)[1]:>12}{'':6}{'ratio':>6}"]
    for title, key, unit in rows:
        lines.append(f"{title:26}{ours[key]:12.1f}{theirs[key]:12.1f} {unit:5}{ours[key] / theirs[key]:6.2f}")
    return "\n".join(lines)


def main() -> None:
    if _PEER.value == "PyTorch" and importlib.util.find_spec("torch") is None:
        raise InputError("This benchmark needs PyTorch, which is not installed: pip install 'scarlet-tf[torch]'.")
    setting = Setting(
        _SPACE.value,
        _METHOD.value,
        _IMAGE_SIZE.value,
        _BATCH_SIZE.value,
        _THREADS.value,
        _REMATERIALIZE.value,
        _STREAMS_AT_ONCE.value,
        repeat_paths=_METHOD.value == "spos" and _PEER.value == "standalone",
    )
    TrainConfig(
        "synthetic",
        setting.image_size,
        get_space(setting.space),
        method=setting.method,
        rematerialize=setting.rematerialize,
        streams_at_once=setting.streams_at_once,
    )  # which checks how they go together
    hardware = machine("tensorflow", "keras", "torch")
    print(", ".join(f"{key} {value}" for key, value in (hardware | asdict(setting)).items()))
    figures = measure(setting, _STEPS.value, _PEER.value)
    print(_table(figures))
    if _OUTPUT.value:
        report = {"machine": hardware, "setting": asdict(setting), "steps": _STEPS.value, "figures": figures}
        Path(_OUTPUT.value).write_text(json.dumps(report, indent=2) + "\n")
        print(f"written: {_OUTPUT.value}")


if __name__ == "__main__":
    command.run(main, globals())
