"""A study's directory: what it is about, and what took long to compute, kept so that a killed study goes on."""

from collections.abc import Callable, Mapping
from pathlib import Path

from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir, read_json, write_json


class StudyWorkdir:
    """`study.json`, `kept/` (a JSON file for each result that took long), below it the trainings of the study, and in
    the end what `Finding.write` leaves.

    `settings` is plain data: all that the outcome depends on. Raises InputError where `path` cannot be written, or
    holds another study or one of other settings; changes nothing until `begin`.
    """

    def __init__(self, path: str | Path, study: str, settings: Mapping[str, object]) -> None:
        self.path = check_output_dir(path, "workdir")
        self._content = {"study": study, "settings": dict(settings)}
        self._study_path = self.path / "study.json"
        if self._study_path.exists():
            self._check_same()

    def _check_same(self) -> None:
        held = read_json(self._study_path, "the settings of a study")
        if not isinstance(held, dict) or held.keys() != self._content.keys():
            raise InputError(f"{self._study_path} must hold the settings of a study. Received: {held!r}.")
        if held["study"] != self._content["study"]:
            raise InputError(
                f"--workdir={self.path} holds the study {held['study']}, not {self._content['study']}. Use another one."
            )
        old, new = held["settings"], self._content["settings"]
        changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        if changed:
            listed = ", ".join(f"--{name}: {old.get(name)} -> {new.get(name)}" for name in changed)
            raise InputError(
                f"--workdir={self.path} holds this study with other settings. Changed: {listed}. Use another "
                "--workdir, or the settings it was begun with."
            )

    def begin(self) -> None:
        """Writes `study.json`."""
        write_json(self._study_path, self._content)

    def kept(self, name: str, compute: Callable[[], object]) -> object:
        """What `compute` gives, plain data, out of the file of an earlier run where there is one."""
        path = self.path / "kept" / f"{name}.json"
        if not path.exists():
            write_json(path, compute())
        return read_json(path, "a result of this study")
