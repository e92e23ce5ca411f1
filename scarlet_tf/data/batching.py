"""How batches leave a pipeline: in order, ahead of time, and with their number known."""

import tensorflow as tf


def in_order(batches: tf.data.Dataset, num_steps: int | None) -> tf.data.Dataset:
    """The same batches, prefetched; with `num_steps` as their cardinality, or infinite where that is None."""
    cardinality = tf.data.INFINITE_CARDINALITY if num_steps is None else num_steps
    batches = batches.apply(tf.data.experimental.assert_cardinality(cardinality))
    options = tf.data.Options()
    options.deterministic = True
    # A batch is global: under tf.distribute, workers share it out instead of sharing out files.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.with_options(options).prefetch(tf.data.AUTOTUNE)
