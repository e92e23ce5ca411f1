"""How long a network takes, from a table of its parts, quickly enough to ask before every evaluation. Never imports
TensorFlow."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scarlet_tf.arch import SearchSpace
from scarlet_tf.arch.spaces import space_from_data, space_to_data
from scarlet_tf.errors import InputError
from scarlet_tf.files import read_json
from scarlet_tf.latency.parts import STEM, Parts, parts
from scarlet_tf.numbers import is_number

_KEYS = ("space", "image_size", "num_classes", "device", "threads", "scale", "constant_ms", "parts_ms")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


@dataclass(frozen=True)
class LatencyTable:
    """Milliseconds of every part of a space's networks on one device: the content of `latency.json`.

    A network takes `scale` x the sum of its parts (`parts_ms`, by name) + `constant_ms`. What a part costs depends on
    its slot, on its choice and on the slot of the block before it, and on nothing else.
    """

    space: SearchSpace
    image_size: int
    num_classes: int
    parts_ms: Mapping[str, float]
    scale: float = 1.0
    constant_ms: float = 0.0
    device: str = ""
    threads: int = 1

    @classmethod
    def read(cls, path: str | Path) -> "LatencyTable":
        """The table in a `latency.json`. Raises InputError where it holds none."""
        data = read_json(path, "latencies, as `python -m scarlet_tf.latency fit` writes them")
        if not isinstance(data, dict) or not set(_KEYS) <= set(data):
            keys = sorted(data) if isinstance(data, dict) else type(data).__name__
            raise InputError(f"{path} must hold an object with the keys {', '.join(_KEYS)}. Received: {keys}.")
        space = space_from_data(data["space"], str(path))
        rules = {
            "image_size": (_is_count, "a whole number above 0"),
            "num_classes": (_is_count, "a whole number above 0"),
            "threads": (_is_count, "a whole number above 0"),
            "device": (lambda value: isinstance(value, str), "a string"),
            "scale": (lambda value: is_number(value) and value > 0, "a number above 0"),
            "constant_ms": (is_number, "a number"),
            "parts_ms": (lambda value: isinstance(value, dict), "an object of milliseconds by part"),
        }
        for key, (holds, expected) in rules.items():
            if not holds(data[key]):
                raise InputError(f"{path}: {key} must be {expected}. Received: {data[key]!r}.")
        for name, ms in data["parts_ms"].items():
            if not is_number(ms) or ms <= 0:
                raise InputError(f"{path}: parts_ms must be numbers above 0. Received: {ms!r} for {name}.")
        if data["image_size"] < space.min_image_size:
            raise InputError(
                f"{path}: image_size must be at least {space.min_image_size}, the product of the strides of "
                f"{space.name}. Received: {data['image_size']}."
            )
        return cls(space, **{key: data[key] for key in _KEYS[1:]})

    def to_dict(self) -> dict:
        """The content of `latency.json`."""
        data = {key: getattr(self, key) for key in _KEYS}
        return data | {"space": space_to_data(self.space), "parts_ms": dict(self.parts_ms)}

    def check(self, space: SearchSpace, image_size: int, num_classes: int) -> None:
        """Raises InputError where the table is of another space or size, or lacks a part of the space's networks."""
        for what, own, wanted in (
            ("space", self.space, space),
            ("image size", self.image_size, image_size),
            ("number of classes", self.num_classes, num_classes),
        ):
            if own != wanted:
                own, wanted = (getattr(value, "name", value) for value in (own, wanted))
                other = "another of that name" if own == wanted else own
                raise InputError(
                    f"The latency table must be of the {what} that is searched, {wanted}. Received: {other}. "
                    "Make one with `python -m scarlet_tf.latency kit`."
                )
        missing = [self._place(name) for name in self._parts.distinct if name not in self.parts_ms]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise InputError(
                f"The latency table must hold every part of the networks of {space.name}. It lacks "
                f"{', '.join(missing[:3])}{more}. Measure these files of the kit and fit again."
            )

    def latency(self, genotype: Sequence[int]) -> float:
        """Milliseconds that the network of a genotype takes; nan where the table lacks one of its parts."""
        stem, blocks, heads = self._summands
        total, reads = stem, blocks[STEM]
        previous = STEM
        for slot, choice in enumerate(genotype):
            added = reads[slot][choice]
            if added is not None:
                total += added
                previous = slot
                reads = blocks[slot]
        return total + heads[previous]

    @cached_property
    def _parts(self) -> Parts:
        return parts(self.space, self.image_size, self.num_classes)

    @cached_property
    def _summands(self) -> tuple[float, dict[int, list[list[float | None]]], dict[int, float]]:
        """Milliseconds, scaled, of the stem, with the constant; of the blocks by slot before, slot and choice, of which
        None is none; of the heads by slot before."""

        def ms(name: str) -> float:
            return self.scale * self.parts_ms.get(name, math.nan)

        num_slots, num_choices = self.space.num_slots, self.space.num_choices
        blocks = {previous: [[None] * num_choices for _ in range(num_slots)] for previous in range(STEM, num_slots)}
        for (previous, slot, choice), part in self._parts.blocks.items():
            blocks[previous][slot][choice] = ms(part.name)
        heads = {previous: ms(part.name) for previous, part in self._parts.heads.items()}
        return ms(self._parts.stem.name) + self.constant_ms, blocks, heads

    def _place(self, name: str) -> str:
        """A part by its name, with the first place where it serves."""
        for (previous, slot, choice), part in self._parts.blocks.items():
            if part.name == name:
                before = "the stem" if previous == STEM else f"slot {previous}"
                return f"slot {slot}, choice {choice} after {before} ({name})"
        return f"the {name.partition('-')[0]} ({name})"
