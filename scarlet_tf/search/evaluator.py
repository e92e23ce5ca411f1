"""Accuracy of paths of the supernet on held-out images, with what paths have in common computed once."""

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.arch.space import Genotype
from scarlet_tf.nets.frozen_pass import folded, moving_statistics, parameters
from scarlet_tf.nets.supernet import Supernet
from scarlet_tf.search.replica import CompiledLayers, Replica, layers_of
from scarlet_tf.search.trie import Node, trie

BATCH_NORMS = ("moving", "batch", "recalibrate")
"""Whose statistics batch norms use: those gathered in training, of each batch, of the path on calibration images."""

Place = Node | tuple[Node, ...] | Genotype | None
"""Where in a trie a layer stands: a choice at its node, an entry at the nodes that read it, the head at the genotype,
the stem at None."""
Rows = Callable[[Place, keras.layers.Layer], np.ndarray]
Batch = tuple[tf.Tensor, tf.Tensor]
_NO_CLASS = -1


class _Stopped(Exception):
    """Another batch failed, or the program is to end."""


class SupernetEvaluator:
    """Top-1 accuracy, in [0, 1], of genotypes of a supernet.

    The genotypes of a call are a trie: depth first, each distinct prefix is computed once for each batch of images, so
    that the outputs of one path are in memory. A batch goes through the same functions whoever else is asked for and
    wherever it is computed: each answer is that of its genotype alone, on a CPU bit by bit.

    batches: (images, labels), passed over once a call. Each replica of `strategy` (by default a GPU, else the CPU)
    takes one at a time, and on a CPU each of its `threads`, by default as many as there are cores. Each size of a batch
    has to be compiled; a smaller last one is filled up.

    bn: one of BATCH_NORMS. For "recalibrate" the statistics of a path are a mean over those of the `calibration`
    batches, (images, labels), each of which is normalised by its own on the way (and variances are unbiased, as moving
    ones are). They too depend on prefixes alone, and are measured once for each.

    Weights are those of the last `freeze`.
    """

    def __init__(
        self,
        supernet: Supernet,
        batches: Iterable[Batch],
        bn: str = "moving",
        calibration: Iterable[Batch] = (),
        strategy: tf.distribute.Strategy | None = None,
        threads: int | None = None,
    ) -> None:
        if bn not in BATCH_NORMS:
            raise ValueError(f"bn must be one of {BATCH_NORMS}. Received: {bn!r}.")
        self._supernet, self._batches = supernet, batches
        self._bn, self._calibration = bn, calibration
        has_gpu = bool(tf.config.list_logical_devices("GPU"))
        self._strategy = strategy or tf.distribute.OneDeviceStrategy("/gpu:0" if has_gpu else "/cpu:0")
        self._compiled = CompiledLayers()
        self._threads = threads or len(os.sched_getaffinity(0))
        self.freeze()

    def freeze(self) -> None:
        """Takes the weights that the supernet has now."""
        devices = self._strategy.extended.worker_devices
        on_cpu = "CPU" in devices[0].upper()
        threads_of_each = max(1, self._threads // len(devices)) if on_cpu else 1
        replicas = [
            Replica(self._supernet, self._compiled, self._strategy, index, device)
            for index, device in enumerate(devices)
        ]
        self._replicas = replicas * threads_of_each
        self._parameters = {id(layer): parameters(layer) for layer in layers_of(self._supernet)}
        self._moving = {id(layer): self._folded(layer, moving_statistics(layer)) for layer in layers_of(self._supernet)}

    def _folded(self, layer: keras.layers.Layer, statistics: np.ndarray) -> np.ndarray:
        return folded(layer, self._parameters[id(layer)], statistics).astype(np.float32)

    def __call__(self, genotypes: Sequence[Genotype]) -> list[float]:
        """The accuracy of each genotype."""
        correct, total = self.count_correct(genotypes)
        if total == 0:
            raise ValueError("batches must hold at least one image. Received: none.")
        return [count / total for count in correct]

    def count_correct(self, genotypes: Sequence[Genotype]) -> tuple[list[int], int]:
        """How many images get their label from each genotype, and of how many."""
        genotypes = list(map(self._supernet.space.check, genotypes))
        nodes = trie(self._supernet.space, genotypes)
        count = partial(self._count, nodes=nodes, rows=self._rows(nodes))
        correct, total = dict.fromkeys(genotypes, 0), 0
        for counts, images in self._over(self._filled_up(self._batches), count):
            total += images
            for genotype, number in counts.items():
                correct[genotype] += number
        return [correct[genotype] for genotype in genotypes], total

    def logits(self, genotypes: Sequence[Genotype], images: tf.Tensor) -> np.ndarray:
        """(genotypes, batch, num_classes), of images (batch, h, w, 3)."""
        genotypes = list(map(self._supernet.space.check, genotypes))
        nodes = trie(self._supernet.space, genotypes)
        found: dict[Genotype, np.ndarray] = {}
        rows = self._rows(nodes)

        def keep(replica: Replica, images: tf.Tensor) -> None:
            for leaf, logits in self._walk(replica, images, nodes, rows, self._bn == "batch"):
                found[leaf] = logits.numpy()

        list(self._over([images], keep))
        return np.stack([found[genotype] for genotype in genotypes])

    def _filled_up(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """`batches`, a smaller one with images of no class, unless batch norms would see them."""
        size = None
        for images, labels in batches:
            size = size or len(images)
            missing = 0 if self._bn == "batch" else size - len(images)
            if missing > 0:
                images = tf.pad(images, [[0, missing], [0, 0], [0, 0], [0, 0]])
                labels = tf.pad(labels, [[0, missing]], constant_values=_NO_CLASS)
            yield images, labels

    def _count(self, replica: Replica, batch: Batch, nodes: Sequence[Node], rows: Rows) -> tuple[dict, int]:
        images, labels = batch
        counts = {}
        for leaf, logits in self._walk(replica, images, nodes, rows, self._bn == "batch"):
            counts[leaf] = tf.math.count_nonzero(tf.argmax(logits, -1, tf.int32) == labels)
        return {leaf: int(number) for leaf, number in counts.items()}, int(np.sum(np.asarray(labels) != _NO_CLASS))

    def _rows(self, nodes: Sequence[Node]) -> Rows:
        """How batch norms are folded at each place."""
        if self._bn == "moving":
            return lambda place, layer: self._moving[id(layer)]
        if self._bn == "batch":
            return self._parameters_of
        sums, batches = {}, 0
        for measured in self._over(self._calibration, partial(self._measure, nodes=nodes)):
            batches += 1
            for place, (layer, statistics) in measured.items():  # in the order of batches, whoever was first
                sums[place] = layer, sums[place][1] + statistics if place in sums else statistics
        if batches == 0:
            raise ValueError("bn 'recalibrate' needs calibration batches. Received: none.")
        table = {place: self._folded(layer, total / batches) for place, (layer, total) in sums.items()}
        return lambda place, layer: table[place]

    def _parameters_of(self, place: Place, layer: keras.layers.Layer) -> np.ndarray:
        return self._parameters[id(layer)].astype(np.float32)

    def _measure(
        self, replica: Replica, batch: Batch, nodes: Sequence[Node]
    ) -> dict[Place, tuple[keras.layers.Layer, np.ndarray]]:
        """Mean and variance of one batch at each place, in float64."""
        measured = {}
        for _ in self._walk(replica, batch[0], nodes, self._parameters_of, True, measured):
            pass
        return {place: (layer, statistics.numpy().astype(float)) for place, (layer, statistics) in measured.items()}

    def _walk(
        self,
        replica: Replica,
        images: tf.Tensor,
        nodes: Sequence[Node],
        rows: Rows,
        by_batch: bool,
        measured: dict | None = None,
    ) -> Iterator[tuple[Genotype, tf.Tensor]]:
        """The logits (batch, num_classes) of each genotype below `nodes`, depth first. `measured` gets the statistics
        of each place."""
        supernet = self._supernet

        def through(place: Place, layer: keras.layers.Layer, x: tf.Tensor, shortcut: bool = False) -> tf.Tensor:
            if self._stop.is_set():
                raise _Stopped
            y, statistics = replica.run(layer, x, rows(place, layer), shortcut, by_batch)
            if measured is not None:
                measured[place] = layer, statistics
            return y

        def descend(x: tf.Tensor, nodes: Sequence[Node]) -> Iterator[tuple[Genotype, tf.Tensor]]:
            entry = supernet.slots[nodes[0].slot].entry
            if entry is not None:
                x = through(nodes, entry, x)
            for node in nodes:
                layer = supernet.slots[node.slot].candidates[node.choice]
                y = through(node, layer, x, node.shortcut)
                if node.leaf is None:
                    yield from descend(y, node.children)
                    continue
                if supernet.head_conv is not None:
                    y = through(node.leaf, supernet.head_conv, y)
                yield node.leaf, replica.logits(y)

        yield from descend(through(None, supernet.stem, images), nodes)

    def _over(self, batches: Iterable[Batch], work: Callable[[Replica, Batch], object]) -> Iterator:
        """What `work` makes of each batch, in their order: as many at a time as there are replicas, and threads of
        them."""
        free: SimpleQueue[Replica] = SimpleQueue()
        for replica in self._replicas:
            free.put(replica)

        def run(batch: Batch) -> object:
            replica = free.get()
            try:
                with tf.device(replica.device):
                    return work(replica, batch)
            finally:
                free.put(replica)

        pending = deque()
        self._stop = threading.Event()
        with ThreadPoolExecutor(len(self._replicas)) as pool:
            try:
                for batch in batches:
                    pending.append(pool.submit(run, batch))
                    if len(pending) > len(self._replicas):
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                self._stop.set()


def fingerprint(supernet: Supernet) -> str:
    """A digest of the supernet's weights: a journal's accuracies are worth something only with the same ones."""
    digest = hashlib.sha256()
    for weight in supernet.weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:16]
