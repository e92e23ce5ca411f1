"""The manifest of a kit, `kit.json`: which file is which part or network. Never imports TensorFlow."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scarlet_tf.arch import Genotype, SearchSpace, count
from scarlet_tf.arch.spaces import space_from_data, space_to_data
from scarlet_tf.errors import InputError
from scarlet_tf.files import read_json
from scarlet_tf.latency.parts import Parts, check_has_parts, parts

MANIFEST = "kit.json"
MAX_SKIPPED = 0.5
_SETTINGS = ("space", "image_size", "num_classes", "seed")


def random_networks(space: SearchSpace, num_networks: int, seed: int) -> tuple[Genotype, ...]:
    """`num_networks` genotypes; a larger number begins with those of a smaller one.

    Each first draws how likely it skips a slot, from 0 to MAX_SKIPPED, and what it does not skip it draws uniformly: so
    they spread over the latencies among which a search moves. Uniform genotypes would all take about as long.
    """
    rng = np.random.default_rng(seed)
    networks = []
    for _ in range(num_networks):
        genotype = np.array(space.sample(rng))
        skipped = rng.random(space.num_slots) < rng.uniform(0, MAX_SKIPPED)
        if space.skip_index is not None:
            genotype[skipped] = space.skip_index
        networks.append(tuple(int(choice) for choice in genotype))
    return tuple(networks)


def network_file(index: int) -> str:
    return f"network-{index:03d}.tflite"


@dataclass(frozen=True)
class Kit:
    """Files to be timed: every part of the networks of a space at a size, and some whole networks. Raises InputError
    for a space whose networks have no such parts."""

    space: SearchSpace
    image_size: int
    num_classes: int
    seed: int
    networks: tuple[Genotype, ...]

    def __post_init__(self) -> None:
        check_has_parts(self.space)

    @classmethod
    def read(cls, directory: str | Path) -> "Kit":
        """The kit that was written to `directory`. Raises InputError where there is none."""
        path = Path(directory) / MANIFEST
        data = read_json(path, "a kit, as `python -m scarlet_tf.latency kit` writes it")
        if not isinstance(data, dict) or not {*_SETTINGS, "networks"} <= set(data):
            keys = sorted(data) if isinstance(data, dict) else type(data).__name__
            raise InputError(f"{path} must hold the keys {', '.join(_SETTINGS)} and networks. Received: {keys}.")
        space = space_from_data(data["space"], str(path))
        sizes = [data[key] for key in _SETTINGS[1:]]
        try:
            if not all(type(size) is int and size >= lowest for size, lowest in zip(sizes, (1, 1, 0), strict=True)):
                raise ValueError(f"{', '.join(_SETTINGS[1:])} must be whole numbers, not negative. Received: {sizes}.")
            networks = tuple(space.check(network["genotype"]) for network in data["networks"])
            kit = cls(space, *sizes, networks)
            kit.parts()  # refuses a size that is too small
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{path}: {error}") from error
        return kit

    def check_same_as(self, directory: str | Path) -> None:
        """Raises InputError where `directory` holds a kit of another space, size or seed."""
        if not (Path(directory) / MANIFEST).exists():
            return
        existing = Kit.read(directory)
        for key in _SETTINGS:
            if getattr(existing, key) != getattr(self, key):
                raise InputError(
                    f"--output_dir must be new, or hold a kit of the same --{key}. Received: {directory}, of another."
                )

    def parts(self) -> Parts:
        return parts(self.space, self.image_size, self.num_classes)

    def to_dict(self) -> dict:
        """The content of `kit.json`: the settings; of each part its file, name, input shape, MAdds and, of a block, the
        places where it serves, (slot of the block before or -1 for the stem, slot, choice); of each network its file,
        genotype and MAdds."""
        all_parts = self.parts()
        places = {name: [] for name in all_parts.distinct}
        for place, part in all_parts.blocks.items():
            places[part.name].append(list(place))
        return {
            "space": space_to_data(self.space),
            "image_size": self.image_size,
            "num_classes": self.num_classes,
            "seed": self.seed,
            "parts": [
                {
                    "file": part.file,
                    "part": name,
                    "input_shape": list(part.input_shape),
                    "madds": part.madds,
                    "places": places[name],
                }
                for name, part in all_parts.distinct.items()
            ],
            "networks": [
                {
                    "file": network_file(index),
                    "genotype": list(genotype),
                    "madds": count(self.space.decode(genotype), self.image_size, self.num_classes).madds,
                }
                for index, genotype in enumerate(self.networks)
            ],
        }
