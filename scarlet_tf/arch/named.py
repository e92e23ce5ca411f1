"""An architecture's portable name, `arch.json`: its space, its genotype, how it is scaled, and what to call it."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from scarlet_tf.arch.scaling import scale
from scarlet_tf.arch.space import Genotype, SearchSpace
from scarlet_tf.arch.spaces import S2, SPACES, get_space, space_from_data, space_to_data
from scarlet_tf.arch.spec import ArchSpec
from scarlet_tf.arch.zoo import ZOO
from scarlet_tf.errors import InputError
from scarlet_tf.files import read_json, write_json

_MAX_FACTOR = 16  # of width and depth: beyond what any machine trains


def _check_factor(what: str, factor: object) -> None:
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor <= _MAX_FACTOR:
        raise InputError(f"{what} must be above 0 and at most {_MAX_FACTOR}. Received: {factor!r}.")


@dataclass(frozen=True)
class NamedArch:
    """A genotype in its space, scaled by `width` and `depth`, by a name that people use."""

    space: SearchSpace
    genotype: Genotype
    name: str
    width: float = 1.0
    depth: float = 1.0

    @property
    def arch(self) -> ArchSpec:
        return scale(self.space.decode(self.genotype, self.name), self.width, self.depth, self.name)

    @property
    def is_scaled(self) -> bool:
        return (self.width, self.depth) != (1.0, 1.0)

    @property
    def default_image_size(self) -> int:
        """Pixels a side: what a published network was trained on, else 224."""
        return ZOO[self.name].image_size if self.name in ZOO else 224

    def scaled(self, width: float | None, depth: float | None) -> "NamedArch":
        """The same genotype with the factors that `--width` and `--depth` give, where they do.

        Raises InputError for factors that cannot be.
        """
        width, depth = self.width if width is None else width, self.depth if depth is None else depth
        _check_factor("--width", width)
        _check_factor("--depth", depth)
        if (width, depth) == (self.width, self.depth):
            return self
        return replace(self, width=width, depth=depth, name=f"{self.name}-w{width:g}-d{depth:g}")

    def check_image_size(self, image_size: int | None) -> None:
        """Raises InputError where `--image_size` (pixels) is given and below the product of the strides."""
        if image_size is not None and image_size < self.space.min_image_size:
            raise InputError(
                f"--image_size must be at least {self.space.min_image_size}, the product of the strides of "
                f"{self.name}. Received: {image_size}."
            )

    def to_dict(self) -> dict:
        """The content of `arch.json`."""
        data = {"space": space_to_data(self.space), "genotype": list(self.genotype), "name": self.name}
        return data | ({"width": self.width, "depth": self.depth} if self.is_scaled else {})

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
        factors = {key: data.get(key, 1.0) for key in ("width", "depth")}
        for key, factor in factors.items():
            _check_factor(f"{where}: {key}", factor)
        try:
            return cls(space, space.check(genotype), name, **factors)
        except ValueError as error:
            raise InputError(f"{where}: {error}") from error


def _of_space(model: str) -> NamedArch | None:
    """The network that `SPACE:GENOTYPE` names, as `s1:0-6-...-3`; None where `model` has not that form.

    Raises InputError where the space cannot be read, or has no such network.
    """
    space_name, _, text = model.rpartition(":")
    if space_name not in SPACES and not space_name.endswith(".json"):
        return None
    if not re.fullmatch(r"[0-9]{1,9}([-,][0-9]{1,9})*", text):
        raise InputError(
            f"--model={space_name}: must be followed by a choice a slot, whole numbers joined by - or a comma, as "
            f"{space_name}:0-1-2. Received: {text!r}."
        )
    space = get_space(space_name)
    try:
        genotype = space.check([int(choice) for choice in re.split("[-,]", text)])
    except ValueError as error:
        raise InputError(f"--model={model}: {error}") from error
    return NamedArch(space, genotype, space.decode(genotype).name)


def resolve(model: str, width: float | None = None, depth: float | None = None) -> NamedArch:
    """The architecture that `--model` names: a published network, an `arch.json`, a workdir that has one, or any
    network of a space as `SPACE:GENOTYPE`.

    `width` and `depth`, where given, take the place of its own factors. Raises InputError where it is none of these.
    """
    if model in ZOO:
        published = ZOO[model]
        named = NamedArch(S2, S2.encode(published.base), model, published.width, published.depth)
        return named.scaled(width, depth)
    path = os.path.join(model, "arch.json") if os.path.isdir(model) else model
    if os.path.isfile(path):  # which answers False where pathlib raises: for a name too long to be a file's
        return NamedArch.from_dict(read_json(path, "an architecture"), path).scaled(width, depth)
    named = _of_space(model)
    if named is None:
        expected = (
            f"one of {', '.join(ZOO)}, an arch.json, a directory that holds one, or SPACE:GENOTYPE as s1:0-6-...-3"
        )
        raise InputError(f"--model must be {expected}. Received: {model!r}.")
    return named.scaled(width, depth)
