"""XLA, which a TPU needs, compiles the whole fair step."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.nets.supernet import build_supernet
from scarlet_tf.train.optimizers import L2SGD


@pytest.mark.parametrize(
    ("num_slots", "num_choices", "settings"), [(3, 3, {}), (2, 2, {"rematerialize": True, "streams_at_once": 1})]
)
def test_the_compiled_fair_step_does_what_the_ordinary_one_does(without_skip, num_slots, num_choices, settings):
    space = replace(without_skip, slots=without_skip.slots[:num_slots], choices=without_skip.choices[:num_choices])
    rng = np.random.default_rng(0)
    images = rng.normal(size=(6, 8, 8, 3)).astype(np.float32)
    batch = tf.constant(images), tf.constant(rng.integers(0, 5, 6), tf.int32)
    start, results = build_supernet(space, 8, 5).get_weights(), []
    for jit_compile in (False, True):
        supernet = build_supernet(space, 8, 5, seed=2, **(settings if jit_compile else {}))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        supernet.compile(L2SGD(0.1, l2=1e-3), loss, metrics=["accuracy"], jit_compile=jit_compile)
        supernet.optimizer.build(supernet.trainable_variables)
        supernet.compute_metrics(None, tf.zeros([1], tf.int32), tf.zeros([1, 5]))
        supernet.set_weights(start)
        step = tf.function(supernet.train_step, autograph=False, jit_compile=jit_compile)
        logs = step(batch)
        results.append(
            [np.asarray(value) for value in (*supernet.weights, *supernet.optimizer.variables, logs["loss"])]
        )
    assert any(np.abs(weight - before).max() > 1e-3 for weight, before in zip(results[0], start, strict=False))
    for ordinary, compiled in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, ordinary, rtol=1e-4, atol=1e-4 * max(np.abs(ordinary).max(), 1e-3))
