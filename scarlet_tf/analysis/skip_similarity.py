"""How like the other choices of its slot a skip is, with a plain skip and with ELS. Never imports TensorFlow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scarlet_tf.analysis.intervals import Estimate
from scarlet_tf.analysis.plane import Plane, angles_degrees
from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.arch.spec import SKIP

STABILIZERS = ("skip", "els")
"""What is compared: without a stabilizer, and with ELS."""
_DIGITS = 6


def block_indices(space: SearchSpace) -> list[int]:
    """The choices that are no skip."""
    return [index for index, choice in enumerate(space.choices) if choice != SKIP]


def stabilized_slots(space: SearchSpace) -> np.ndarray:
    """(slots,) bool: whether a skip is a stabilizer there, and not a projection that stays in the network; False where
    the space has no skip."""
    if space.skip_index is None:
        return np.zeros(space.num_slots, bool)
    return ~np.array(space.stays)[:, space.skip_index]


@dataclass(frozen=True, eq=False)
class SkipSimilarity:
    """Of one supernet: `matrices` (slots, choices, choices), means over the images; and of each image, (images, slots),
    the mean similarity of the skip `to_blocks` and that of each two different blocks, `among_blocks`."""

    matrices: np.ndarray
    to_blocks: np.ndarray
    among_blocks: np.ndarray

    @classmethod
    def of(cls, similarities: Sequence[np.ndarray], space: SearchSpace) -> "SkipSimilarity":
        """Out of the similarities (batch, slots, choices, choices) of each image, batch by batch. `space` has a skip
        and at least two blocks."""
        skip, blocks = space.skip_index, block_indices(space)
        ones, others = np.array([(one, other) for one in blocks for other in blocks if one < other]).T
        return cls(
            sum(batch.sum(axis=0) for batch in similarities) / sum(map(len, similarities)),
            np.concatenate([batch[:, :, skip, blocks].mean(axis=-1) for batch in similarities]),
            np.concatenate([batch[:, :, ones, others].mean(axis=-1) for batch in similarities]),
        )

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        return {name: array.round(_DIGITS).tolist() for name, array in vars(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, list]) -> "SkipSimilarity":
        """What `to_dict` gave, back from JSON."""
        return cls(**{name: np.asarray(values) for name, values in data.items()})


def _dicts(estimates: Mapping[str, Estimate]) -> dict:
    return {name: estimate.to_dict() for name, estimate in estimates.items()}


@dataclass(frozen=True, eq=False)
class SlotMeans:
    """Means over `slots`. By stabilizer: the similarity of the skip `to_blocks`, and `gap`, how much more alike blocks
    are among themselves. `difference` and `gap_difference`: of these, with ELS less with a plain skip, image by image.
    """

    slots: tuple[int, ...]
    to_blocks: Mapping[str, Estimate]
    gap: Mapping[str, Estimate]
    difference: Estimate
    gap_difference: Estimate

    @classmethod
    def of(
        cls, to_blocks: Mapping[str, np.ndarray], among_blocks: Mapping[str, np.ndarray], chosen: np.ndarray
    ) -> "SlotMeans | None":
        """That of the slots where `chosen` (slots,) is True, None where none is; the others are (seeds, images, slots)
        by stabilizer."""
        if not chosen.any():
            return None
        to = {name: values[..., chosen].mean(axis=-1) for name, values in to_blocks.items()}
        gap = {name: values[..., chosen].mean(axis=-1) - to[name] for name, values in among_blocks.items()}
        return cls(
            slots=tuple(np.flatnonzero(chosen).tolist()),
            to_blocks={name: Estimate.of(to[name]) for name in to},
            gap={name: Estimate.of(gap[name]) for name in gap},
            difference=Estimate.of(to["els"] - to["skip"]),
            gap_difference=Estimate.of(gap["els"] - gap["skip"]),
        )

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        return {
            "slots": list(self.slots),
            "skip_to_blocks": _dicts(self.to_blocks),
            "among_blocks_less_skip_to_blocks": _dicts(self.gap),
            "difference": self.difference.to_dict(),
            "among_blocks_less_skip_to_blocks_difference": self.gap_difference.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class SkipComparison:
    """What supernets of the same seeds come to, measured on the same images with a plain skip and with ELS.

    By stabilizer: `matrices` (slots, choices, choices), means over seeds and images; and `to_blocks` (slots,), the
    similarity of the skip to the blocks. `difference` (slots,): with ELS less with a plain skip, image by image; and
    that of each seed alone, `by_seed`. `overall`: means over the `stabilized` slots, and over those of them that are
    the `first` of a stage, or `later` ones, whose blocks have a shortcut; None where there are none such.
    """

    space: SearchSpace
    stabilized: np.ndarray
    matrices: Mapping[str, np.ndarray]
    to_blocks: Mapping[str, Estimate]
    difference: Estimate
    by_seed: Mapping[int, Estimate]
    overall: SlotMeans
    first: SlotMeans | None
    later: SlotMeans | None

    @classmethod
    def of(cls, measured: Mapping[int, Mapping[str, SkipSimilarity]], space: SearchSpace) -> "SkipComparison":
        """Out of what was measured, by seed and stabilizer."""

        def stacked(what: str) -> dict[str, np.ndarray]:  # (seeds, images, slots)
            return {name: np.stack([getattr(pair[name], what) for pair in measured.values()]) for name in STABILIZERS}

        to_blocks, among_blocks = stacked("to_blocks"), stacked("among_blocks")
        difference = to_blocks["els"] - to_blocks["skip"]
        stabilized, starts = stabilized_slots(space), np.array(space.stage_starts)
        return cls(
            space=space,
            stabilized=stabilized,
            matrices={name: matrices.mean(axis=0) for name, matrices in stacked("matrices").items()},
            to_blocks={name: Estimate.of(values) for name, values in to_blocks.items()},
            difference=Estimate.of(difference),
            by_seed={seed: Estimate.of(difference[[place]]) for place, seed in enumerate(measured)},
            overall=SlotMeans.of(to_blocks, among_blocks, stabilized),
            first=SlotMeans.of(to_blocks, among_blocks, stabilized & starts),
            later=SlotMeans.of(to_blocks, among_blocks, stabilized & ~starts),
        )

    def slots_where(self, sign: int) -> list[int]:
        """The slots with a stabilizer in which the similarity is higher with ELS (1), lower (-1), or neither for sure
        (0)."""
        return [int(slot) for slot in np.flatnonzero(self.stabilized) if self.difference.at(slot).sign() == sign]

    def planes(self, slot: int) -> dict[str, Plane]:
        """By stabilizer, the choices of `slot` in the plane that holds most of them."""
        return {name: Plane.of(matrices[slot], self.space.skip_index) for name, matrices in self.matrices.items()}

    def angles_degrees(self, slot: int) -> dict[str, np.ndarray]:
        """By stabilizer, the angles (choices,) of the choices of `slot` to its skip."""
        return {name: angles_degrees(matrices[slot], self.space.skip_index) for name, matrices in self.matrices.items()}

    def to_dict(self) -> dict:
        """Plain data, ready for JSON."""
        groups = {"all": self.overall, "first_of_stages": self.first, "later": self.later}
        return {
            "slots_with_stabilizer": np.flatnonzero(self.stabilized).tolist(),
            "skip_to_blocks": _dicts(self.to_blocks),
            "difference": self.difference.to_dict(),
            "rises": self.slots_where(1),
            "falls": self.slots_where(-1),
            "undecided": self.slots_where(0),
            "means_over_slots": {name: group.to_dict() for name, group in groups.items() if group is not None},
            "difference_by_seed": {str(seed): estimate.to_dict() for seed, estimate in self.by_seed.items()},
            "matrices": {name: matrices.round(_DIGITS).tolist() for name, matrices in self.matrices.items()},
        }
