"""Momentum SGD with coupled weight decay, as the paper trains."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("scarlet_tf")
class L2SGD(keras.optimizers.SGD):
    """SGD whose gradient has `l2 * kernel` added before momentum sees it.

    Keras' own `weight_decay` is decoupled, which with momentum 0.9 is ten times weaker than what the paper's number
    means. Scales, offsets and biases do not decay. One fused update a variable: a supernet has thousands.
    """

    def __init__(self, learning_rate: float = 0.045, momentum: float = 0.9, l2: float = 0.0, **kwargs) -> None:
        super().__init__(learning_rate=learning_rate, momentum=momentum, **kwargs)
        self.l2 = l2

    def _backend_update_step(self, grads: list, trainable_variables: list, learning_rate: tf.Tensor) -> None:
        # read once, not once a variable
        super()._backend_update_step(grads, trainable_variables, tf.convert_to_tensor(learning_rate))

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        accumulator = self.momentums[self._get_variable_index(variable)].value
        if self.l2 and len(variable.shape) > 1:
            gradient = gradient + self.l2 * variable
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=accumulator.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=gradient,
            momentum=tf.cast(self.momentum, variable.dtype),
        )

    def get_config(self) -> dict:
        return super().get_config() | {"l2": self.l2}
