"""The checkpoints of a training, written by TensorFlow."""

import keras
import tensorflow as tf

from scarlet_tf.errors import InputError
from scarlet_tf.train.workdir import Workdir


def checkpoint_manager(
    workdir: Workdir, model: keras.Model, optimizer: keras.optimizers.Optimizer | None = None
) -> tf.train.CheckpointManager:
    """Keeps the last three checkpoints of `model`, and of `optimizer` while training.

    A layer's weights inside a ConvBN are no attributes of the layer, and TensorFlow's tracking follows attributes
    alone: the variables are therefore listed, the seeds of dropout among them.
    """
    metrics = {id(variable) for variable in model.metrics_variables}
    tracked = {"model": [variable for variable in model.variables if id(variable) not in metrics]}
    if optimizer is not None:
        tracked["optimizer"] = list(optimizer.variables)
    return tf.train.CheckpointManager(
        tf.train.Checkpoint(**tracked), str(workdir.checkpoint_dir), max_to_keep=3, checkpoint_name="step"
    )


def restore_latest(manager: tf.train.CheckpointManager) -> None:
    """Puts the last checkpoint into what `manager` tracks. Raises InputError where it is damaged or does not fit."""
    try:
        status = manager.checkpoint.restore(manager.latest_checkpoint)
        status.assert_existing_objects_matched().expect_partial()  # without the optimizer, its variables stay on disk
    except (AssertionError, IndexError, RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(
            f"{manager.latest_checkpoint} must be a whole checkpoint of what config.json beside it says. "
            f"Received: {reason}. Train again in another --workdir."
        ) from error
