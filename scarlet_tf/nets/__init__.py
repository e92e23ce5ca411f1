"""Keras layers and models: blocks, stabilizer, standalone networks, supernet. Importing it registers all of them."""

import keras  # noqa: F401  (first: its import, wherever it comes from, is what imports this package)

from scarlet_tf.nets import standalone, supernet  # noqa: F401
