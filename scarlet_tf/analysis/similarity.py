"""How alike the choices of a slot are in what they put out."""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from scarlet_tf.arch.layout import shortcut_flags
from scarlet_tf.arch.space import Genotype, SearchSpace
from scarlet_tf.arch.spec import SKIP
from scarlet_tf.nets.supernet import Supernet


def reference_path(space: SearchSpace) -> Genotype:
    """The first choice that is no skip, in every slot."""
    blocks = [index for index, choice in enumerate(space.choices) if choice != SKIP]
    return (blocks[0] if blocks else 0,) * space.num_slots


class ChoiceSimilarity:
    """Cosine similarity of the outputs of each two choices of each slot (paper Fig. 4).

    Reading: the input of a slot is what `reference_path` hands it, the same for all its choices, so that every slot is
    measured on its own, in one pass in which each block runs once. The output is what the next slot would read, with
    the shortcut where this path has one, which by itself makes outputs alike: compare a slot with itself at another
    time, or under another stabilizer. BN goes by its moving statistics, as in a search. Feature maps are compared image
    by image, all pixels and channels as one vector, and the similarities averaged over the images.
    """

    def __init__(self, supernet: Supernet) -> None:
        space = supernet.space
        path = reference_path(space)
        stays = [stays[choice] for stays, choice in zip(space.stays, path, strict=True)]
        shortcuts = shortcut_flags(space.stage_starts, stays)

        @tf.function(
            autograph=False,
            input_signature=[tf.TensorSpec([None, supernet.image_size, supernet.image_size, 3], tf.float32)],
        )
        def summed(images: tf.Tensor) -> tf.Tensor:
            x = supernet.stem(images, training=False)
            sums = []
            for block, taken, shortcut in zip(supernet.slots, path, shortcuts, strict=True):
                outputs = [block(x, choice=choice, shortcut=shortcut) for choice in range(space.num_choices)]
                flat = [tf.reshape(tf.cast(output, tf.float32), [tf.shape(images)[0], -1]) for output in outputs]
                unit = tf.math.l2_normalize(tf.stack(flat), axis=-1)  # (choices, batch, h * w * c)
                sums.append(tf.einsum("ibf,jbf->ij", unit, unit))
                x = outputs[taken]
            return tf.stack(sums)

        self._summed = summed

    def __call__(self, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]) -> np.ndarray:
        """Similarities (slots, choices, choices) in [-1, 1], the mean over the images of `batches`, labels unused.

        Where an output is all zero, its similarities are 0.
        """
        total, count = 0.0, 0
        for images, _ in batches:
            total = total + self._summed(images).numpy().astype(np.float64)
            count += len(images)
        return total / count
