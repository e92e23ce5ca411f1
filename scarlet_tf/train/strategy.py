"""Where a training runs: one device, several GPUs of a host, or a TPU slice."""

import tensorflow as tf

from scarlet_tf.errors import InputError


def make_strategy(name: str, tpu: str = "") -> tf.distribute.Strategy:
    """The `tf.distribute` strategy that `--strategy` names; `auto` takes all GPUs there are, else the CPU.

    Raises InputError where the devices asked for are not there.
    """
    if name == "tpu":
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(tpu)
        except (ValueError, tf.errors.OpError, ImportError) as error:
            raise InputError(f"--strategy=tpu needs a TPU; name it with --tpu. Received: {error}") from error
        return tf.distribute.TPUStrategy(resolver)
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
