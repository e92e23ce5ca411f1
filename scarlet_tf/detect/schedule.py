"""The learning rate of detectors: a linear warmup, then steps down."""

from collections.abc import Sequence

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("scarlet_tf")
class WarmupStepDecay(keras.optimizers.schedules.LearningRateSchedule):
    """`learning_rate`, divided by 10 from each of the steps `decay_steps` on; it rises to there from zero over
    `warmup_steps`."""

    def __init__(self, learning_rate: float, warmup_steps: int, decay_steps: Sequence[int]) -> None:
        super().__init__()
        self.learning_rate, self.warmup_steps, self.decay_steps = learning_rate, warmup_steps, tuple(decay_steps)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        decays = tf.reduce_sum(tf.cast(step >= tf.constant(self.decay_steps, tf.float32), tf.float32))
        risen = tf.minimum((step + 1.0) / (self.warmup_steps + 1.0), 1.0)
        return self.learning_rate * risen * 0.1**decays

    def get_config(self) -> dict:
        return {
            "learning_rate": self.learning_rate,
            "warmup_steps": self.warmup_steps,
            "decay_steps": list(self.decay_steps),
        }
