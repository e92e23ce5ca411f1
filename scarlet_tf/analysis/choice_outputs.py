"""What each choice of each slot makes of one and the same input."""

from collections.abc import Iterator

import tensorflow as tf

from scarlet_tf.arch.layout import shortcut_flags
from scarlet_tf.arch.space import Genotype, SearchSpace
from scarlet_tf.arch.spec import SKIP
from scarlet_tf.nets.supernet import Supernet


def reference_path(space: SearchSpace) -> Genotype:
    """The first choice that is no skip, in every slot."""
    blocks = [index for index, choice in enumerate(space.choices) if choice != SKIP]
    return (blocks[0] if blocks else 0,) * space.num_slots


def choice_outputs(supernet: Supernet, images: tf.Tensor) -> Iterator[list[tf.Tensor]]:
    """Slot after slot, the outputs (batch, h, w, filters) of all its choices.

    Reading: the input of a slot is what `reference_path` hands it, the same for all its choices, so that every slot is
    looked at on its own, in one pass in which each block runs once. The output is what the next slot would read, with
    the shortcut where this path has one. BN goes by its moving statistics, as in a search.
    """
    space = supernet.space
    path = reference_path(space)
    stays = [stays[choice] for stays, choice in zip(space.stays, path, strict=True)]
    x = supernet.stem(images, training=False)
    for block, taken, shortcut in zip(supernet.slots, path, shortcut_flags(space.stage_starts, stays), strict=True):
        outputs = [block(x, choice=choice, shortcut=shortcut) for choice in range(space.num_choices)]
        yield outputs
        x = outputs[taken]
