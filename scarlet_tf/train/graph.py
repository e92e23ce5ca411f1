"""How TensorFlow treats the graph of a training step."""

import tensorflow as tf


def skip_graph_rewrites_on_cpu() -> None:
    """Turns Grappler off in this process, unless it has a GPU: call it before the first step.

    A fair step is a graph of 20,000 operations and more. On a CPU its rewrites take longer than all the rest of the
    start, and make no step faster; on a GPU they choose memory layouts, which pays.
    """
    if not tf.config.list_physical_devices("GPU"):
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
