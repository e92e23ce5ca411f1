"""The order of training: which examples a step takes, as a pure function of (seed, step)."""

import tensorflow as tf

_ORDER, _AUGMENTATION = 0, 1  # streams of randomness that never share a key


def _key(seed: int, stream: int, position: tf.Tensor) -> tf.Tensor:
    # Python integers may exceed int64; what is left of them is still a pure function of the seed.
    base = tf.constant([seed % 2**63, stream], tf.int64)
    return tf.random.fold_in(base, position)


def epoch_key(seed: int, epoch: tf.Tensor) -> tf.Tensor:
    """The key, for tf.random.stateless_* ops, of the order of an epoch. Shape (2,)."""
    return _key(seed, _ORDER, epoch)


def augmentation_key(seed: int, position: tf.Tensor) -> tf.Tensor:
    """The key of the augmentation at a position (a step, or an example counted from step 0). Shape (2,)."""
    return _key(seed, _AUGMENTATION, position)


def permutation(count: int, key: tf.Tensor) -> tf.Tensor:
    """A permutation of range(count), as a pure function of `key`. int32 (count,)."""
    draws = tf.random.stateless_uniform((count,), key, minval=None, maxval=None, dtype=tf.int64)
    return tf.argsort(draws, stable=True)


def training_steps(
    num_examples: int, batch_size: int, seed: int, start_step: int, num_steps: int | None
) -> tf.data.Dataset:
    """From `start_step` on, `(step, indices)`: int64 () and int32 (batch,). An epoch is a new permutation."""
    steps_per_epoch = num_examples // batch_size

    def steps_of(epoch: tf.Tensor) -> tf.data.Dataset:
        indices = permutation(num_examples, epoch_key(seed, epoch))[: steps_per_epoch * batch_size]
        first = epoch * steps_per_epoch
        done = tf.maximum(start_step - first, 0)
        steps = first + tf.range(steps_per_epoch, dtype=tf.int64)
        rows = tf.reshape(indices, (steps_per_epoch, batch_size))
        return tf.data.Dataset.from_tensor_slices((steps[done:], rows[done:]))

    epochs = tf.data.Dataset.range(start_step // steps_per_epoch, tf.int64.max)
    steps = epochs.flat_map(steps_of)
    return steps if num_steps is None else steps.take(num_steps)
