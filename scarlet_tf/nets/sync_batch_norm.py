"""Batch normalisation by the statistics of the global batch, which replicas work out together."""

import keras
import tensorflow as tf

_MARK = "synchronises_batch_norm"


def synchronise(model: keras.Model) -> None:
    """Makes the batch norms of `model` normalise, in training, by the batches of all replicas together.

    It is a setting of a training, as `trainable` is, and no part of the network: no file keeps it.
    """
    for layer in model._flatten_layers():
        setattr(layer, _MARK, True)


def replicas_of(layer: keras.layers.Layer) -> tf.distribute.ReplicaContext | None:
    """The context of the replicas that share the statistics of `layer`; None where each one is on its own."""
    context = tf.distribute.get_replica_context() if getattr(layer, _MARK, False) else None
    return context if context is not None and context.num_replicas_in_sync > 1 else None


def assign(layer: keras.layers.Layer, statistic: keras.Variable, value: tf.Tensor) -> None:
    """Sets a moving statistic of `layer`, one that replicas agree on by now or, each on its own, are to agree on."""
    if replicas_of(layer) is None or isinstance(statistic.value, tf.Tensor):  # the latter in a StatelessScope
        statistic.assign(value)
    else:  # All replicas assign the same: the variable's own assign would have them agree once more.
        tf.raw_ops.AssignVariableOp(resource=statistic.value.handle, value=value)


def batch_norm(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    moving_mean: tf.Tensor,
    epsilon: float,
    replicas: tf.distribute.ReplicaContext,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Normalises x (batch, h, w, c) of each replica, of as many rows on each. Returns the output, in the type of x, and
    mean (c,) and unbiased variance (c,) of the global batch, in the type of gamma, as the parameters are.

    One all-reduce forward and one backward. Replicas exchange how far their means are from the moving one, which all
    know: squares of the means themselves would cancel where these are large against the spread.
    """
    dtype = gamma.dtype
    count = tf.cast(tf.size(x) // tf.size(gamma) * replicas.num_replicas_in_sync, dtype)

    def total(*values: tf.Tensor) -> list[tf.Tensor]:
        return tf.unstack(replicas.all_reduce(tf.distribute.ReduceOp.SUM, tf.stack(values)))

    @tf.custom_gradient
    def normalise(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple:
        own_mean = tf.reduce_mean(tf.cast(x, dtype), [0, 1, 2])
        own_variance = tf.reduce_mean(tf.math.squared_difference(tf.cast(x, dtype), own_mean), [0, 1, 2])
        distance = own_mean - moving_mean
        distances, squares = total(distance, own_variance + tf.square(distance))
        shift = distances / replicas.num_replicas_in_sync
        mean = moving_mean + shift
        variance = tf.nn.relu(squares / replicas.num_replicas_in_sync - tf.square(shift))
        inverse = tf.math.rsqrt(variance + epsilon)

        def normal() -> tf.Tensor:
            return (tf.cast(x, dtype) - mean) * inverse

        def gradient(upstream: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            # of statistics that only move the moving ones there is none
            upstream, normalised = tf.cast(upstream, dtype), normal()
            of_beta = tf.reduce_sum(upstream, [0, 1, 2])
            of_gamma = tf.reduce_sum(upstream * normalised, [0, 1, 2])
            all_beta, all_gamma = total(of_beta, of_gamma)
            of_x = (upstream - all_beta / count - normalised * (all_gamma / count)) * (gamma * inverse)
            return tf.cast(of_x, x.dtype), of_gamma, of_beta

        unbiased = variance * (count / tf.maximum(count - 1.0, 1.0))
        return (tf.cast(normal() * gamma + beta, x.dtype), mean, unbiased), gradient

    return normalise(x, gamma, beta)
