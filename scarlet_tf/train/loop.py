"""The training loop, one for supernets and standalone networks: steps, metrics, checkpoints, resume."""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.data import Dataset
from scarlet_tf.data.bad_images import BadImages
from scarlet_tf.errors import RunError
from scarlet_tf.progress import progress
from scarlet_tf.train.averages import WeightAverages
from scarlet_tf.train.checkpoints import Checkpoints
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.fine_tuning import layer_rates
from scarlet_tf.train.graph import compiled
from scarlet_tf.train.learning_rate import learning_rate
from scarlet_tf.train.optimizers import L2SGD, AdamW, L2RMSProp, LossScale
from scarlet_tf.train.periodic_probe import PeriodicProbe
from scarlet_tf.train.probes import Probe
from scarlet_tf.train.strategy import check_same, share_out
from scarlet_tf.train.tensorboard import TensorBoardLog
from scarlet_tf.train.validation_probe import ValidationProbe
from scarlet_tf.train.workdir import Workdir

LOG_STEPS = 20
CHECKPOINT_SECONDS = 300.0


def cross_entropy(label_smoothing: float, num_classes: int) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The loss of integer labels (n,) and logits (n, num_classes): cross entropy (n,) with label smoothing."""

    def smoothed(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        one_hot = tf.one_hot(tf.cast(tf.reshape(labels, [-1]), tf.int32), num_classes, dtype=logits.dtype)
        return keras.losses.categorical_crossentropy(one_hot, logits, from_logits=True, label_smoothing=label_smoothing)

    return smoothed


def make_optimizer(config: TrainConfig, total_steps: int, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """The optimizer of `config` with its weight decay, its schedule, and the learning rates of its layers."""
    rate = learning_rate(config, total_steps, steps_per_epoch)
    rates = layer_rates(config.model, config.layer_decay) if config.model else {}
    if config.optimizer == "adamw":
        return AdamW(rate, weight_decay=config.weight_decay, layer_rates=rates)
    coupled = {"sgd": L2SGD, "rmsprop": L2RMSProp}[config.optimizer]
    return coupled(rate, momentum=config.momentum, l2=config.weight_decay, layer_rates=rates)


@dataclass(frozen=True)
class Schedule:
    """How long a training lasts, in steps."""

    total_steps: int
    steps_per_epoch: int

    @classmethod
    def of(cls, config: TrainConfig, dataset: Dataset) -> "Schedule":
        per_epoch = dataset.steps_per_epoch(config.batch_size)
        return cls(config.steps or config.epochs * per_epoch, per_epoch)


def _all_finite(model: keras.Model) -> bool:
    return all(np.isfinite(np.asarray(weight)).all() for weight in model.weights)


def fit(
    model: keras.Model,
    dataset: Dataset,
    config: TrainConfig,
    workdir: Workdir,
    strategy: tf.distribute.Strategy,
    description: str,
) -> None:
    """Trains `model`, built under `strategy`, to the end of its schedule, from the last checkpoint in `workdir` on.

    The batches are a function of (seed, step), so a resumed run ends with the same weights as one that was never
    stopped. With `ema_decay` the model then has the averages of its weights. Raises RunError where the loss or a weight
    is not finite; the last checkpoint before that is kept.
    """
    schedule = Schedule.of(config, dataset)
    with strategy.scope():
        optimizer = make_optimizer(config, schedule.total_steps, schedule.steps_per_epoch)
        model.compile(
            LossScale(optimizer) if config.precision == "mixed_float16" else optimizer,
            cross_entropy(config.label_smoothing, dataset.num_classes),
            metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
            jit_compile=config.strategy == "tpu",
        )
        # Variables made during a trace would make TensorFlow trace twice.
        model.compute_metrics(None, tf.zeros([1], tf.int32), tf.zeros([1, dataset.num_classes]))
        averages = WeightAverages(model, config.ema_decay) if config.ema_decay else None

    def batches(first_step: int) -> tf.data.Dataset:
        steps = schedule.total_steps - first_step
        return dataset.training_batches(
            config.batch_size, config.image_size, config.seed, first_step, steps, config.auto_augment
        )

    bad_images = BadImages(config.max_bad_images)

    def mended_batches(first_step: int) -> tf.data.Dataset | None:
        steps = schedule.total_steps - first_step
        mended = dataset.mended_training_batches(
            config.batch_size, config.image_size, config.seed, first_step, steps, config.auto_augment
        )
        if mended is None:
            return None
        bad_images.add(mended[1])
        return mended[0]

    mend = mended_batches if config.max_bad_images else None
    probe = None
    if config.probe_epochs and config.space is not None:
        probe = Probe(model, dataset, config, workdir, schedule.total_steps)
    elif config.probe_epochs:
        probe = ValidationProbe(model, dataset, config, workdir, schedule.total_steps, averages)
    with dataset.naming_bad_files():
        run_steps(model, batches, config.batch_size, schedule, workdir, strategy, description, mend, probe, averages)
    if averages is not None:
        averages.replace_weights()


def run_steps(
    model: keras.Model,
    batches: Callable[[int], tf.data.Dataset],
    batch_size: int,
    schedule: Schedule,
    workdir: Workdir,
    strategy: tf.distribute.Strategy,
    description: str,
    mended_batches: Callable[[int], tf.data.Dataset | None] | None = None,
    probe: PeriodicProbe | None = None,
    averages: WeightAverages | None = None,
) -> None:
    """Calls `model.train_step`, compiled under `strategy`, a step at a time, with metrics and checkpoints in `workdir`.

    It goes on from the last checkpoint. `batches` gives, from a step on, those of the rest of the schedule; they are
    global, of `batch_size`. Where one of them fails, `mended_batches` may give others from that step on; where it has
    none, the failure is raised. Raises RunError where the loss or a weight is not finite.
    """
    optimizer = model.optimizer
    with strategy.scope():
        optimizer.build(model.trainable_variables)
        model.reset_metrics()
        checkpoints = Checkpoints(workdir, model, optimizer, averages)
        checkpoints.restore()
        last = checkpoints.latest.name if checkpoints.latest else None
        check_same(strategy, {"checkpoints: let them share the file system of --workdir": last})
    # The optimizer counts updates, of which a loss scale leaves some out.
    first_step = int(last.rpartition("-")[2]) if last else 0
    if workdir.writes:
        with checkpoints.writing(workdir.metrics_path):
            workdir.truncate_metrics(first_step)
    if first_step >= schedule.total_steps:
        return
    tensorboard = TensorBoardLog(workdir) if workdir.writes else None
    stream = _stream(batches, mended_batches or (lambda step: None), strategy, batch_size, first_step)

    def replica_step(batch: tuple) -> None:
        model.train_step(batch)
        if averages is not None:
            averages.update(optimizer.iterations.value)

    @compiled
    def train_step(batch: tuple) -> None:
        strategy.run(replica_step, args=(batch,))

    with progress(description, schedule.total_steps, first_step, shown=workdir.writes) as report:
        since, saved_at = time.monotonic(), time.monotonic()
        logged = first_step
        for step in range(first_step + 1, schedule.total_steps + 1):
            train_step(next(stream))
            end = step == schedule.total_steps
            epoch_end = step % schedule.steps_per_epoch == 0
            if not (end or epoch_end or step % LOG_STEPS == 0):
                continue
            metrics = {name: float(value) for name, value in model.get_metrics_result().items()}
            model.reset_metrics()
            if not math.isfinite(metrics["loss"]):
                raise RunError(_diverged(step, f"the loss is {metrics['loss']}", checkpoints))
            images_per_second = (step - logged) * batch_size / (time.monotonic() - since)
            record = {
                "step": step,
                "epoch": round(step / schedule.steps_per_epoch, 4),
                **metrics,
                "learning_rate": float(optimizer.learning_rate),
                "images_per_second": round(images_per_second, 1),
            }
            if workdir.writes:
                with checkpoints.writing(workdir.metrics_path):
                    workdir.append_metrics(record)
                    tensorboard.write(record)
            accuracy = f"  accuracy {metrics['accuracy']:.1%}" if "accuracy" in metrics else ""
            report.update(step, f"loss {metrics['loss']:.3f}{accuracy}  {images_per_second:,.0f} images/s")
            if end or epoch_end or time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                if not _all_finite(model):
                    raise RunError(_diverged(step, "a weight is not finite", checkpoints))
                if probe is not None and probe.is_due(step):
                    probe(step)  # before the checkpoint: a run that goes on from it has the probe
                if workdir.writes:
                    checkpoints.save(step)
                saved_at = time.monotonic()
            since, logged = time.monotonic(), step


def _stream(
    batches: Callable[[int], tf.data.Dataset],
    mended_batches: Callable[[int], tf.data.Dataset | None],
    strategy: tf.distribute.Strategy,
    batch_size: int,
    first_step: int,
) -> Iterator[tuple]:
    """The batches from a step on, distributed, mended where they can be."""
    iterator = iter(share_out(strategy, batches(first_step), batch_size))
    for step in itertools.count(first_step):
        try:
            batch = next(iterator)
        except tf.errors.ResourceExhaustedError:
            raise
        except tf.errors.OpError:
            mended = mended_batches(step)
            if mended is None:
                raise
            iterator = iter(share_out(strategy, mended, batch_size))
            batch = next(iterator)
        yield batch


def _diverged(step: int, what: str, checkpoints: Checkpoints) -> str:
    return (
        f"Training diverged by step {step}: {what}. Last good checkpoint: {checkpoints.latest or 'none yet'}. "
        "Try a lower --learning_rate, in another --workdir."
    )
