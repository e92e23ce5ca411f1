"""The two ends of a search space: the network that skips every slot, and the largest one. Never imports TensorFlow."""

from scarlet_tf.arch.cost import count
from scarlet_tf.arch.named import NamedArch
from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.arch.spec import SKIP
from scarlet_tf.errors import InputError

PAPER_IMAGE_SIZE = 224


def all_skip(space: SearchSpace) -> NamedArch:
    """The network that skips every slot. Raises InputError where `space` has no skip, or is for images larger than the
    paper's, of 224 pixels, at which costs are counted too."""
    if space.min_image_size > PAPER_IMAGE_SIZE:
        raise InputError(
            f"--space must be for images of {PAPER_IMAGE_SIZE} px, at which costs are counted. Received: {space.name}, "
            f"for {space.min_image_size} px or more."
        )
    if space.skip_index is None:
        raise InputError(f"--space must have skip among its choices. Received: {space.name}, without.")
    return NamedArch(space, (space.skip_index,) * space.num_slots, "all_skip")


def largest(space: SearchSpace, image_size: int) -> NamedArch:
    """The network with one block in every slot that has the most MAdds at `image_size` pixels (paper Table 8: E6K7 in
    S1): without squeeze-excite where the space has such blocks. Raises InputError where `space` has no block."""
    blocks = {index: choice for index, choice in enumerate(space.choices) if choice != SKIP}
    if not blocks:
        raise InputError(f"--space must have blocks among its choices. Received: {space.name}, of skips alone.")
    plain = {index: choice for index, choice in blocks.items() if not choice.se}

    def madds(index: int) -> int:
        return count(space.decode((index,) * space.num_slots), image_size).madds

    index = max(plain or blocks, key=madds)
    block = space.choices[index]
    name = f"all_e{block.expansion}k{block.kernel}{'se' if block.se else ''}"
    return NamedArch(space, (index,) * space.num_slots, name)
