"""The training loop, one for supernets and standalone networks: steps, metrics, checkpoints, resume."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.data import Dataset
from scarlet_tf.errors import RunError
from scarlet_tf.progress import progress
from scarlet_tf.train.checkpoints import checkpoint_manager, restore_latest
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.sgd import L2SGD
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
    """The optimizer of `config` with its weight decay, a linear warmup, and a cosine to zero at `total_steps`."""
    warmup_steps = round(config.warmup_epochs * steps_per_epoch)
    if warmup_steps >= total_steps:
        warmup_steps = 0
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup_steps else config.learning_rate,
        total_steps - warmup_steps,
        warmup_target=config.learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay)
    return L2SGD(schedule, momentum=config.momentum, l2=config.weight_decay)


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

    One call of `model.train_step` a step. The batches are a function of (seed, step), so a resumed run ends with the
    same weights as one that was never stopped. Raises RunError where the loss or a weight is not finite; the last
    checkpoint before that is kept.
    """
    schedule = Schedule.of(config, dataset)
    with strategy.scope():
        optimizer = make_optimizer(config, schedule.total_steps, schedule.steps_per_epoch)
        model.compile(
            optimizer,
            cross_entropy(config.label_smoothing, dataset.num_classes),
            metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
            jit_compile=config.strategy == "tpu",
        )
        # Variables made during a trace would make TensorFlow trace twice.
        optimizer.build(model.trainable_variables)
        model.compute_metrics(None, tf.zeros([1], tf.int32), tf.zeros([1, dataset.num_classes]))
        model.reset_metrics()
        manager = checkpoint_manager(workdir, model, optimizer)
        if manager.latest_checkpoint:
            restore_latest(manager)
    first_step = int(optimizer.iterations.numpy())
    workdir.truncate_metrics(first_step)
    if first_step >= schedule.total_steps:
        return
    batches = dataset.training_batches(
        config.batch_size, config.image_size, config.seed, first_step, schedule.total_steps - first_step
    )
    iterator = iter(strategy.experimental_distribute_dataset(batches))

    @tf.function(autograph=False)
    def train_step(batch: tuple) -> None:
        strategy.run(model.train_step, args=(batch,))

    with progress(description, schedule.total_steps, first_step) as report, dataset.naming_bad_files():
        since, saved_at = time.monotonic(), time.monotonic()
        logged = first_step
        for step in range(first_step + 1, schedule.total_steps + 1):
            train_step(next(iterator))
            end = step == schedule.total_steps
            epoch_end = step % schedule.steps_per_epoch == 0
            if not (end or epoch_end or step % LOG_STEPS == 0):
                continue
            metrics = {name: float(value) for name, value in model.get_metrics_result().items()}
            model.reset_metrics()
            if not math.isfinite(metrics["loss"]):
                raise RunError(_diverged(step, f"the loss is {metrics['loss']}", manager))
            seconds = time.monotonic() - since
            workdir.append_metrics(
                {
                    "step": step,
                    "epoch": round(step / schedule.steps_per_epoch, 4),
                    **metrics,
                    "learning_rate": float(optimizer.learning_rate),
                    "images_per_second": round((step - logged) * config.batch_size / seconds, 1),
                }
            )
            report.update(step, f"loss {metrics['loss']:.3f}  accuracy {metrics['accuracy']:.1%}")
            since, logged = time.monotonic(), step
            if end or epoch_end or time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                if not _all_finite(model):
                    raise RunError(_diverged(step, "a weight is not finite", manager))
                manager.save(checkpoint_number=step)
                saved_at = time.monotonic()


def _diverged(step: int, what: str, manager: tf.train.CheckpointManager) -> str:
    kept = manager.latest_checkpoint or "none yet"
    return (
        f"Training diverged by step {step}: {what}. Last good checkpoint: {kept}. "
        "Try a lower --learning_rate, in another --workdir."
    )
