"""A search space as plain data, and the genotypes in it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from scarlet_tf.arch.layout import stage_starts
from scarlet_tf.arch.spec import (
    ACTIVATIONS,
    SKIP,
    ArchSpec,
    Choice,
    Head,
    MBConv,
    Skip,
    Slot,
    Stem,
    from_mapping,
)

Genotype = tuple[int, ...]


def _row(row_type: type, value: object) -> object:
    if isinstance(value, row_type):
        return value
    if isinstance(value, Mapping):
        return from_mapping(row_type, value)
    raise ValueError(f"{row_type.__name__} must be given as such or as a mapping. Received: {value!r}.")


@dataclass(frozen=True)
class SearchSpace:
    """Every slot of a network, and the candidate operations each may hold.

    `stem`, `head` and the items of `slots` and `choices` may be given as the rows of `scarlet_tf.arch.spec`
    or as mappings of their fields; a choice may also be the word "skip", at most once.
    """

    name: str
    stem: Stem
    slots: tuple[Slot, ...]
    choices: tuple[Choice | str, ...]
    head: Head
    activation: str = "hard_swish"

    def __post_init__(self) -> None:
        put = lambda key, value: object.__setattr__(self, key, value)  # noqa: E731  (the class is frozen)
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name must be a non-empty string. Received: {self.name!r}.")
        put("stem", _row(Stem, self.stem))
        put("head", _row(Head, self.head))
        for key, row_type in (("slots", Slot), ("choices", Choice)):
            items = getattr(self, key)
            if not isinstance(items, Sequence) or isinstance(items, str) or not items:
                raise ValueError(f"{key} must be a non-empty list. Received: {items!r}.")
            may_skip = key == "choices"
            put(key, tuple(SKIP if may_skip and item == SKIP else _row(row_type, item) for item in items))
        if len(set(self.choices)) != len(self.choices):
            raise ValueError(f"choices must differ from each other. Received: {self.choices}.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {ACTIVATIONS}. Received: {self.activation!r}.")
        if not self.stage_starts[0]:
            raise ValueError(
                f"The first slot must change channels or resolution. Received: {self.slots[0]} after a stem "
                f"of {self.stem.out_channels} channels."
            )

    @classmethod
    def from_dict(cls, data: Mapping) -> "SearchSpace":
        """Builds a space from plain data, as `to_dict` gives and JSON holds.

        Raises ValueError, naming what is off, where the data does not describe a space.
        """
        return from_mapping(cls, data)

    def to_dict(self) -> dict:
        """The space as plain data, ready for JSON."""
        data = asdict(self)
        data["slots"], data["choices"] = list(data["slots"]), list(data["choices"])
        return data

    @property
    def num_slots(self) -> int:
        return len(self.slots)

    @property
    def num_choices(self) -> int:
        return len(self.choices)

    @property
    def skip_index(self) -> int | None:
        """Index of the choice that skips the slot; None where the space has none."""
        return self.choices.index(SKIP) if SKIP in self.choices else None

    @property
    def stage_starts(self) -> tuple[bool, ...]:
        """For each slot, whether it begins a stage."""
        return stage_starts(self.stem.out_channels, self.slots)

    @property
    def in_channels(self) -> tuple[int, ...]:
        """Nominal input channels of each slot."""
        return (self.stem.out_channels, *(slot.filters for slot in self.slots[:-1]))

    @property
    def min_image_size(self) -> int:
        """Product of the strides, in pixels."""
        return self.decode((0,) * self.num_slots).min_image_size

    def check(self, genotype: Sequence[int]) -> Genotype:
        """Returns `genotype` as a tuple of ints; raises ValueError where its length or an index is wrong."""
        genotype = tuple(genotype)
        if len(genotype) != self.num_slots:
            raise ValueError(
                f"A genotype of {self.name} has {self.num_slots} choices. Received {len(genotype)}: {list(genotype)}."
            )
        for slot, choice in enumerate(genotype):
            whole = isinstance(choice, int | np.integer) and not isinstance(choice, bool)
            if not whole or not 0 <= choice < self.num_choices:
                raise ValueError(
                    f"Choices of {self.name} are whole numbers from 0 to {self.num_choices - 1}. "
                    f"Received {choice!r} at slot {slot}."
                )
        return tuple(int(choice) for choice in genotype)

    def decode(self, genotype: Sequence[int], name: str | None = None) -> ArchSpec:
        """The architecture of `genotype`; its name is the genotype's text unless `name` is given."""
        genotype = self.check(genotype)
        blocks = []
        for slot, index in zip(self.slots, genotype, strict=True):
            choice = self.choices[index]
            if choice == SKIP:
                blocks.append(Skip(slot.filters, slot.stride))
            else:
                blocks.append(MBConv(choice.expansion, choice.kernel, slot.filters, slot.stride, choice.se))
        name = name or f"{self.name}-" + "-".join(map(str, genotype))
        return ArchSpec(name, self.stem, tuple(blocks), self.head, self.activation)

    def encode(self, arch: ArchSpec) -> Genotype:
        """The genotype of `arch`; raises ValueError where it is not in this space."""
        frame = (arch.stem, arch.head, arch.activation, len(arch.blocks))
        if frame != (self.stem, self.head, self.activation, self.num_slots):
            raise ValueError(f"{arch.name} is not in the space {self.name}: stem, head or length differ.")
        genotype = []
        for index, (slot, row) in enumerate(zip(self.slots, arch.blocks, strict=True)):
            choice = SKIP if isinstance(row, Skip) else Choice(row.expansion, row.kernel, row.se)
            if (row.filters, row.stride) != (slot.filters, slot.stride) or choice not in self.choices:
                raise ValueError(f"{arch.name} is not in the space {self.name}: {row} at slot {index}.")
            genotype.append(self.choices.index(choice))
        return tuple(genotype)

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A genotype drawn uniformly."""
        return tuple(int(choice) for choice in rng.integers(self.num_choices, size=self.num_slots))
