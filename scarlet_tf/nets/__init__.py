"""Keras layers and models: blocks, stabilizer, standalone networks, supernet."""
