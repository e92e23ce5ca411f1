"""Kills a small training at random moments, resumes it each time, and compares it with one that was never stopped.

Every other kill waits for the first file of a new checkpoint to appear, so as to come in the middle of its writing; the
others come at any moment between two checkpoints, of which there is one every few steps. In the end each tensor of the
last checkpoint (weights, batch norm statistics, optimizer slots, seeds) must have the same bits as the uninterrupted
training's. Which moments are tried for is a function of --seed; the machine's timing decides where they fall.
Exit code 1 where a bit differs. About 13 seconds a kill on two cores at the defaults.
"""

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.killable import Killable
from scarlet_tf import command
from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem
from scarlet_tf.arch.named import NamedArch
from scarlet_tf.errors import InputError, RunError
from scarlet_tf.files import write_json
from scarlet_tf.progress import progress
from scarlet_tf.train.config import METHODS

STEPS_PER_CHECKPOINT = 4  # the synthetic set's 2,000 images in batches of 500: a checkpoint an epoch
CHECKPOINTS_PER_KILL = 3  # at most waited for; the training is long enough for one more

TINY = SearchSpace(
    "tiny",
    Stem(8, stride=2),
    (Slot(12, stride=2), Slot(12), Slot(16)),
    (Choice(2, 3), Choice(3, 3, se=True), SKIP),
    Head(32),
)
"""What is trained unless --space or --model says otherwise; a step takes milliseconds."""


@dataclass(frozen=True)
class Moment:
    """When to kill: once `checkpoints` more are there and, with `in_writing`, the files of the next begin to appear;
    then after `fraction` of the seconds from a checkpoint to the next, or of its writing, as far as they are known."""

    checkpoints: int
    in_writing: bool
    fraction: float

    @classmethod
    def draw(cls, rng: np.random.Generator, number: int) -> "Moment":
        in_writing = number % 2 == 0
        checkpoints = rng.integers(0 if in_writing else 1, CHECKPOINTS_PER_KILL, endpoint=True)
        return cls(int(checkpoints), in_writing, float(rng.uniform()))


def named_step(workdir: Path) -> int:
    """The step of the last checkpoint that is finished; 0 where there is none."""
    try:
        first = (workdir / "checkpoints" / "checkpoint").read_text().splitlines()[0]
    except FileNotFoundError:
        return 0
    return int(first.rstrip('"').rpartition("-")[2])


def unfinished(workdir: Path) -> list[str]:
    """The files of a checkpoint later than the last finished one."""
    last = named_step(workdir)
    try:
        names = [entry.name for entry in os.scandir(workdir / "checkpoints") if entry.name.startswith("step-")]
    except FileNotFoundError:
        return []
    return [name for name in names if int(name.removeprefix("step-").replace("_", ".").split(".")[0]) > last]


class Training(Killable):
    """The training that is killed."""

    def __init__(self, flags: list[str], workdir: Path, log: Path) -> None:
        super().__init__("scarlet_tf.train", flags, workdir, log)
        self._interval = 0.1  # seconds from a checkpoint to the next, as seen

    def kill_at(self, moment: Moment) -> None:
        first = named_step(self.workdir)
        seen, since = first, time.monotonic()
        while seen < first + moment.checkpoints * STEPS_PER_CHECKPOINT:
            self.wait(0.0005)
            now = named_step(self.workdir)
            if now > seen > first:
                self._interval = time.monotonic() - since
            if now > seen:
                seen, since = now, time.monotonic()
        delay = moment.fraction * self._interval
        if moment.in_writing:
            while not unfinished(self.workdir):
                self.wait(0.0)
            delay /= 10
        time.sleep(delay)
        if not self.kill():
            raise RunError("The training ended before it could be killed.")


def differing_tensors(one: Path, other: Path) -> tuple[int, list[str]]:
    """How many tensors the last checkpoints of two workdirs hold, and the names of those that differ in a bit or are in
    one alone."""
    import tensorflow as tf

    readers = [tf.train.load_checkpoint(str(path / "checkpoints")) for path in (one, other)]
    names = [set(reader.get_variable_to_shape_map()) for reader in readers]
    bits = ([np.asarray(reader.get_tensor(name)).tobytes() for reader in readers] for name in names[0] & names[1])
    same = {name for name, (first, second) in zip(names[0] & names[1], bits, strict=True) if first == second}
    return len(names[0]), sorted((names[0] | names[1]) - same)


def training_flags(directory: Path) -> list[str]:
    """What is trained, and how; a space or network of this benchmark's own is written to `directory`."""
    if _SPACE.value and _MODEL.value:
        raise InputError("Either --space or --model must be given, or neither. Received: both.")
    model, space = _MODEL.value, _SPACE.value
    if model == "tiny":
        model = str(directory / "arch.json")
        NamedArch(TINY, (1, 2, 0), "tiny").write(model)
    if not model and not space:
        space = str(directory / "space.json")
        write_json(space, TINY.to_dict())
    epochs = (CHECKPOINTS_PER_KILL + 1) * (_KILLS.value + 1)
    return [
        *([f"--model={model}"] if model else [f"--space={space}", f"--method={_METHOD.value}"]),
        "--dataset=synthetic",
        f"--image_size={_IMAGE_SIZE.value}",
        f"--batch_size={2000 // STEPS_PER_CHECKPOINT}",
        f"--epochs={epochs}",
        "--learning_rate=0.05",
        f"--seed={_SEED.value}",
        "--strategy=cpu",
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        given = training_flags(directory)
        whole = Training(given, directory / "whole", directory / "whole.log")
        whole.finish()
        training = Training(given, directory / "killed", directory / "killed.log")
        rng, in_writing, steps = np.random.default_rng(_SEED.value), 0, []
        with progress("kill and resume", _KILLS.value) as report:
            for number in range(_KILLS.value):
                training.start()
                training.kill_at(Moment.draw(rng, number))
                torn = unfinished(training.workdir)
                in_writing += bool(torn)
                steps.append(named_step(training.workdir))
                report.update(number + 1, f"after step {steps[-1]}{', ' + ' '.join(sorted(torn)) if torn else ''}")
            training.finish()
        command.start_tensorflow()
        count, different = differing_tensors(whole.workdir, training.workdir)
        supernet = f"{_METHOD.value} supernet of {_SPACE.value or 'a tiny space'}"
        kind = f"network {_MODEL.value}" if _MODEL.value else supernet
        last = named_step(training.workdir)
    what = (
        f"{kind}: killed {_KILLS.value} times, {in_writing} of them in the writing of a checkpoint, and resumed from "
        f"steps {', '.join(map(str, steps))}"
    )
    if different:
        raise RunError(f"{what}: {len(different)} of {count} tensors differ at step {last}, such as {different[0]}.")
    print(f"{what}: all {count} tensors of step {last} have the bits of the uninterrupted training")


if __name__ == "__main__":
    _SPACE = flags.DEFINE_string("space", None, "Search space of a supernet, as in train; by default a tiny one.")
    _METHOD = flags.DEFINE_enum("method", "fair", METHODS, "How a supernet is trained.")
    _MODEL = flags.DEFINE_string(
        "model", None, "Network, as in train, instead of a supernet; tiny: one of the tiny space."
    )
    _KILLS = flags.DEFINE_integer("kills", 20, "How often the training is killed.", lower_bound=1)
    _IMAGE_SIZE = flags.DEFINE_integer("image_size", 16, "Side of the images, in pixels.", lower_bound=1)
    _SEED = flags.DEFINE_integer("seed", 0, "Seed of the moments, and of the training.", lower_bound=0)
    command.run(main, globals())
