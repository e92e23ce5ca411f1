"""Kills exports of a small network at random moments, while another process loads each version as soon as it appears.

An export's moments are those of its four phases, as seen on the disk: starting, writing (a hidden directory is there),
publishing (one is there beside the versions) and ending (the version is there). Most kills come in the last three. The
other process takes any directory whose name is a number for a version, as TensorFlow Serving does, loads it by
TensorFlow's C library, compares its logits with those of the Keras network and counts its files. Which moments are
tried for is a function of --seed; the machine's timing decides where they fall. Exit code 1 where a version was seen
that was not whole, or where one that was seen has changed by the end. About 10 seconds a kill on two cores.
"""

import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from absl import flags

from benchmarks.kill_and_resume import TINY
from benchmarks.killable import Killable
from benchmarks.version_poller import Expected, Poller, Sighting, file_sizes
from scarlet_tf import command
from scarlet_tf.arch.named import NamedArch
from scarlet_tf.data.preprocessing import IMAGENET
from scarlet_tf.errors import RunError
from scarlet_tf.export.versions import versions
from scarlet_tf.progress import progress

if TYPE_CHECKING:
    import keras

PHASES = ("starting", "writing", "publishing", "ending")
ORDER = ("starting", "writing", "publishing", "ending", "publishing")  # the phases of kills, again and again
POLL = 0.0003  # seconds
TINY_ARCH = NamedArch(TINY, (1, 2, 0), "tiny")
IMAGE_SIZE, NUM_CLASSES = 32, 10
FILES = frozenset(
    {
        "saved_model.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
        "assets.extra/description.json",
        "assets.extra/labels.txt",
        "assets.extra/tf_serving_warmup_requests",
    }
)
"""Those of a version that a server or a reader looks for."""


class Export(Killable):
    """The export that is killed, of what `flags` say."""

    def __init__(self, flags: list[str], output_dir: Path, log: Path) -> None:
        super().__init__("scarlet_tf.export", flags, output_dir, log, flag="output_dir")
        self.base_dir = output_dir / "savedmodel"

    def start(self) -> None:
        self._before = self._there()
        super().start()

    def _there(self) -> tuple[set[str], set[str], set[int]]:
        """Hidden directories of the output and of the base path, and the versions."""
        hidden = [
            {path.name for path in directory.glob(".*")} if directory.is_dir() else set()
            for directory in (self.workdir, self.base_dir)
        ]
        return (*hidden, set(versions(self.base_dir)))

    @property
    def phase(self) -> int:
        """The place in PHASES of what is going on, as far as the disk tells."""
        new = [now - before for now, before in zip(self._there(), self._before, strict=True)]
        return max((place for place, found in enumerate(new, start=1) if found), default=0)


@dataclass(frozen=True)
class Course:
    """How long an export takes in each of PHASES, in seconds."""

    seconds: tuple[float, ...]

    @classmethod
    def of(cls, export: Export) -> "Course":
        """Runs it. Raises RunError where it fails."""
        began = [time.monotonic()]
        export.start()
        while export.running:
            while export.phase >= len(began):
                began.append(time.monotonic())
            time.sleep(POLL)
        export.kill()  # has ended; raises if badly
        began += [time.monotonic()] * (len(PHASES) + 1 - len(began))
        return cls(tuple(after - before for before, after in pairwise(began)))


@dataclass(frozen=True)
class Moment:
    """When to kill: after this fraction of the time of a phase, by its place in PHASES."""

    phase: int
    fraction: float


def draw_moments(number: int, rng: np.random.Generator) -> list[Moment]:
    return [Moment(PHASES.index(ORDER[place % len(ORDER)]), float(rng.uniform())) for place in range(number)]


def kill_at(export: Export, moment: Moment, course: Course) -> str:
    """Starts and kills it, and says where the kill fell: before, during or after publishing, or after the end."""
    export.start()
    while export.running and export.phase < moment.phase:
        time.sleep(POLL)
    time.sleep(moment.fraction * course.seconds[moment.phase])
    if not export.kill():
        return "after the end"
    return ("before publishing", "before publishing", "during publishing", "after publishing")[export.phase]


def unlike(sightings: list[Sighting], base_dir: Path) -> list[str]:
    """What is wrong with the versions that were seen: each one's problem, or how it has changed since."""
    problems = [f"version {seen.version}: {seen.problem}" for seen in sightings if seen.problem]
    for seen in sightings:
        if not seen.problem and file_sizes(base_dir / seen.version) != seen.sizes:
            problems.append(f"version {seen.version} has changed since it was seen")
    unseen = set(versions(base_dir)) - {int(seen.version) for seen in sightings}
    return problems + [f"version {version} was not seen" for version in sorted(unseen)]


def small_network(seed: int) -> "keras.Model":
    """One with random weights."""
    import keras

    from scarlet_tf.nets.standalone import build_model

    keras.utils.set_random_seed(seed)
    return build_model(TINY_ARCH.arch, IMAGE_SIZE, NUM_CLASSES)


def expected_of(model: "keras.Model", seed: int) -> Expected:
    """What an export of it must hold and answer."""
    import tensorflow as tf

    from scarlet_tf.data.encoded import evaluation_transform

    rng = np.random.default_rng(seed)
    images = rng.normal(size=(3, IMAGE_SIZE, IMAGE_SIZE, 3)).astype(np.float32)
    pixels = rng.integers(0, 256, (3, 50, 60, 3)).astype(np.uint8)
    files = [tf.io.encode_jpeg(image).numpy() for image in pixels]
    prepare = evaluation_transform("inception", IMAGE_SIZE, IMAGENET)
    of_files = model(tf.stack([prepare(content) for content in files]), training=False).numpy()
    return Expected(images, model(images, training=False).numpy(), files, of_files, FILES)


def export_flags(model: "keras.Model", directory: Path) -> list[str]:
    """How it is exported from files in `directory`, where they are written."""
    TINY_ARCH.write(directory / "arch.json")
    model.save_weights(directory / "tiny.weights.h5")
    return [
        f"--model={directory / 'arch.json'}",
        f"--weights={directory / 'tiny.weights.h5'}",
        f"--image_size={IMAGE_SIZE}",
        f"--num_classes={NUM_CLASSES}",
        "--format=savedmodel",
        "--num_images=4",
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        command.start_tensorflow()
        model = small_network(_SEED.value)
        export = Export(export_flags(model, directory), directory / "exported", directory / "export.log")
        poller = Poller(export.base_dir, expected_of(model, _SEED.value))
        course = Course.of(export)
        falls = Counter()
        moments = draw_moments(_KILLS.value, np.random.default_rng(_SEED.value))
        with progress("export and kill", len(moments)) as report:
            for number, moment in enumerate(moments):
                fall = kill_at(export, moment, course)
                falls[fall] += 1
                report.update(number + 1, f"in {PHASES[moment.phase]}, {fall}")
        export.finish()
        sightings = poller.stop()
        problems = unlike(sightings, export.base_dir)
        hidden = sum(len(list(place.glob(".*"))) for place in (export.workdir, export.base_dir))
    half = sum(seen.problem is not None for seen in sightings)
    seconds = ", ".join(f"{name} {took:.3g} s" for name, took in zip(PHASES, course.seconds, strict=True))
    what = (
        f"{len(moments)} exports killed ({', '.join(f'{count} {fall}' for fall, count in sorted(falls.items()))}), "
        f"and two that were not; of one's time, {seconds}: {len(sightings)} versions seen, {half} of them half-written"
    )
    if problems:
        raise RunError(f"{what}. {len(problems)} problems, such as: {problems[0]}")
    print(f"{what}; each was loaded as soon as it appeared, and answers as the Keras network")
    print(f"kills left {hidden} hidden directories, which no server looks at")


if __name__ == "__main__":
    _KILLS = flags.DEFINE_integer("kills", 50, "How many exports are killed.", lower_bound=1)
    _SEED = flags.DEFINE_integer("seed", 0, "Seed of the moments, and of the network.", lower_bound=0)
    command.run(main, globals())
