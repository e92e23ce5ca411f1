"""A training step of one sampled path, after which nothing off the path has changed.

The gradient of `tf.switch_case` is zeros for what was not run, and momentum or weight decay would then still move it.
Here the branch that was run computes its own gradients, and a branch applies them: other weights, their optimizer slots
and batch norm statistics are not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.nets.blocks import InvertedBottleneck
from scarlet_tf.nets.branches import Branches, handed
from scarlet_tf.nets.conv_bn import downsampled
from scarlet_tf.nets.cut import Cut
from scarlet_tf.nets.gradients import has_accelerator
from scarlet_tf.nets.packages import PACKAGE, packed, unpacked
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
    """One choice of a slot: its training pass in parts, and how what the pass changes lies in a vector."""

    def __init__(
        self, layer: keras.layers.Layer, x: tf.TensorSpec, upstream: tf.TensorSpec, shortcut: bool, rematerialize: bool
    ) -> None:
        self.weights, self.statistics = layer.trainable_weights, layer.non_trainable_weights
        self.sizes = [int(np.prod(variable.shape)) for variable in self.weights + self.statistics]
        self.rematerialize = rematerialize

        def training_pass(x: tf.Tensor, shortcut_on: tf.Tensor, upstream: tf.Tensor) -> tuple:
            options = {} if isinstance(layer, Stabilizer) else {"training": True}
            if isinstance(layer, InvertedBottleneck):
                options["shortcut"] = shortcut_on if shortcut else False
            with keras.StatelessScope() as scope, tf.GradientTape() as tape:
                tape.watch(x)
                output = layer(x, **options)
            weights = [weight.value for weight in self.weights]
            of_input, *changes = tape.gradient(output, [x, *weights], upstream)
            return output, of_input, changes + [scope.get_current_value(statistic) for statistic in self.statistics]

        self.cut = Cut(training_pass, [x, tf.TensorSpec([], tf.bool)], upstream)

    def forward(self, x: tf.Tensor, shortcut: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The output, and what is kept for the gradient: with `rematerialize` a number that means nothing."""
        if self.rematerialize:
            return self.cut.forward(x, shortcut), tf.zeros([])
        return self.cut.forward_keeping(x, shortcut)

    def backward(
        self, x: tf.Tensor, shortcut: tf.Tensor, upstream: tf.Tensor, kept: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The gradient of x, and the changes: the gradients of the weights, then the next statistics."""
        return self.cut.backward(x, shortcut, upstream, kept=None if self.rematerialize else kept)

    def update(self, changes: list[tf.Tensor], optimizer: keras.optimizers.Optimizer, rate: tf.Tensor) -> None:
        """Moves the weights by their gradients, and sets the statistics."""
        for variable, change in zip(self.weights + self.statistics, changes, strict=True):
            if variable.trainable:
                optimizer.update_step(change, variable.value, rate)
            else:  # by its handle: assign would ask the other replicas, which a branch cannot
                tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=change)


class _SlotFunctions:
    """What a step does at a slot past its entry, of which it runs one choice, and changes nothing else.

    Traced for one slot; a call with the `states_of` another one that is alike works on the weights of that.
    """

    def __init__(self, block: ChoiceBlock, x: tf.TensorSpec, supernet: Supernet) -> None:
        row = block.space.slots[block.slot]
        y = tf.TensorSpec(downsampled(x.shape, 1 if row.entry else row.stride, row.filters), x.dtype)
        self._candidates = [
            _Candidate(candidate, x, y, not block.starts_stage, supernet.rematerialize)
            for candidate in block.candidates
        ]
        self.size = max(sum(candidate.sizes) for candidate in self._candidates)
        self._replicas = tf.distribute.get_strategy().num_replicas_in_sync
        # what replicas add up, or XLA is to know, cannot be a package
        self._in_vectors = self._replicas > 1 or supernet.rematerialize
        self._optimizer, self._states = supernet.optimizer, _states(block, supernet.optimizer)
        self._in_packages = not supernet.rematerialize and not has_accelerator()
        self._forward_inputs = [x, tf.TensorSpec([], tf.bool)]
        kept = tf.TensorSpec([], tf.float32) if supernet.rematerialize else PACKAGE
        self._backward_inputs = [*self._forward_inputs, y, kept]
        changes = tf.TensorSpec([self.size], x.dtype) if self._in_vectors else PACKAGE
        self._update_inputs = [changes, tf.TensorSpec([], supernet.optimizer.learning_rate.dtype)]

    def states_of(self, block: ChoiceBlock) -> list[tf.Tensor]:
        """What a call takes to work on the weights of `block`."""
        return handed(_states(block, self._optimizer), self._in_packages)

    def _branches(self, branch: Callable, signature: list[tf.TensorSpec]) -> Branches:
        functions = [partial(branch, candidate) for candidate in self._candidates]
        return Branches(functions, signature, self._states, self._in_packages)

    @cached_property
    def forward(self) -> Branches:
        """Of (x, shortcut): the output, and what is kept for the gradient."""
        return self._branches(_Candidate.forward, self._forward_inputs)

    @cached_property
    def backward(self) -> Branches:
        """Of (x, shortcut, upstream, kept): the gradient of x, and what `update` takes."""

        def branch(candidate: _Candidate, *values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            of_input, changes = candidate.backward(*values)
            return of_input, self._as_one(candidate, changes)

        return self._branches(branch, self._backward_inputs)

    def _as_one(self, candidate: _Candidate, changes: list[tf.Tensor]) -> tf.Tensor:
        """A package of changes; or what of them adds up over the replicas, with zeros at the end, (size,)."""
        if not self._in_vectors:
            return packed(changes)
        num_weights = len(candidate.weights)
        changes[num_weights:] = [statistic / self._replicas for statistic in changes[num_weights:]]
        rest = tf.zeros([self.size - sum(candidate.sizes)], self._update_inputs[0].dtype)
        return tf.concat([*(tf.reshape(change, [-1]) for change in changes), rest], 0)

    @cached_property
    def update(self) -> Branches:
        """Of (changes, rate): nothing; it moves the weights by their gradients, and sets the statistics.

        No other slot waits for it.
        """

        def branch(candidate: _Candidate, changes: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
            variables = candidate.weights + candidate.statistics
            if self._in_vectors:
                *parts, _ = tf.split(changes, [*candidate.sizes, self.size - sum(candidate.sizes)])
                parts = [tf.reshape(part, variable.shape) for variable, part in zip(variables, parts, strict=True)]
            else:
                parts = unpacked(changes, [variable.value for variable in variables])
            candidate.update(parts, self._optimizer, rate)
            return tf.constant(0)

        return self._branches(branch, self._update_inputs)


class _EntryPass:
    """The training pass of a slot's entry, which is on every path, and keeps what its gradient reads."""

    def __init__(self, entry: keras.layers.Layer, x: tf.Tensor) -> None:
        self._x, self._weights = x, entry.trainable_weights
        with tf.GradientTape() as self._tape:
            self._tape.watch(x)
            self.output = entry(x, training=True)

    def backward(self, upstream: tf.Tensor) -> tuple[tf.Tensor, list[tuple[tf.Tensor, keras.Variable]]]:
        """The gradient of x, and those of the weights, each with its weight."""
        sources = [self._x, *(weight.value for weight in self._weights)]
        of_input, *of_weights = self._tape.gradient(self.output, sources, upstream)
        return of_input, list(zip(of_weights, self._weights, strict=True))


def _states(block: ChoiceBlock, optimizer: keras.optimizers.Optimizer) -> list[list[tf.Tensor]]:
    """The handles of each candidate's weights and of what the optimizer keeps of them, in an order that is the same for
    slots alike."""

    def kept_of(layer: keras.layers.Layer, variables: Sequence[keras.Variable]) -> list[keras.Variable]:
        prefix = layer.path.replace("/", "_") + "_"
        return [variable for variable in variables if prefix in variable.path]

    of_slot = kept_of(block, optimizer.variables)
    return [
        [variable.value.handle for variable in candidate.weights + kept_of(candidate, of_slot)]
        for candidate in block.candidates
    ]


def _likeness(block: ChoiceBlock, x: tf.Tensor) -> tuple:
    """Equal for slots at which a step does the same."""
    trained = tuple(candidate.trainable for candidate in block.candidates)
    return tuple(x.shape), block.space.rows[block.slot], block.starts_stage, trained


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
    functions, passes = {}, []
    block_seen = tf.constant(False)
    entries = {}
    for index, block in enumerate(supernet.slots):
        if block.starts_stage:
            block_seen = tf.constant(False)
        if block.entry is not None:
            entries[index] = _EntryPass(block.entry, x)
            x = entries[index].output
        likeness = _likeness(block, x)
        if likeness not in functions:
            functions[likeness] = _SlotFunctions(block, tf.TensorSpec(x.shape, x.dtype), supernet)
        slot = functions[likeness]
        at = {"index": path[index], "states": slot.states_of(block)}
        y, kept = slot.forward(x, block_seen, **at)
        passes.append((slot, at, x, block_seen, kept))
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
    rate = tf.identity(optimizer.learning_rate)
    changes, entry_gradients = [], []
    for index in reversed(range(len(passes))):
        slot, at, x, shortcut, kept = passes[index]
        upstream, change = slot.backward(x, shortcut, upstream, kept, **at)
        changes.append(change)
        if index in entries:
            upstream, gradients = entries[index].backward(upstream)
            entry_gradients += gradients
    if replicas > 1:
        together = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.concat(changes, 0))
        changes = tf.split(together, [slot.size for slot, *_ in reversed(passes)])
    for (slot, at, *_), change in zip(reversed(passes), changes, strict=True):
        slot.update(change, rate, **at)
    stem_gradients = stem_tape.gradient(stem_output, [weight.value for weight in stem_weights], upstream)
    gradients = zip(stem_gradients + head_gradients, stem_weights + head_weights, strict=True)
    optimizer.apply_gradients([*gradients, *entry_gradients])
    return loss, logits
