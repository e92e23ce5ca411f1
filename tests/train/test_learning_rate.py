"""The staircase; the cosine is tested with the loop that uses it."""

import keras
import numpy as np
import pytest

from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.learning_rate import StaircaseDecay, learning_rate


@pytest.mark.parametrize(("warmup_epochs", "warmup_steps"), [(0.0, 0), (1.5, 15), (5.0, 50), (20.0, 0)])
def test_rate_climbs_a_line_and_falls_a_step_every_so_many_epochs(mini_space, warmup_epochs, warmup_steps):
    config = TrainConfig(
        "synthetic",
        16,
        space=mini_space,
        learning_rate=0.256,
        schedule="exponential",
        decay_rate=0.97,
        decay_epochs=2.4,
        warmup_epochs=warmup_epochs,
    )
    schedule = learning_rate(config, total_steps=100, steps_per_epoch=10)
    received = [float(schedule(step)) for step in range(100)]
    expected = [
        0.256 * step / warmup_steps if step < warmup_steps else 0.256 * 0.97 ** (step // 24) for step in range(100)
    ]
    np.testing.assert_allclose(received, expected, rtol=1e-6)


def test_a_step_may_fall_between_two_steps_of_training():
    schedule = StaircaseDecay(1.0, 0.5, decay_steps=2.5)
    assert [float(schedule(step)) for step in range(9)] == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]


def test_staircase_comes_back_from_its_config():
    schedule = StaircaseDecay(0.3, 0.9, 7.2, 5)
    copy = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    assert copy.get_config() == schedule.get_config()
    assert [float(copy(step)) for step in range(20)] == [float(schedule(step)) for step in range(20)]
