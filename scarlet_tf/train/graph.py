"""How the graph of a training step is made, and how a CPU runs it. On GPUs it runs as TensorFlow has it."""

import gc
import math
import os
from collections.abc import Callable

import tensorflow as tf

_LANES_ON_CPU = 2  # more of them, of fewer channels each, make no step faster


def lanes_of_a_path() -> int:
    """In how many parts a path's channels are worked out side by side, where no other path is."""
    return 1 if tf.config.list_physical_devices("GPU") + tf.config.list_physical_devices("TPU") else _LANES_ON_CPU


def skip_graph_rewrites_on_cpu() -> None:
    """Turns Grappler off in this process, unless it has a GPU: call it before the first step.

    A fair step is a graph of 20,000 operations and more. On a CPU its rewrites take longer than all the rest of the
    start, and make no step faster; on a GPU they choose memory layouts, which pays.
    """
    if not tf.config.list_physical_devices("GPU"):
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def share_cores_among_streams(num_streams: int, cores: int | None = None) -> None:
    """Gives each operation the threads that its stream may have, `cores` (by default all) divided by the streams.

    The streams of a fair step do not depend on each other within a slot, nor do the lanes of a path within a block.
    Side by side with a thread each they take a sixth less time than one after the other with all threads in each
    operation. Call it before TensorFlow starts its devices; later it has no effect.
    """
    if tf.config.list_physical_devices("GPU"):
        return
    cores = cores or len(os.sched_getaffinity(0))
    try:
        tf.config.threading.set_inter_op_parallelism_threads(cores)
        tf.config.threading.set_intra_op_parallelism_threads(math.ceil(cores / num_streams))
    except RuntimeError:
        pass  # the devices run


def compiled(step: Callable) -> Callable:
    """`step` as a `tf.function`, for whose trace Python does not look for garbage.

    It would pass over the millions of objects that a graph is of, again and again, for a tenth of the start.
    """
    function = tf.function(step, autograph=False)

    def call(*arguments: object) -> object:
        if function.experimental_get_tracing_count() or not gc.isenabled():
            return function(*arguments)
        gc.disable()
        try:
            return function(*arguments)
        finally:
            gc.enable()

    return call
