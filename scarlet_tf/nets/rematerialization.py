"""Passes through layers, side by side, that keep only their inputs and run once more for their gradients."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

from scarlet_tf.nets import sync_batch_norm


@dataclass(frozen=True)
class Pass:
    """A training pass of one input: `call(x)`, in which `layers` read their weights and move their statistics."""

    call: Callable[[tf.Tensor], tf.Tensor]
    layers: Sequence[keras.layers.Layer]

    @property
    def trainable(self) -> list[keras.Variable]:
        return [weight for layer in self.layers for weight in layer.trainable_weights]

    @property
    def statistics(self) -> list[keras.Variable]:
        return [weight for layer in self.layers for weight in layer.non_trainable_weights]

    def run(self, x: tf.Tensor, weights: Sequence[tf.Tensor], statistics: Sequence[tf.Tensor]) -> tuple:
        """The output and the next statistics, with these values of the variables, none of which is read or set."""
        values = zip(self.trainable + self.statistics, (*weights, *statistics), strict=True)
        with keras.StatelessScope(values) as scope:
            output = self.call(x)
        return output, [scope.get_current_value(variable) for variable in self.statistics]

    def set_statistics(self, values: Sequence[tf.Tensor]) -> None:
        owners = [layer for layer in self.layers for _ in layer.non_trainable_weights]
        for layer, statistic, value in zip(owners, self.statistics, values, strict=True):
            sync_batch_norm.assign(layer, statistic, value)


def _after(x: tf.Tensor, values: Sequence[tf.Tensor]) -> tf.Tensor:
    """`x`, to be had only after `values`.

    XLA drops control dependencies, and would merge a second forward pass with the first. So x also gets a zero that
    only the first value gives; where that is not a number, all is lost anyway.
    """
    with tf.control_dependencies(values):
        return x + tf.cast(tf.math.is_nan(tf.reshape(values[0], [-1])[0]), x.dtype)


def rematerialized(passes: Sequence[Pass], inputs: Sequence[tf.Tensor], at_once: int = 0) -> tuple[tf.Tensor, ...]:
    """The output of each pass on its input: values, gradients and statistics are those of `call` on each, bit by bit.

    Between the forward and the backward pass only `inputs` are kept. Both run `at_once` of the passes at a time, 0 for
    all, so that of what lies inside them only so much is in memory. XLA takes them in an order of its own.
    """
    at_once = at_once or len(passes)
    groups = [range(len(passes))[first : first + at_once] for first in range(0, len(passes), at_once)]
    weights = [[tf.convert_to_tensor(weight.value) for weight in run.trainable] for run in passes]

    @tf.custom_gradient
    def forward(*arguments: tf.Tensor) -> tuple:
        inputs, *weights = tf.nest.pack_sequence_as(structure, arguments)
        outputs, statistics, done = [], [], []
        for group in groups:
            for index in group:
                # read here, before the pass moves them and after an earlier pass of the same layers has
                statistics.append([tf.convert_to_tensor(value.value) for value in passes[index].statistics])
                x = _after(inputs[index], done) if done else inputs[index]
                output, moved = passes[index].run(x, weights[index], statistics[index])
                passes[index].set_statistics(moved)
                outputs.append(output)
            done = outputs[group.start :]

        def gradient(*upstream: tf.Tensor) -> list[tf.Tensor]:
            of_inputs, of_weights, done = [], [], []
            for group in groups:
                for index in group:
                    x = _after(inputs[index], [upstream[index], *done])
                    with tf.GradientTape() as tape:
                        tape.watch([x, *weights[index]])
                        output, _ = passes[index].run(x, weights[index], statistics[index])
                    of_input, *of_own = tape.gradient(output, [x, *weights[index]], upstream[index])
                    of_inputs.append(of_input)
                    of_weights.append(of_own)
                done = tf.nest.flatten([of_inputs[group.start :], of_weights[group.start :]])
            return tf.nest.flatten([of_inputs, of_weights])

        return tuple(outputs), gradient

    structure = [list(inputs), *weights]
    return forward(*tf.nest.flatten(structure))
