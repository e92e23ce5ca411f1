"""The losses of RetinaNet (Lin et al. 2017), summed over what an anchor predicts.

Keras' own take means over the classes and the coordinates. The detector weights each anchor by one over the number of
anchors that hold an object, on its own replica; the replicas' losses are averaged.
"""

import keras
import tensorflow as tf

_ALPHA, _GAMMA = 0.25, 2.0
_BETA = 1 / 9


def _of_all_replicas(losses: tf.Tensor) -> tf.Tensor:
    return losses / tf.distribute.get_strategy().num_replicas_in_sync  # Keras divides means alone, not sums


class FocalLoss(keras.losses.Loss):
    """Sigmoid focal loss with alpha 0.25 and gamma 2; labels one-hot and logits (b, anchors, classes)."""

    def __init__(self, name: str = "focal_loss") -> None:
        super().__init__(name=name, reduction="sum")

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(y_true, y_pred)
        probability = tf.sigmoid(y_pred)
        missed = y_true + probability - 2.0 * y_true * probability  # 1 - p of the truth
        weight = _ALPHA * y_true + (1.0 - _ALPHA) * (1.0 - y_true)
        return _of_all_replicas(tf.reduce_sum(weight * missed**_GAMMA * cross_entropy, axis=-1))  # (b, anchors)


class SmoothL1Loss(keras.losses.Loss):
    """Smooth L1 with beta 1/9, of what the boxes are off their anchors by; (b, anchors, 4)."""

    def __init__(self, name: str = "smooth_l1_loss") -> None:
        super().__init__(name=name, reduction="sum")

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        error = tf.abs(y_true - y_pred)
        losses = tf.where(error < _BETA, 0.5 / _BETA * error**2, error - 0.5 * _BETA)
        return _of_all_replicas(tf.reduce_sum(losses, axis=-1))  # (b, anchors)
