"""Accuracy of paths of the supernet on held-out images, with what paths have in common computed once."""

import hashlib
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.arch.space import Genotype
from scarlet_tf.nets.frozen_pass import affine, moving_statistics, parameters
from scarlet_tf.nets.supernet import Supernet
from scarlet_tf.search.replica import FrozenLayers, Replica
from scarlet_tf.search.trie import Node, trie

Place = tuple[str, int]


class SupernetEvaluator:
    """Top-1 accuracy, in [0, 1], of genotypes of a supernet.

    The genotypes of a call are a trie: depth first, each distinct prefix is computed once for each batch of images, so
    that in memory are the outputs of one path. A batch goes through the same functions whoever else is asked for and
    however many replicas there are: the answers are those of each genotype alone.

    batches: (images, labels), of which each replica of the `strategy` takes one at a time, and on a CPU each of its
    cores.
    """

    def __init__(
        self,
        supernet: Supernet,
        batches: Iterable,
        calibration: Iterable | None = None,
        strategy: tf.distribute.Strategy | None = None,
        threads: int | None = None,
    ) -> None:
        self._supernet, self._batches, self._calibration = supernet, batches, calibration
        strategy = strategy or tf.distribute.get_strategy()
        frozen = FrozenLayers(supernet)
        devices = tf.config.list_logical_devices()
        device = devices[-1].name
        self._replicas = [Replica(frozen, strategy, 0, device)]
        self._threads = threads or len(os.sched_getaffinity(0))
        self._moving = {id(layer): affine(layer, moving_statistics(layer)) for layer in frozen.layers}

    def __call__(self, genotypes: Sequence[Genotype]) -> list[float]:
        """The accuracy of each genotype."""
        nodes = trie(self._supernet.space, genotypes)
        rows = {key: tf.constant(row) for key, row in self._moving.items()}
        correct = {genotype: 0 for genotype in genotypes}
        total = 0

        def task(batch):
            images, labels = batch
            counts = {}
            replica = self._replicas[0]
            def leaf(genotype, logits):
                counts[genotype] = int(tf.math.count_nonzero(tf.argmax(logits, -1, output_type=tf.int32) == labels))
            with tf.device(replica.device):
                self._walk(replica, images, nodes, rows, leaf)
            return counts, len(labels)
        with ThreadPoolExecutor(self._threads) as pool:
            for counts, n in pool.map(task, self._batches):
                total += n
                for g, c in counts.items(): correct[g] += c
        return [correct[g] / total for g in genotypes]

    def logits(self, genotypes, images):
        out = {}
        rows = {key: tf.constant(row) for key, row in self._moving.items()}
        self._walk(self._replicas[0], images, trie(self._supernet.space, genotypes), rows, lambda g, l: out.__setitem__(g, l.numpy()))
        return [out[g] for g in genotypes]

    def _walk(self, replica, images, nodes, rows, leaf):
        s = self._supernet
        x, _ = replica.run(s.stem, images, rows[id(s.stem)])
        def descend(x, nodes):
            for node in nodes:
                layer = s.slots[node.slot].candidates[node.choice]
                y, _ = replica.run(layer, x, rows[id(layer)], node.shortcut)
                if node.leaf is None: descend(y, node.children)
                else:
                    f, _ = replica.run(s.head[0], y, rows[id(s.head[0])])
                    leaf(node.leaf, replica.logits(f))
        descend(x, nodes)
