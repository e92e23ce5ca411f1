"""A search space as plain data, and the genotypes in it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from scarlet_tf.arch.layout import stage_starts
from scarlet_tf.arch.spec import (
    ACTIVATIONS,
    SKIP,
    ArchSpec,
    Choice,
    Conv,
    Head,
    MBConv,
    PlainConv,
    Projection,
    Row,
    Skip,
    Slot,
    Stem,
    from_mapping,
)

Genotype = tuple[int, ...]

STAGE_SKIPS = ("removed", "projection")


def _row(row_type: type, value: object) -> object:
    if isinstance(value, row_type):
        return value
    if isinstance(value, Mapping):
        return from_mapping(row_type, value)
    raise ValueError(f"{row_type.__name__} must be given as such or as a mapping. Received: {value!r}.")


def _choice(value: object) -> "Choice | Conv | str":
    if value == SKIP or isinstance(value, Conv):
        return value
    is_conv = isinstance(value, Mapping) and set(value) == {"kernel"}
    return _row(Conv if is_conv else Choice, value)


@dataclass(frozen=True)
class SearchSpace:
    """Every slot of a network, and the candidate operations each may hold.

    `stem`, `head` and the items of `slots` and `choices` may be given as the rows of `scarlet_tf.arch.spec`
    or as mappings of their fields; a choice may also be the word "skip", at most once. `stage_skip` is what a skip is
    in a slot that begins a stage, where shapes change: "removed", as any other, or "projection", a conv1x1 with BN that
    stays in the network.

    Candidate operations are inverted bottlenecks, `Choice`, or plain convolutions, `Conv`, in a space of `is_plain`.
    There shapes change in entries alone, the first slot has one, and the head may do without a convolution.
    """

    name: str
    stem: Stem
    slots: tuple[Slot, ...]
    choices: tuple[Choice | Conv | str, ...]
    head: Head
    activation: str = "hard_swish"
    stage_skip: str = "removed"

    def __post_init__(self) -> None:
        put = lambda key, value: object.__setattr__(self, key, value)  # noqa: E731  (the class is frozen)
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name must be a non-empty string. Received: {self.name!r}.")
        put("stem", _row(Stem, self.stem))
        put("head", _row(Head, self.head))
        for key, parse in (("slots", lambda value: _row(Slot, value)), ("choices", _choice)):
            items = getattr(self, key)
            if not isinstance(items, Sequence) or isinstance(items, str) or not items:
                raise ValueError(f"{key} must be a non-empty list. Received: {items!r}.")
            put(key, tuple(map(parse, items)))
        if len(set(self.choices)) != len(self.choices):
            raise ValueError(f"choices must differ from each other. Received: {self.choices}.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {ACTIVATIONS}. Received: {self.activation!r}.")
        if self.stage_skip not in STAGE_SKIPS:
            raise ValueError(f"stage_skip must be one of {STAGE_SKIPS}. Received: {self.stage_skip!r}.")
        if not self.stage_starts[0]:
            raise ValueError(
                f"The first slot must change channels or resolution. Received: {self.slots[0]} after a stem "
                f"of {self.stem.out_channels} channels."
            )
        self._check_plain() if self.is_plain else self._check_not_plain()

    def _check_plain(self) -> None:
        if any(isinstance(choice, Choice) for choice in self.choices):
            raise ValueError(
                "choices must be inverted bottlenecks or plain convolutions, not both in one space. Received: "
                f"{self.choices}."
            )
        if self.stage_skip != "removed":
            raise ValueError(
                f"stage_skip must be 'removed' in a space of plain convolutions. Received: {self.stage_skip!r}."
            )
        for index, (slot, start) in enumerate(zip(self.slots, self.stage_starts, strict=True)):
            if start and not slot.entry:
                raise ValueError(
                    "In a space of plain convolutions a slot must have an entry where channels or resolution change. "
                    f"Received: {slot} at slot {index}."
                )

    def _check_not_plain(self) -> None:
        if any(slot.entry for slot in self.slots):
            raise ValueError(
                f"entry is for slots in a space of plain convolutions. Received: entry=True among {self.choices}."
            )
        if self.head.filters is None:
            raise ValueError(
                "filters of the head must be a positive integer, but in a space of plain convolutions. Received: None."
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
        for slot in data["slots"]:
            if not slot["entry"]:  # as files have it that were written before there were entries
                del slot["entry"]
        data["slots"], data["choices"] = list(data["slots"]), list(data["choices"])
        return data

    @property
    def num_slots(self) -> int:
        return len(self.slots)

    @property
    def num_choices(self) -> int:
        return len(self.choices)

    @property
    def is_plain(self) -> bool:
        """Whether candidate operations are plain convolutions."""
        return any(isinstance(choice, Conv) for choice in self.choices)

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
        """Nominal input channels of each slot: of its entry, where it has one."""
        return (self.stem.out_channels, *(slot.filters for slot in self.slots[:-1]))

    @cached_property
    def rows(self) -> tuple[tuple[Row, ...], ...]:
        """For each slot, what each choice is there as a row of an architecture."""

        def row(slot: Slot, starts_stage: bool, choice: Choice | Conv | str) -> Row:
            if choice == SKIP and starts_stage and self.stage_skip == "projection":
                return Projection(slot.filters, slot.stride)
            if choice == SKIP:
                return Skip(slot.filters, slot.stride, slot.entry)
            if isinstance(choice, Conv):
                return PlainConv(choice.kernel, slot.filters, slot.stride, slot.entry)
            return MBConv(choice.expansion, choice.kernel, slot.filters, slot.stride, choice.se)

        slots = zip(self.slots, self.stage_starts, strict=True)
        return tuple(tuple(row(slot, starts, choice) for choice in self.choices) for slot, starts in slots)

    @property
    def left_out(self) -> tuple[Skip, ...]:
        """For each slot, the row of a network that leaves it out, be that one of its choices or not."""
        return tuple(Skip(slot.filters, slot.stride, slot.entry) for slot in self.slots)

    @property
    def stays(self) -> tuple[tuple[bool, ...], ...]:
        """For each slot, whether each choice stays in the standalone network, as all but a removed skip do."""
        return tuple(tuple(not isinstance(row, Skip) for row in rows) for rows in self.rows)

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
        blocks = tuple(rows[choice] for rows, choice in zip(self.rows, genotype, strict=True))
        name = name or f"{self.name}-" + "-".join(map(str, genotype))
        return ArchSpec(name, self.stem, blocks, self.head, self.activation)

    def encode(self, arch: ArchSpec) -> Genotype:
        """The genotype of `arch`; raises ValueError where it is not in this space."""
        frame = (arch.stem, arch.head, arch.activation, len(arch.blocks))
        if frame != (self.stem, self.head, self.activation, self.num_slots):
            raise ValueError(f"{arch.name} is not in the space {self.name}: stem, head or length differ.")
        genotype = []
        for slot, (rows, row) in enumerate(zip(self.rows, arch.blocks, strict=True)):
            if row not in rows:
                raise ValueError(f"{arch.name} is not in the space {self.name}: {row} at slot {slot}.")
            genotype.append(rows.index(row))
        return tuple(genotype)

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A genotype drawn uniformly."""
        return tuple(rng.integers(self.num_choices, size=self.num_slots).tolist())
