"""How alike the choices of a slot are in what they put out."""

from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from scarlet_tf.analysis.choice_outputs import choice_outputs
from scarlet_tf.nets.supernet import Supernet


class ChoiceSimilarity:
    """Cosine similarity of the outputs of each two choices of each slot (paper Fig. 4).

    What the choices read, and what counts as output, is as in `choice_outputs`. Where a shortcut is on, it makes
    outputs alike by itself: compare a slot with itself at another time, or under another stabilizer. Feature maps are
    compared image by image, all pixels and channels as one vector. Where an output is all zero, its similarities are 0.
    """

    def __init__(self, supernet: Supernet) -> None:
        @tf.function(
            autograph=False,
            input_signature=[tf.TensorSpec([None, supernet.image_size, supernet.image_size, 3], tf.float32)],
        )
        def similarities(images: tf.Tensor) -> tf.Tensor:
            by_slot = []
            for outputs in choice_outputs(supernet, images):
                flat = [tf.reshape(tf.cast(output, tf.float32), [tf.shape(images)[0], -1]) for output in outputs]
                unit = tf.math.l2_normalize(tf.stack(flat, axis=1), axis=-1)  # (batch, choices, h * w * c)
                by_slot.append(tf.matmul(unit, unit, transpose_b=True))
            return tf.stack(by_slot, axis=1)

        self._similarities = similarities

    def by_image(self, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]) -> Iterator[np.ndarray]:
        """Similarities of each image, batch after batch: (batch, slots, choices, choices) in [-1, 1], labels unused."""
        for images, _ in batches:
            yield self._similarities(images).numpy().astype(np.float64)

    def __call__(self, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]) -> np.ndarray:
        """Similarities (slots, choices, choices) in [-1, 1], the mean over the images of `batches`, labels unused."""
        total, count = 0.0, 0
        for similarities in self.by_image(batches):
            total = total + similarities.sum(axis=0)
            count += len(similarities)
        return total / count
