"""The number format that a training computes in; its weights are float32 whatever that is."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers made inside compute by Keras' dtype policy `precision`; float32 leaves the policy as it is.

    They cast float32 weights, but for batch norms, which take float32 scales, offsets and statistics beside images of
    16 bits. The classifier computes in float32, and so does the loss.
    """
    before = keras.config.dtype_policy()
    if precision != "float32":
        keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
