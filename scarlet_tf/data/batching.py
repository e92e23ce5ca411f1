"""How batches leave a pipeline: in order, ahead of time, and with their number known."""

import os
from collections.abc import Callable

import tensorflow as tf


def in_parallel(elements: tf.data.Dataset, function: Callable, most: int | None = None) -> tf.data.Dataset:
    """What `function` makes of each of `elements`, in their order: on all cores at once, or `most` at once."""
    cores = os.cpu_count()
    return elements.map(function, num_parallel_calls=min(cores, most or cores), deterministic=True)


def ahead(batches: tf.data.Dataset) -> tf.data.Dataset:
    """The same batches, prefetched.

    Nothing is tuned while they are used: with tuning, whoever drops an iterator may wait as long again as it was in
    use, up to a minute, for the thread that tunes does not always see that it is cancelled before it sleeps
    (TensorFlow 2.21, `RootDataset` in `tensorflow/core/data/root_dataset.cc`).
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options).prefetch(tf.data.AUTOTUNE)  # grows by itself while the reader waits


def in_order(batches: tf.data.Dataset, num_steps: int | None) -> tf.data.Dataset:
    """The same batches, prefetched; with `num_steps` as their cardinality, or infinite where that is None."""
    cardinality = tf.data.INFINITE_CARDINALITY if num_steps is None else num_steps
    batches = batches.apply(tf.data.experimental.assert_cardinality(cardinality))
    options = tf.data.Options()
    options.deterministic = True
    # A batch is global: under tf.distribute, workers share it out instead of sharing out files.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return ahead(batches.with_options(options))
