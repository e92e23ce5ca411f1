"""The learning rate of a training, step by step."""

import keras
import tensorflow as tf

from scarlet_tf.train.config import TrainConfig


@keras.saving.register_keras_serializable("scarlet_tf")
class StaircaseDecay(keras.optimizers.schedules.LearningRateSchedule):
    """`learning_rate * decay_rate ** floor(step / decay_steps)`, but for `warmup_steps` on a line from zero.

    Steps of the staircase are counted from the first step of the training, warmup included, as EfficientNet's published
    code does (tensorflow/tpu, models/official/efficientnet/utils.py). `decay_steps` need not be whole.
    """

    def __init__(self, learning_rate: float, decay_rate: float, decay_steps: float, warmup_steps: int = 0) -> None:
        super().__init__()
        self.learning_rate, self.decay_rate = learning_rate, decay_rate
        self.decay_steps, self.warmup_steps = decay_steps, warmup_steps

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        decayed = self.learning_rate * tf.pow(self.decay_rate, tf.floor(step / self.decay_steps))
        if not self.warmup_steps:
            return decayed
        return tf.where(step < self.warmup_steps, self.learning_rate * step / self.warmup_steps, decayed)

    def get_config(self) -> dict:
        return {
            "learning_rate": self.learning_rate,
            "decay_rate": self.decay_rate,
            "decay_steps": self.decay_steps,
            "warmup_steps": self.warmup_steps,
        }


def learning_rate(
    config: TrainConfig, total_steps: int, steps_per_epoch: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """The schedule of `config`: a linear warmup, left out where it would take all `total_steps`, then a cosine to zero
    at `total_steps`, or a staircase."""
    warmup_steps = round(config.warmup_epochs * steps_per_epoch)
    if warmup_steps >= total_steps:
        warmup_steps = 0
    if config.schedule == "exponential":
        decay_steps = config.decay_epochs * steps_per_epoch
        return StaircaseDecay(config.learning_rate, config.decay_rate, decay_steps, warmup_steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup_steps else config.learning_rate,
        total_steps - warmup_steps,
        warmup_target=config.learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )
