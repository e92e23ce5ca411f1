"""An architecture's portable name, `arch.json`: its space, its genotype, and what to call it."""

from dataclasses import dataclass
from pathlib import Path

from scarlet_tf.arch.space import Genotype, SearchSpace
from scarlet_tf.arch.spaces import S2, space_from_data, space_to_data
from scarlet_tf.arch.spec import ArchSpec
from scarlet_tf.arch.zoo import ZOO
from scarlet_tf.errors import InputError
from scarlet_tf.files import read_json, write_json


@dataclass(frozen=True)
class NamedArch:
    """A genotype in its space, by a name that people use."""

    space: SearchSpace
    genotype: Genotype
    name: str

    @property
    def arch(self) -> ArchSpec:
        return self.space.decode(self.genotype, self.name)

    def check_image_size(self, image_size: int | None) -> None:
        """Raises InputError where `--image_size` (pixels) is given and below the product of the strides."""
        if image_size is not None and image_size < self.space.min_image_size:
            raise InputError(
                f"--image_size must be at least {self.space.min_image_size}, the product of the strides of "
                f"{self.name}. Received: {image_size}."
            )

    def to_dict(self) -> dict:
        """The content of `arch.json`."""
        return {"space": space_to_data(self.space), "genotype": list(self.genotype), "name": self.name}

    def write(self, path: str | Path) -> None:
        write_json(path, self.to_dict())

    @classmethod
    def from_dict(cls, data: object, where: str | Path) -> "NamedArch":
        """Reads the content of an `arch.json`; raises InputError, naming `where`, for anything else."""
        if not isinstance(data, dict) or not {"space", "genotype"} <= set(data):
            keys = sorted(data) if isinstance(data, dict) else type(data).__name__
            raise InputError(f"{where} must hold an object with the keys space and genotype. Received: {keys}.")
        space = space_from_data(data["space"], str(where))
        genotype, name = data["genotype"], data.get("name") or Path(where).stem
        if not isinstance(genotype, list) or not isinstance(name, str):
            raise InputError(f"{where}: genotype must be a list and name a string. Received: {genotype!r}, {name!r}.")
        try:
            return cls(space, space.check(genotype), name)
        except ValueError as error:
            raise InputError(f"{where}: {error}") from error


def resolve(model: str) -> NamedArch:
    """The architecture that `--model` names: a published network, an `arch.json`, or a workdir that has one.

    Raises InputError where it is none of these.
    """
    if model in ZOO:
        return NamedArch(S2, S2.encode(ZOO[model]), model)
    path = Path(model)
    if path.is_dir():
        path /= "arch.json"
    if not path.is_file():
        expected = f"one of {', '.join(ZOO)}, an arch.json or a directory that holds one"
        raise InputError(f"--model must be {expected}. Received: {model!r}.")
    return NamedArch.from_dict(read_json(path, "an architecture"), path)
