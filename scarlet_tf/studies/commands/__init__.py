"""The commands of `python -m scarlet_tf.analyze`, one a module."""
