"""Where a training runs: one device, several GPUs of a host or of several hosts, or a TPU slice."""

import json
import re
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from scarlet_tf.errors import InputError, RunError
from scarlet_tf.train.cluster import Cluster, answers, is_address

CONNECT_SECONDS = 300.0
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)
_TASK = re.compile(r"/job:(\w+)/replica:\d+/task:(\d+)")


def make_strategy(name: str, tpu: str = "", connect_timeout: float = CONNECT_SECONDS) -> tf.distribute.Strategy:
    """The `tf.distribute` strategy that `--strategy` names; `auto` takes all GPUs there are, else the CPU.

    Other hosts must answer within `connect_timeout` seconds. Raises InputError where the devices asked for are not
    there.
    """
    if name == "multiworker":
        return _multiworker(connect_timeout)
    if name == "tpu":
        return _tpu(tpu, connect_timeout)
    gpus = tf.config.list_logical_devices("GPU")
    if name in ("gpu", "mirrored") and not gpus:
        if name == "mirrored" and len(tf.config.list_logical_devices("CPU")) > 1:
            return tf.distribute.MirroredStrategy(tf.config.list_logical_devices("CPU"))
        raise InputError(f"--strategy={name} needs a GPU that TensorFlow can see. Received: none; use auto or cpu.")
    if name == "cpu" or not gpus:
        return tf.distribute.OneDeviceStrategy("/cpu:0")
    if name == "gpu" or len(gpus) == 1:
        return tf.distribute.OneDeviceStrategy("/gpu:0")
    return tf.distribute.MirroredStrategy()


def _tpu(tpu: str, connect_timeout: float) -> tf.distribute.Strategy:
    """TensorFlow itself tries for minutes to reach a TPU that is not there."""
    unreachable = InputError(
        f"--strategy=tpu needs a TPU that answers within --connect_timeout={connect_timeout:g} s; name it with --tpu, "
        f"or give its address as grpc://host:port. Received: --tpu={tpu!r}, which does not answer."
    )
    for part in tpu.split(","):
        address = part.rpartition("://")[2]
        if is_address(address) and not answers(address, connect_timeout):  # names are looked up by TensorFlow
            raise unreachable
    outcome = []

    def connect() -> None:
        try:
            outcome.append(tf.distribute.cluster_resolver.TPUClusterResolver.connect(tpu))
        except Exception as error:  # TensorFlow raises nearly anything, by what it finds on the host
            outcome.append(error)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(connect_timeout)
    if not outcome:
        raise unreachable
    if isinstance(outcome[0], Exception):
        raise InputError(
            f"--strategy=tpu needs a TPU; name it with --tpu. Received: --tpu={tpu!r}: {outcome[0]}"
        ) from outcome[0]
    return tf.distribute.TPUStrategy(outcome[0])


def _multiworker(connect_timeout: float) -> tf.distribute.Strategy:
    cluster = Cluster.from_environment()
    cluster.meet(connect_timeout)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (RuntimeError, ValueError, tf.errors.OpError) as error:
        raise InputError(
            f"--strategy=multiworker cannot join the workers {', '.join(cluster.addresses)}. Received: {error}."
        ) from error


def num_workers(strategy: tf.distribute.Strategy) -> int:
    """How many processes train together."""
    resolver = strategy.cluster_resolver
    is_cluster = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and resolver is not None
    return sum(map(len, resolver.cluster_spec().as_dict().values())) if is_cluster else 1


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes."""
    return strategy.extended.should_checkpoint


def check_batch_size(strategy: tf.distribute.Strategy, batch_size: int) -> None:
    """Raises InputError where the global batch cannot be shared out evenly: with shares of several sizes the mean over
    replicas is not the mean over images."""
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise InputError(
            f"--batch_size must be a multiple of {replicas}, the devices that share it. Received: {batch_size}."
        )


def own_share(batches: tf.data.Dataset, batch_size: int, context: tf.distribute.InputContext) -> tf.data.Dataset:
    """The rows of `batches`, global and of `batch_size`, that are one worker's, as a batch for each of its replicas in
    turn. All workers' together, in order, are the global batch."""
    rows = batch_size // context.num_input_pipelines
    first = context.input_pipeline_id * rows
    shares = batches.map(lambda *batch: tf.nest.map_structure(lambda part: part[first : first + rows], batch))
    return shares.rebatch(batch_size // context.num_replicas_in_sync, drop_remainder=True)


def share_out(strategy: tf.distribute.Strategy, batches: tf.data.Dataset, batch_size: int) -> object:
    """`batches`, global and of `batch_size`, as what the replicas of `strategy` iterate over together.

    With several workers each makes the same batches, which are a function of (seed, step), and takes its own rows. So
    all of them together see what one process sees, and nothing depends on how TensorFlow's auto-sharding reads a
    pipeline.
    """
    if num_workers(strategy) == 1:
        devices = strategy.extended.worker_devices
        if len(devices) == 1 and "CPU" in devices[0].upper():
            return batches  # they are there already, and TensorFlow would tune how it passes them on (`batching.ahead`)
        return strategy.experimental_distribute_dataset(batches)
    return strategy.distribute_datasets_from_function(lambda context: own_share(batches, batch_size, context))


def gathered(strategy: tf.distribute.Strategy, values: Sequence[int] = ()) -> np.ndarray:
    """The `values` of each replica, a row each. Returns when all workers have called it."""
    if num_workers(strategy) == 1:
        return np.array([values], np.int64)

    def gather() -> tf.Tensor:
        return tf.distribute.get_replica_context().all_gather(tf.constant([[*values, 0]], tf.int64), axis=0)

    own = tf.function(lambda: strategy.run(gather))()
    return strategy.experimental_local_results(own)[0].numpy()[:, :-1]


def check_same(strategy: tf.distribute.Strategy, values: Mapping[str, object]) -> None:
    """Raises InputError, naming the first that differs, unless all workers have the same `values`, which JSON can
    write."""
    digests = [zlib.crc32(json.dumps(value, sort_keys=True).encode()) for value in values.values()]
    rows = gathered(strategy, digests)
    for (name, value), same in zip(values.items(), (rows == rows[0]).all(axis=0), strict=True):
        if not same:
            raise InputError(f"All workers must have the same {name}. Received here: {value}.")


@contextmanager
def naming_lost_workers(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Around what workers do together: where one ended, or does not answer any more, raises RunError that names it.

    TensorFlow's coordination service finds that out within seconds, by a broken connection or missing heartbeats.
    """
    try:
        yield
    except _LOST as error:
        if num_workers(strategy) == 1:
            raise
        cluster, jobs = Cluster.from_environment(), strategy.cluster_resolver.cluster_spec()
        own = {cluster.addresses[cluster.index]}
        named = {jobs.task_address(job, int(task)) for job, task in _TASK.findall(str(error))}
        lost = named - own or set(cluster.addresses) - own
        raise RunError(
            f"Lost the connection to worker {' or '.join(sorted(lost))}: its own output may say why. Run the same "
            "command on all workers again to go on."
        ) from error
