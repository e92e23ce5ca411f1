"""A search over a trained supernet, from settings to a finished workdir."""

import os
from pathlib import Path

import tensorflow as tf

from scarlet_tf.data import Dataset
from scarlet_tf.models import load_supernet
from scarlet_tf.nets.supernet import Supernet
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.evaluation import Evaluation, even_batch_size
from scarlet_tf.search.evaluator import SupernetEvaluator, fingerprint
from scarlet_tf.search.hosts import SharedEvaluator
from scarlet_tf.search.selection import SearchResult
from scarlet_tf.search.workdir import search_workdir
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
    cores = len(os.sched_getaffinity(0))
    share_cores_among_streams(cores)  # a batch of images each
    devices = make_strategy(strategy, tpu, connect_timeout)
    with naming_lost_workers(devices), dataset.naming_bad_files():
        with devices.scope():
            supernet = load_supernet(supernet_dir)
        header = {"weights": fingerprint(supernet), **evaluation.describe(dataset)}
        check_same(devices, {f"--supernet ({name})": value for name, value in header.items()})
        evaluate = SharedEvaluator(
            _evaluator(supernet, dataset, evaluation, devices), supernet.space.num_slots, devices
        )
        if not is_chief(devices):
            return evaluate.serve()
        try:
            return search_workdir(
                workdir, supernet.space, config, evaluate, header, num_picks, latency_table, str(supernet_dir)
            )
        finally:
            evaluate.close()


def _evaluator(
    supernet: Supernet, dataset: Dataset, evaluation: Evaluation, strategy: tf.distribute.Strategy
) -> SupernetEvaluator:
    """That of this worker's part of the images."""
    workers, images = num_workers(strategy), evaluation.images(dataset)
    devices = strategy.extended.worker_devices
    on_cpu = "CPU" in devices[0].upper()
    at_once = workers * (len(os.sched_getaffinity(0)) if on_cpu else len(devices))
    size = evaluation.batch_size or even_batch_size(images, supernet.image_size, at_once, on_cpu)
    batches = dataset.evaluation_batches("validation", size, supernet.image_size, images)
    if workers > 1:
        batches = batches.shard(workers, strategy.cluster_resolver.task_id)
    batches = _held(batches, images // workers, supernet.image_size)
    number, size = evaluation.calibration(dataset)
    calibration = ()
    if number:
        calibration = dataset.evaluation_batches("train", size, supernet.image_size, number * size)
        calibration = _held(calibration, number * size, supernet.image_size)
    return SupernetEvaluator(supernet, batches, evaluation.bn, calibration, strategy)


def _held(batches: tf.data.Dataset, images: int, image_size: int) -> tf.data.Dataset:
    """`batches`, which stay in memory after the first pass where they take no more than half of it."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return batches.cache() if images * image_size**2 * 3 * 4 <= memory / 2 else batches
