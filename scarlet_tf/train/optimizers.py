"""Optimizers with weight decay as the paper means it, and with a learning rate for each layer where asked for."""

from collections.abc import Mapping

import keras
import tensorflow as tf

from scarlet_tf.nets.variables import of_one_name


class _LayerRates:
    """Mixin of an optimizer: a layer's learning rate is its share, in `layer_rates` by the layer's name, of the common
    one. A layer that is not named there has all of it."""

    def __init__(self, *args, layer_rates: Mapping[str, float] | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.layer_rates = dict(layer_rates or {})

    @of_one_name()
    def build(self, variables: list[keras.Variable]) -> None:
        super().build(variables)
        # a variable of tf_keras, of a quantised twin, has no path
        layers = [getattr(variable, "path", variable.name).split("/")[0] for variable in variables]
        self._shares = [self.layer_rates.get(layer, 1.0) for layer in layers]

    def _backend_update_step(self, grads: list, trainable_variables: list, learning_rate: tf.Tensor) -> None:
        # read once, not once a variable
        super()._backend_update_step(grads, trainable_variables, tf.convert_to_tensor(learning_rate))

    def _rate_of(self, variable: tf.Variable, learning_rate: tf.Tensor) -> tf.Tensor:
        share = self._shares[self._get_variable_index(variable)]
        return tf.cast(learning_rate if share == 1.0 else learning_rate * share, variable.dtype)

    def get_config(self) -> dict:
        return super().get_config() | {"layer_rates": dict(self.layer_rates)}


class _CoupledDecay(_LayerRates):
    """Mixin of an optimizer whose gradient has `l2 * kernel` added before anything else sees it.

    Scales, offsets and biases, which have one dimension, do not decay. Keras' own `weight_decay` is decoupled, which
    with momentum 0.9 is ten times weaker than what the paper's numbers mean.
    """

    def __init__(self, *args, l2: float = 0.0, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.l2 = l2

    def _decayed(self, gradient: tf.Tensor, variable: tf.Variable) -> tf.Tensor:
        return gradient + self.l2 * variable if self.l2 and len(variable.shape) > 1 else gradient

    def get_config(self) -> dict:
        return super().get_config() | {"l2": self.l2}


@keras.saving.register_keras_serializable("scarlet_tf")
class L2SGD(_CoupledDecay, keras.optimizers.SGD):
    """Momentum SGD with coupled weight decay. One fused update a variable: a supernet has thousands."""

    def __init__(self, learning_rate: float = 0.045, momentum: float = 0.9, l2: float = 0.0, **kwargs) -> None:
        super().__init__(learning_rate=learning_rate, momentum=momentum, l2=l2, **kwargs)

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        rate, gradient = self._rate_of(variable, learning_rate), self._decayed(gradient, variable)
        if not self.momentum:  # Keras then keeps no momentums
            tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=rate, delta=gradient)
            return
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=self.momentums[self._get_variable_index(variable)].value.handle,
            lr=rate,
            grad=gradient,
            momentum=tf.cast(self.momentum, variable.dtype),
        )


@keras.saving.register_keras_serializable("scarlet_tf")
class L2RMSProp(_CoupledDecay, keras.optimizers.Optimizer):
    """RMSProp with momentum and coupled weight decay, one fused update a variable:

    s <- rho s + (1 - rho) g^2,  m <- momentum m + rate g / sqrt(s + epsilon),  w <- w - m.

    Epsilon is *inside* the root and s starts at *one*, as in TensorFlow 1's RMSPropOptimizer with which EfficientNet
    and the mobile networks before it were trained (tensorflow/tpu, models/official/efficientnet/utils.py, whence the
    defaults too). Keras' RMSprop starts s at zero.
    """

    def __init__(
        self,
        learning_rate: float = 0.256,
        momentum: float = 0.9,
        l2: float = 0.0,
        rho: float = 0.9,
        epsilon: float = 1e-3,
        **kwargs,
    ) -> None:
        super().__init__(learning_rate=learning_rate, l2=l2, **kwargs)
        self.momentum, self.rho, self.epsilon = momentum, rho, epsilon

    @of_one_name()
    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self.mean_squares = self.add_optimizer_variables(variables, "mean_square", "ones")
        self.momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        index, dtype = self._get_variable_index(variable), variable.dtype
        tf.raw_ops.ResourceApplyRMSProp(
            var=variable.handle,
            ms=self.mean_squares[index].value.handle,
            mom=self.momentums[index].value.handle,
            lr=self._rate_of(variable, learning_rate),
            rho=tf.cast(self.rho, dtype),
            momentum=tf.cast(self.momentum, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=self._decayed(gradient, variable),
        )

    def get_config(self) -> dict:
        return super().get_config() | {"momentum": self.momentum, "rho": self.rho, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("scarlet_tf")
class AdamW(_LayerRates, keras.optimizers.AdamW):
    """Keras' AdamW, whose decoupled weight decay follows a layer's own learning rate too."""

    def _apply_weight_decay(self, variables: list) -> None:
        """Nothing: `update_step` does, which knows the layer."""

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        rate = self._rate_of(variable, learning_rate)
        variable.assign_sub(variable * tf.cast(self.weight_decay, variable.dtype) * rate)
        super().update_step(gradient, variable, rate)


@keras.saving.register_keras_serializable("scarlet_tf")
class LossScale(keras.optimizers.LossScaleOptimizer):
    """Keras' dynamic loss scale for float16, which leaves a step out where the gradient of *any* replica overflows.

    Keras' own asks the first replica alone, before gradients are summed: an infinity on another one would reach the
    weights, and workers would part ways.
    """

    def check_finite(self, grads: list) -> tf.Tensor:
        finite = super().check_finite(grads)
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return finite
        overflows = tf.cast(tf.logical_not(finite), tf.float32)
        return tf.equal(context.all_reduce(tf.distribute.ReduceOp.SUM, overflows), 0.0)
