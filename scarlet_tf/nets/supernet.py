"""The weight-sharing supernet and its training steps."""

import functools
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.arch.space import Genotype, SearchSpace
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.nets.blocks import HeadConv
from scarlet_tf.nets.choice_block import ChoiceBlock
from scarlet_tf.nets.rematerialization import Pass, rematerialized
from scarlet_tf.nets.single_path import train_single_path
from scarlet_tf.nets.stabilizer import STABILIZERS
from scarlet_tf.nets.standalone import head_layers, stem_layer
from scarlet_tf.nets.variables import of_one_name

METHODS = ("fair", "spos")
"""How a supernet is trained: all choices in every step, or one sampled path a step."""


def fair_permutations(seed: int, step: int | tf.Tensor, num_slots: int, num_choices: int) -> tf.Tensor:
    """Which stream each choice reads in one fair step: (num_slots, num_choices) int32, a permutation a row.

    A pure function of (seed, step): the same on every replica and device, with and without XLA, and after a resume.
    """
    key = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
    shape = [num_slots, num_choices]
    # Integers: XLA rounds uniform floats differently, and they then sort differently.
    draws = tf.random.stateless_uniform(shape, key, minval=None, maxval=None, dtype=tf.int64, alg="philox")
    return tf.argsort(draws, axis=-1, stable=True)


def fair_paths(permutations: np.ndarray) -> list[Genotype]:
    """The paths that a fair step with `permutations` (slots, choices) trains, stream by stream.

    In every slot each choice is on exactly one of them. The first row plays no part: all streams hold the stem there.
    """
    num_choices = len(permutations[0])
    paths = [(choice,) for choice in range(num_choices)]
    for reads in permutations[1:]:
        paths = [paths[int(reads[choice])] + (choice,) for choice in range(num_choices)]
    return paths


def _share(x: tf.Tensor, num_streams: int) -> tuple[tf.Tensor, ...]:
    """`x` as each stream. The gradients are added in the order of the streams, however these are run."""
    return tf.custom_gradient(lambda x: ((x,) * num_streams, lambda *upstream: tf.add_n(upstream)))(x)


@tf.custom_gradient
def _permute(order: tf.Tensor, inverse: tf.Tensor, *streams: tf.Tensor) -> tuple:
    """Stream o becomes stream order[o]. The gradient goes back by the inverse, where tf.gather's would scatter."""

    def gather(indices: tf.Tensor, tensors: tuple) -> tuple:
        stacked = tf.stack(tensors)
        return tuple(tf.gather(stacked, index) for index in tf.unstack(indices, len(tensors)))

    return gather(order, streams), lambda *upstream: (None, None, *gather(inverse, upstream))


@keras.saving.register_keras_serializable("scarlet_tf")
class Supernet(keras.Model):
    """Every network of a search space in one, with shared weights.

    `supernet(images, path=genotype, training=False)` gives the logits (batch, num_classes) of one path; images are
    (batch, image_size, image_size, 3). A path given as a tensor of choices is decided at run time by `tf.switch_case`,
    one traced graph for all paths; given as a sequence of ints it is traced on its own.

    By the `method` "fair", `train_step` is strictly fair (FairNAS, arXiv 1907.01845; paper Eq. 2): one step trains as
    many paths as there are choices, which together use every choice of every slot exactly once, on the same images,
    with one update from their mean loss. So each block runs exactly once a step, in a static graph: at slot l, choice o
    reads stream permutation[l, o], and its output becomes stream o.

    By "spos" (arXiv 1904.00420; paper Eq. 1) it trains one path, drawn uniformly, and changes nothing off that path:
    weights, batch norm statistics and what the optimizer keeps of them.

    `rematerialize` does each block's forward pass once more for its gradient, to keep only the blocks' inputs in
    memory; for "spos" XLA, and so a TPU, needs that. With it `streams_at_once`, unless 0, is how many choices of a slot
    a fair step computes at a time. Neither changes what a step does.
    """

    def __init__(
        self,
        space: SearchSpace | dict | str,
        image_size: int = 224,
        num_classes: int = 1000,
        stabilizer: str = "els",
        seed: int = 0,
        method: str = "fair",
        rematerialize: bool = False,
        streams_at_once: int = 0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(space, str):
            space = get_space(space)
        self.space = space if isinstance(space, SearchSpace) else SearchSpace.from_dict(space)
        if image_size < self.space.min_image_size:
            raise ValueError(
                f"image_size must be at least {self.space.min_image_size}, the product of the strides of "
                f"{self.space.name}. Received: {image_size}."
            )
        if stabilizer not in STABILIZERS:
            raise ValueError(f"stabilizer must be one of {STABILIZERS}. Received: {stabilizer!r}.")
        self.image_size, self.num_classes = image_size, num_classes
        if method not in METHODS:
            raise ValueError(f"method must be one of {METHODS}. Received: {method!r}.")
        self.stabilizer, self.seed = stabilizer, seed
        if streams_at_once and (method != "fair" or not rematerialize):
            raise ValueError(
                "streams_at_once is for the method 'fair' with rematerialize. Received: "
                f"streams_at_once={streams_at_once}, method={method!r}, rematerialize={rematerialize}."
            )
        if not 0 <= streams_at_once <= self.space.num_choices:
            raise ValueError(
                f"streams_at_once must be at least 0 and at most {self.space.num_choices}, the choices of "
                f"{self.space.name}. Received: {streams_at_once}."
            )
        self.method, self.rematerialize, self.streams_at_once = method, rematerialize, streams_at_once
        self.stem = stem_layer(self.space.stem)
        self.slots = [
            ChoiceBlock(self.space, slot, stabilizer, name=f"slot_{slot}") for slot in range(self.space.num_slots)
        ]
        self.head = head_layers(self.space.head, num_classes, dropout=0.0)
        self.build((None, image_size, image_size, 3))

    @of_one_name()
    def build(self, input_shape: tuple) -> None:
        self.stem.build(input_shape)
        for slot, channels in zip(self.slots, self.space.in_channels, strict=True):
            slot.build((None, None, None, channels))
        *convs, pool, dropout, dense = self.head
        channels = self.space.slots[-1].filters
        for conv in convs:
            conv.build((None, None, None, channels))
            channels = self.space.head.filters
        pool.build((None, None, None, channels))
        dropout.build((None, channels))
        dense.build((None, channels))
        self.built = True

    @property
    def head_conv(self) -> HeadConv | None:
        """The convolution before the pooling, where the space has one."""
        return self.head[0] if self.space.head.filters else None

    def logits(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        *convs, pool, dropout, dense = self.head
        for conv in convs:
            x = conv(x, training=training)
        return dense(dropout(pool(x), training=training))

    def call(self, images: tf.Tensor, path: Sequence[int] | tf.Tensor, training: bool = False) -> tf.Tensor:
        static = tf.get_static_value(path) if tf.is_tensor(path) else path
        if static is not None:
            choices = self.space.check(static)
            stays = [stays[choice] for stays, choice in zip(self.space.stays, choices, strict=True)]
        else:
            choices = tf.unstack(path, self.space.num_slots)
            stays = tf.unstack(tf.gather(tf.constant(self.space.stays), path, batch_dims=1), self.space.num_slots)
        x = self.stem(images, training=training)
        block_seen = False
        for block, choice, real in zip(self.slots, choices, stays, strict=True):
            block_seen = False if block.starts_stage else block_seen
            x = block(x, choice=choice, shortcut=block_seen, training=training)
            block_seen = real if block_seen is False else block_seen | real
        return self.logits(x, training)

    def fair_forward(self, images: tf.Tensor, permutations: tf.Tensor, training: bool = True) -> tuple[tf.Tensor, ...]:
        """Logits (batch, num_classes) of each stream; `fair_paths(permutations)` says which path each took."""
        num_choices = self.space.num_choices
        inverses = tf.argsort(permutations, axis=-1)
        streams = _share(self.stem(images, training=training), num_choices)
        block_seen = tf.zeros([num_choices], tf.bool)
        for slot, block in enumerate(self.slots):
            if slot > 0:
                streams = _permute(permutations[slot], inverses[slot], *streams)
                block_seen = tf.gather(block_seen, permutations[slot])
            if block.starts_stage:
                block_seen = tf.zeros([num_choices], tf.bool)
            shortcuts = tf.unstack(block_seen, num_choices)
            passes = [
                Pass(
                    functools.partial(block, choice=index, shortcut=shortcuts[index], training=training),
                    block.layers_of(index),
                )
                for index in range(num_choices)
            ]
            streams = self._run(passes, streams, training)
            block_seen |= tf.constant(self.space.stays[slot])
        heads = [Pass(functools.partial(self.logits, training=training), self.head)] * num_choices
        return self._run(heads, streams, training)

    def _run(self, passes: list[Pass], streams: tuple[tf.Tensor, ...], training: bool) -> tuple[tf.Tensor, ...]:
        if self.rematerialize and training:
            return rematerialized(passes, streams, self.streams_at_once)
        return tuple(each.call(stream) for each, stream in zip(passes, streams, strict=True))

    def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict:
        """One step on (images, labels). What it samples depends on the seed and the optimizer's step alone."""
        images, labels = data
        if self.method == "spos":
            loss, logits = train_single_path(self, images, labels)
        else:
            labels = tf.tile(labels, [self.space.num_choices])  # (streams * batch,)
            loss, logits = self._train_fairly(images, labels)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync  # by which Keras has divided the loss
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss * replicas)
            else:
                metric.update_state(labels, logits)
        return {metric.name: metric.result() for metric in self.metrics}

    def _train_fairly(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        num_choices = self.space.num_choices
        permutations = fair_permutations(self.seed, self.optimizer.iterations, self.space.num_slots, num_choices)
        with tf.GradientTape() as tape:
            logits = tf.concat(self.fair_forward(images, permutations), axis=0)
            loss = self.compute_loss(y=labels, y_pred=logits, training=True)
            scaled = self.optimizer.scale_loss(loss)
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(scaled, weights), weights, strict=True))
        return loss, logits

    def get_config(self) -> dict:
        return {
            "name": self.name,
            "space": self.space.to_dict(),
            "image_size": self.image_size,
            "num_classes": self.num_classes,
            "stabilizer": self.stabilizer,
            "seed": self.seed,
            "method": self.method,
            "rematerialize": self.rematerialize,
            "streams_at_once": self.streams_at_once,
        }


def build_supernet(
    space: SearchSpace | str,
    image_size: int = 224,
    num_classes: int = 1000,
    stabilizer: str = "els",
    seed: int = 0,
    method: str = "fair",
    rematerialize: bool = False,
    streams_at_once: int = 0,
) -> Supernet:
    """A freshly initialised supernet over `space` (a SearchSpace, a name or a .json file).

    Raises ValueError where the image is smaller than the product of the strides or another argument is out of range.
    """
    return Supernet(space, image_size, num_classes, stabilizer, seed, method, rematerialize, streams_at_once)
