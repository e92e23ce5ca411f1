"""How the global batch is shared out, and devices that are not there."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.data import load_dataset
from scarlet_tf.errors import InputError
from scarlet_tf.train.strategy import check_batch_size, own_share


def test_workers_shares_are_together_what_one_process_sees():
    batches = load_dataset("synthetic").training_batches(24, 8, seed=3, start_step=5, num_steps=2)
    shares = []
    for worker in range(3):
        context = tf.distribute.InputContext(3, worker, num_replicas_in_sync=6)
        shares.append(list(own_share(batches, 24, context)))
        assert [len(labels) for _, labels in shares[-1]] == [4] * 4  # two replicas a worker, two steps
    for step, whole in enumerate(batches):
        for part in range(2):
            parts = [share[2 * step + replica][part] for share in shares for replica in range(2)]
            np.testing.assert_array_equal(np.concatenate(parts), whole[part])


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    check_batch_size(SimpleNamespace(num_replicas_in_sync=3), 24)
    with pytest.raises(InputError, match=r"--batch_size must be a multiple of 5, .* Received: 24\."):
        check_batch_size(SimpleNamespace(num_replicas_in_sync=5), 24)
