"""A search over a trained supernet, from settings to a finished workdir."""

import os
from pathlib import Path

import tensorflow as tf

from scarlet_tf.data import Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.models import load_supernet
from scarlet_tf.nets.supernet import Supernet
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.evaluation import Evaluation, even_batch_size
from scarlet_tf.search.evaluator import SupernetEvaluator, fingerprint
from scarlet_tf.search.hosts import SharedEvaluator
from scarlet_tf.search.selection import SearchResult
from scarlet_tf.search.workdir import search_workdir
from scarlet_tf.train.cluster import Cluster
from scarlet_tf.train.graph import share_cores_among_streams
from scarlet_tf.train.strategy import check_same, is_chief, make_strategy, naming_lost_workers, num_workers


def search_supernet(
    supernet_dir: str | Path,
    workdir: str | Path,
    dataset: Dataset,
    config: SearchConfig,
    evaluation: Evaluation | None = None,
    num_picks: int = 3,
    latency_table: str | Path | None = None,
    strategy: str = "auto",
    tpu: str = "",
    connect_timeout: float = 300.0,
) -> tuple[SearchResult, list[Path]] | None:
    """Searches the space of the supernet trained in `supernet_dir`, as `search_workdir` does.

    The devices of `strategy` share the images. Of several workers the chief searches and writes, and the others help it
    and return None.
    """
    evaluation = evaluation or Evaluation()
    share_cores_among_streams(len(os.sched_getaffinity(0)))  # a batch of images each
    devices = make_strategy(strategy, tpu, connect_timeout)
    with naming_lost_workers(devices), dataset.naming_bad_files():
        with devices.scope():
            supernet = load_supernet(supernet_dir)
        trained = supernet.image_size, supernet.num_classes
        if (config.image_size, config.num_classes) != trained:
            raise InputError(
                f"image_size and num_classes must be the supernet's, {trained}. Received: "
                f"{(config.image_size, config.num_classes)}."
            )
        size = evaluation.batch_size or even_batch_size(
            evaluation.images(dataset), supernet.image_size, _at_once(devices), _on_cpu(devices)
        )
        header = {"weights": fingerprint(supernet), **evaluation.describe(dataset)}
        check_same(devices, {"settings of the evaluation": {**header, "batch size": size}})
        evaluator = _evaluator(supernet, dataset, evaluation, size, devices)
        evaluate = SharedEvaluator(evaluator, supernet.space.num_slots, devices)
        if not is_chief(devices):
            return evaluate.serve()
        try:
            return search_workdir(
                workdir, supernet.space, config, evaluate, header, num_picks, latency_table, str(supernet_dir)
            )
        finally:
            evaluate.close()


def _on_cpu(strategy: tf.distribute.Strategy) -> bool:
    return "CPU" in strategy.extended.worker_devices[0].upper()


def _at_once(strategy: tf.distribute.Strategy) -> int:
    """How many batches are computed at a time, the same on every host."""
    if num_workers(strategy) == 1 and _on_cpu(strategy):
        return len(os.sched_getaffinity(0))
    return strategy.num_replicas_in_sync


def _evaluator(
    supernet: Supernet, dataset: Dataset, evaluation: Evaluation, batch_size: int, strategy: tf.distribute.Strategy
) -> SupernetEvaluator:
    """That of this worker's part of the images, which stay in memory where they take no more than half of it."""
    workers, images = num_workers(strategy), evaluation.images(dataset)
    batches = dataset.evaluation_batches("validation", batch_size, supernet.image_size, images)
    if workers > 1:
        batches = batches.shard(workers, Cluster.from_environment().index)
    number, size = evaluation.calibration(dataset)
    calibration = dataset.evaluation_batches("train", size, supernet.image_size, number * size) if number else None
    held_bytes = (images / workers + number * size) * supernet.image_size**2 * 3 * 4
    if held_bytes <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2:
        batches, calibration = batches.cache(), calibration and calibration.cache()
    return SupernetEvaluator(supernet, batches, evaluation.bn, calibration or (), strategy)
