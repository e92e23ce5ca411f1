"""Training a detector, from settings to a finished workdir."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import keras
import tensorflow as tf
from keras_hub.models import RetinaNetObjectDetector

from scarlet_tf.detect.batches import DetectionDataset
from scarlet_tf.detect.categories import FILE_NAME as CATEGORIES_FILE
from scarlet_tf.detect.categories import categories_to_data, check_same_categories
from scarlet_tf.detect.config import MAY_CHANGE, DetectConfig
from scarlet_tf.detect.losses import FocalLoss, SmoothL1Loss
from scarlet_tf.detect.retinanet import anchor_boxes, build_detector
from scarlet_tf.detect.schedule import WarmupStepDecay
from scarlet_tf.files import check_output_dir, replacing, write_json
from scarlet_tf.train.graph import skip_graph_rewrites_on_cpu
from scarlet_tf.train.loop import Schedule, run_steps
from scarlet_tf.train.optimizers import L2SGD, AdamW
from scarlet_tf.train.strategy import make_strategy
from scarlet_tf.train.workdir import Workdir

DETECTOR_FILE = "detector.keras"


def check_run(config: DetectConfig, path: str | Path, dataset: DetectionDataset) -> DetectConfig:
    """`config` with the categories of `dataset`. Raises InputError where a run with it cannot be done, written or
    resumed in the workdir `path`; changes nothing."""
    check_output_dir(path, "workdir")
    dataset.steps_per_epoch(config.batch_size)
    config, workdir = replace(config, categories=dataset.categories), Workdir(path)
    if workdir.config_path.exists():
        before = DetectConfig.read(workdir.config_path)
        check_same_categories(before.categories, config.categories, config.annotations or "--dataset")
    workdir.check_resumable(config, MAY_CHANGE)
    return config


def make_optimizer(config: DetectConfig, steps_per_epoch: int, total_steps: int) -> keras.optimizers.Optimizer:
    """SGD with momentum and coupled weight decay, or AdamW; a training as short as the warmup goes without one."""
    schedule = WarmupStepDecay(
        config.learning_rate,
        config.warmup_steps if config.warmup_steps < total_steps else 0,
        [epoch * steps_per_epoch for epoch in config.decay_epochs],
    )
    clip_norm = config.clip_norm if math.isfinite(config.clip_norm) else None
    if config.optimizer == "adamw":
        return AdamW(schedule, weight_decay=config.weight_decay, global_clipnorm=clip_norm)
    return L2SGD(schedule, momentum=config.momentum, l2=config.weight_decay, global_clipnorm=clip_norm)


def _compile(detector: RetinaNetObjectDetector, optimizer: keras.optimizers.Optimizer) -> None:
    detector.compile(optimizer, box_loss=SmoothL1Loss(), classification_loss=FocalLoss(), jit_compile=False)
    # Variables made during a trace would make TensorFlow trace twice.
    anchors = len(anchor_boxes(detector))
    logits = tf.zeros((1, anchors, detector.num_classes))
    predicted = {"bbox_regression": tf.zeros((1, anchors, 4)), "cls_logits": logits}
    nothing = {"boxes": tf.fill((1, 1, 4), -1.0), "labels": tf.fill((1, 1), -1.0)}
    detector.compute_loss(tf.zeros((1, *detector.input_shape[1:])), nothing, predicted, None)


def train_detector(config: DetectConfig, path: str | Path, dataset: DetectionDataset) -> RetinaNetObjectDetector:
    """Trains what `config` says in the workdir `path`, going on from its last checkpoint, and returns the detector.

    At the end it is also written as `detector.keras`, and its categories beside it. Raises InputError for settings that
    cannot be met and for images that cannot be read, RunError where training diverges.
    """
    config = check_run(config, path, dataset)
    workdir = Workdir(path)
    skip_graph_rewrites_on_cpu()
    strategy = make_strategy(config.strategy)
    steps_per_epoch = dataset.steps_per_epoch(config.batch_size)
    schedule = Schedule(config.steps or config.epochs * steps_per_epoch, steps_per_epoch)
    keras.utils.set_random_seed(config.seed)
    with strategy.scope():
        detector = build_detector(
            config.model,
            config.image_size,
            len(config.categories),
            config.min_level,
            config.max_level,
            config.head_convs,
            config.weights,
            config.batch_norm_is_frozen,
        )
        _compile(detector, make_optimizer(config, steps_per_epoch, schedule.total_steps))
    workdir.start(config)
    write_json(workdir.path / CATEGORIES_FILE, categories_to_data(config.categories))
    print(dataset.summary(), flush=True)
    if config.weights is None:
        print("WARNING: no --weights given: the backbone is trained from random ones.", file=sys.stderr)

    def batches(first_step: int) -> tf.data.Dataset:
        steps = schedule.total_steps - first_step
        return dataset.training_batches(
            config.batch_size, config.image_size, config.flip, config.seed, first_step, steps
        )

    with dataset.naming_bad_files():
        run_steps(detector, batches, config.batch_size, schedule, workdir, strategy, f"train {path}")
    if not (workdir.path / DETECTOR_FILE).exists():
        write_detector(detector, workdir.path / DETECTOR_FILE)
    return detector


def write_detector(detector: RetinaNetObjectDetector, path: str | Path) -> None:
    """Writes a detector as a Keras file. What it was trained with is left out: loading needs keras-hub and our layers
    alone."""
    plain = RetinaNetObjectDetector.from_config(detector.get_config())
    plain.set_weights(detector.get_weights())
    with replacing(path) as temporary:
        plain.save(temporary)
