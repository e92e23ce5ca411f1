"""What an architecture is: rows, search spaces, published networks, cost. Never imports TensorFlow."""

from scarlet_tf.arch.cost import Cost, count
from scarlet_tf.arch.scaling import scale
from scarlet_tf.arch.space import Genotype, SearchSpace
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.arch.spec import (
    SKIP,
    ArchSpec,
    Choice,
    Conv,
    Entry,
    Head,
    MBConv,
    PlainConv,
    Projection,
    Skip,
    Slot,
    Stem,
)
from scarlet_tf.arch.zoo import get_arch

__all__ = [
    "SKIP",
    "ArchSpec",
    "Choice",
    "Conv",
    "Cost",
    "Entry",
    "Genotype",
    "Head",
    "MBConv",
    "PlainConv",
    "Projection",
    "SearchSpace",
    "Skip",
    "Slot",
    "Stem",
    "count",
    "get_arch",
    "get_space",
    "scale",
]
