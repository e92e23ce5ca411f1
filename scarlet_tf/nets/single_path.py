"""A training step of one sampled path, after which nothing off the path has changed.

The gradient of `tf.switch_case` is zeros for what was not run, and momentum or weight decay would then still move it.
Here the branch that was run computes its own gradients, and a branch applies them: other weights, their optimizer slots
and batch norm statistics are not touched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.nets.blocks import InvertedBottleneck
from scarlet_tf.nets.conv_bn import downsampled
from scarlet_tf.nets.cut import cut
from scarlet_tf.nets.stabilizer import Stabilizer

if TYPE_CHECKING:
    from scarlet_tf.nets.choice_block import ChoiceBlock
    from scarlet_tf.nets.supernet import Supernet


def single_path(seed: int, step: int | tf.Tensor, num_slots: int, num_choices: int) -> tf.Tensor:
    """The path of one step: (num_slots,) int32, each choice uniform (SPOS, arXiv 1904.00420; paper Eq. 1).

    A pure function of (seed, step): the same on every replica and device, with and without XLA, and after a resume.
    """
    key = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
    return tf.random.stateless_uniform([num_slots], key, 0, num_choices, tf.int32, alg="philox")


@tf.function(autograph=False)
def single_paths(seed: int, steps: int, num_slots: int, num_choices: int) -> tf.Tensor:
    """The paths of the first `steps` steps, (steps, num_slots) int32."""
    return tf.map_fn(
        lambda step: single_path(seed, step, num_slots, num_choices),
        tf.range(steps, dtype=tf.int64),
        fn_output_signature=tf.int32,
    )


class _Candidate:
    """One choice of a slot: its training pass cut in two, and how what the pass changes lies in a vector."""

    def __init__(
        self, layer: keras.layers.Layer, x: tf.TensorSpec, upstream: tf.TensorSpec, shortcut: bool, rematerialize: bool
    ) -> None:
        self.weights, self.statistics = layer.trainable_weights, layer.non_trainable_weights
        self.sizes = [int(np.prod(variable.shape)) for variable in self.weights + self.statistics]

        def training_pass(x: tf.Tensor, shortcut_on: tf.Tensor, upstream: tf.Tensor) -> tuple:
            options = {} if isinstance(layer, Stabilizer) else {"training": True}
            if isinstance(layer, InvertedBottleneck):
                options["shortcut"] = shortcut_on if shortcut else False
            with keras.StatelessScope() as scope, tf.GradientTape() as tape:
                tape.watch(x)
                output = layer(x, **options)
            weights = [weight.value for weight in self.weights]
            gradients = tape.gradient(output, [x, *weights], upstream)
            return output, gradients + [scope.get_current_value(statistic) for statistic in self.statistics]

        inputs = [x, tf.TensorSpec([], tf.bool)]
        self.forward, self._backward = cut(training_pass, inputs, upstream, rematerialize)

    def backward(self, *values: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Gradient of the input; and gradients of the weights and next statistics, flat."""
        of_input, *changes = self._backward(*values)
        return of_input, [tf.reshape(change, [-1]) for change in changes]


class _SampledSlot:
    """A slot of which a step runs one choice, and changes nothing else."""

    def __init__(self, block: ChoiceBlock, x: tf.TensorSpec, rematerialize: bool) -> None:
        row = block.space.slots[block.slot]
        y = tf.TensorSpec(downsampled(x.shape, row.stride, row.filters), x.dtype)
        self.candidates = [
            _Candidate(candidate, x, y, not block.starts_stage, rematerialize) for candidate in block.candidates
        ]
        self.size = max(sum(candidate.sizes) for candidate in self.candidates)

    def _switch(self, choice: tf.Tensor, branch: Callable[[_Candidate], object]) -> object:
        return tf.switch_case(choice, [lambda candidate=candidate: branch(candidate) for candidate in self.candidates])

    def forward(self, choice: tf.Tensor, x: tf.Tensor, shortcut: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The output, and what `backward` needs of this pass."""
        return self._switch(choice, lambda candidate: candidate.forward(x, shortcut))

    def backward(
        self, choice: tf.Tensor, x: tf.Tensor, shortcut: tf.Tensor, upstream: tf.Tensor, kept: tf.Tensor, share: float
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Gradient of `x`, and the changes (size,): gradients of the weights, then `share` of the next statistics."""

        def branch(candidate: _Candidate) -> tuple[tf.Tensor, tf.Tensor]:
            of_input, changes = candidate.backward(x, shortcut, upstream, kept)
            num_weights = len(candidate.weights)
            changes[num_weights:] = [change * share for change in changes[num_weights:]]
            rest = tf.zeros([self.size - sum(candidate.sizes)], x.dtype)
            return of_input, tf.concat([*changes, rest], 0)

        return self._switch(choice, branch)

    def update(
        self, choice: tf.Tensor, changes: tf.Tensor, optimizer: keras.optimizers.Optimizer, rate: tf.Tensor
    ) -> None:
        """Moves the weights of the choice by their gradients, and sets its statistics."""

        def branch(candidate: _Candidate) -> tf.Tensor:
            *parts, _ = tf.split(changes, [*candidate.sizes, self.size - sum(candidate.sizes)])
            for variable, part in zip(candidate.weights + candidate.statistics, parts, strict=True):
                value = tf.reshape(part, variable.shape)
                if variable.trainable:
                    optimizer.update_step(value, variable.value, rate)
                else:  # by its handle: assign would ask the other replicas, which a branch cannot
                    tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=value)
            return tf.constant(0)

        self._switch(choice, branch)


def train_single_path(supernet: Supernet, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """One step on the path of (seed, the optimizer's step). Returns the loss and the logits (batch, num_classes).

    The replicas' gradients are added and their statistics averaged, of the path alone, in one all-reduce.
    `supernet.rematerialize` does each block's forward pass once more for its gradient, and keeps only the blocks'
    inputs; XLA cannot do without.
    """
    space, optimizer = supernet.space, supernet.optimizer
    path = single_path(supernet.seed, optimizer.iterations, space.num_slots, space.num_choices)
    stays = tf.gather(tf.constant(space.stays), path, batch_dims=1)  # (slots,)
    with tf.GradientTape() as stem_tape:
        x = stem_output = supernet.stem(images, training=True)
    passes = []
    block_seen = tf.constant(False)
    for index, block in enumerate(supernet.slots):
        if block.starts_stage:
            block_seen = tf.constant(False)
        slot = _SampledSlot(block, tf.TensorSpec(x.shape, x.dtype), supernet.rematerialize)
        y, kept = slot.forward(path[index], x, block_seen)
        passes.append((slot, path[index], x, block_seen, kept))
        x, block_seen = y, block_seen | stays[index]
    with tf.GradientTape() as head_tape:
        head_tape.watch(x)
        logits = supernet.logits(x, training=True)
        loss = supernet.compute_loss(y=labels, y_pred=logits, training=True)
        scaled = optimizer.scale_loss(loss)
    stem_weights = supernet.stem.trainable_weights
    head_weights = [weight for layer in supernet.head for weight in layer.trainable_weights]
    upstream, *head_gradients = head_tape.gradient(scaled, [x, *(weight.value for weight in head_weights)])
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    changes = []
    for slot, choice, x, shortcut, kept in reversed(passes):
        upstream, change = slot.backward(choice, x, shortcut, upstream, kept, 1 / replicas)
        changes.append(change)
    stem_gradients = stem_tape.gradient(stem_output, [weight.value for weight in stem_weights], upstream)
    if replicas > 1:
        together = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.concat(changes, 0))
        changes = tf.split(together, [slot.size for slot, *_ in reversed(passes)])
    # TensorFlow does not order what a function inside a branch reads before what a later branch writes.
    with tf.control_dependencies([upstream, *changes]):
        rate, changes = tf.identity(optimizer.learning_rate), [tf.identity(change) for change in changes]
    for (slot, choice, *_), change in zip(reversed(passes), changes, strict=True):
        slot.update(choice, change, optimizer, rate)
    gradients = zip(stem_gradients + head_gradients, stem_weights + head_weights, strict=True)
    optimizer.apply_gradients(gradients)
    return loss, logits
