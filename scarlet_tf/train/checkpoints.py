"""The checkpoints of a training. One that is named is whole on disk; one that was damaged later is passed over."""

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import tensorflow as tf

from scarlet_tf.errors import InputError, RunError
from scarlet_tf.files import replacing, sync
from scarlet_tf.train.averages import WeightAverages
from scarlet_tf.train.workdir import Workdir

KEPT = 3
_FILE = re.compile(r"step-(\d+)(\.index$|\.data-\d+-of-\d+$|[._])")  # the last: TensorFlow's, while it writes
_NAMED = re.compile(r'^all_model_checkpoint_paths: "(?:.*/)?step-(\d+)"$', re.MULTILINE)


class Checkpoints:
    """The last three checkpoints `step-N` of `model`, and while training of `optimizer` and `averages`, in `workdir`.

    Where averages of the weights are kept, they are in the weights' place, to be read by whoever uses the network, and
    the weights that are trained on lie beside them.

    TensorFlow writes and reads them. The file `checkpoint` names them, as its own tools expect, and is written when
    they are whole on disk. A layer's weights inside a ConvBN are no attributes of the layer, and TensorFlow's tracking
    follows attributes alone: the variables are therefore listed, the seeds of dropout among them.
    """

    def __init__(
        self,
        workdir: Workdir,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer | None = None,
        averages: WeightAverages | None = None,
    ) -> None:
        metrics = {id(variable) for variable in model.metrics_variables}
        tracked = {"model": [variable for variable in model.variables if id(variable) not in metrics]}
        if averages is not None:
            tracked = {"model": list(map(averages.of, tracked["model"])), "trained": averages.weights}
        if optimizer is not None:
            tracked["optimizer"] = list(optimizer.variables)
        self._checkpoint = tf.train.Checkpoint(**tracked)
        self._dir = workdir.checkpoint_dir
        self._state = self._dir / "checkpoint"
        self._good: list[int] = []  # steps, oldest first

    @property
    def latest(self) -> Path | None:
        """The last good checkpoint, read or written; its files' names go on with `.index` and `.data-*`."""
        return self._path(self._good[-1]) if self._good else None

    def restore(self) -> Path | None:
        """Puts the last whole checkpoint into what is tracked. Returns it, or None where none was finished yet.

        A line on stderr names newer ones that are damaged; nothing on disk changes. Raises InputError where all are
        damaged, or where the last whole one is of other variables.
        """
        steps, damaged = self._named(), []
        if not steps:  # a kill in the first writing leaves no state, a power cut may empty it
            steps = self._on_disk()
            if self._state.exists():
                damaged.append(f"{self._state} (it names no checkpoint)")
        while steps:
            reason = damage(self._path(steps[-1]))
            if reason is None:
                break
            damaged.append(f"{self._path(steps.pop())} ({reason})")
        if not steps:
            if not self._state.exists():
                return None
            raise InputError(
                f"{self._dir} must hold a whole checkpoint. Received: {'; '.join(damaged)}. "
                "Train again in another --workdir."
            )
        if damaged:
            print(f"WARNING: damaged: {'; '.join(damaged)}. Used instead: {self._path(steps[-1])}.", file=sys.stderr)
        self._read(self._path(steps[-1]))
        self._good = steps
        return self.latest

    def save(self, step: int) -> None:
        """Writes the checkpoint of `step`, has it on disk, names it, and only then removes older and damaged ones.

        Raises RunError where it cannot be written, such as on a full disk; those before it stay.
        """
        good = [*self._good, step][-KEPT:]
        try:
            with self.writing(self._path(step)):
                self._dir.mkdir(parents=True, exist_ok=True)
                self._checkpoint.write(str(self._path(step)))
                for path in self._dir.glob(f"step-{step}.*"):
                    sync(path)
                sync(self._dir)
                names = [f"step-{kept}" for kept in good]
                lines = [f'model_checkpoint_path: "{names[-1]}"']
                lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
                with replacing(self._state) as temporary:
                    temporary.write_text("\n".join(lines) + "\n")
                sync(self._dir)
        except RunError:
            self._remove(lambda other, _: other == step)
            raise
        self._good = good
        self._remove(lambda other, is_final: other <= step and not (other in good and is_final))

    @contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Around the writing of `path`: where it fails, raises RunError that says so and names the last good
        checkpoint."""
        try:
            yield
        except (OSError, tf.errors.OpError) as error:
            raise RunError(
                f"{path} could not be written: {_first_line(error)}. Last good checkpoint: "
                f"{self.latest or 'none yet'}. Make room on the disk and run the same command again to go on."
            ) from error

    def _path(self, step: int) -> Path:
        return self._dir / f"step-{step}"

    def _named(self) -> list[int]:
        """The steps that the state names, oldest first; none where there is no state, or a damaged one."""
        if not self._state.is_file():
            return []
        return [int(step) for step in _NAMED.findall(self._state.read_text(errors="replace"))]

    def _files(self) -> Iterator[tuple[Path, int, bool]]:
        """What is there of checkpoints: file or directory, step, and whether the name is a finished one's."""
        for path in self._dir.glob("step-*"):
            match = _FILE.match(path.name)
            if match:
                yield path, int(match[1]), len(match[2]) > 1

    def _on_disk(self) -> list[int]:
        return sorted({step for _, step, is_final in self._files() if is_final})

    def _read(self, path: Path) -> None:
        try:
            status = self._checkpoint.read(str(path))
            status.assert_existing_objects_matched().expect_partial()  # without the optimizer, its variables stay there
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            raise InputError(
                f"{path} must be a checkpoint of what config.json beside it says. Received: {_first_line(error)}. "
                "Train again in another --workdir."
            ) from error

    def _remove(self, is_unwanted: Callable[[int, bool], bool]) -> None:
        """Removes the files of checkpoints, and what a kill or a full disk left of their writing, by step and whether
        the name is a finished one's."""
        for path, step, is_final in list(self._files()):
            if is_unwanted(step, is_final):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def damage(path: Path) -> str | None:
    """What is wrong with the files of the checkpoint `path`, or None where it is whole.

    TensorFlow checks a checksum of each tensor that it reads, and of each block of their index.
    """
    if not Path(f"{path}.index").is_file():
        return "no such file"
    try:
        reader = tf.train.load_checkpoint(str(path))
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (IndexError, RuntimeError, ValueError, tf.errors.OpError) as error:
        return _first_line(error)
    return None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
