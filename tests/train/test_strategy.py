"""How the global batch is shared out, and devices that are not there."""

import socket
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.data import load_dataset
from scarlet_tf.errors import InputError
from scarlet_tf.train.strategy import check_batch_size, make_strategy, own_share


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


def test_a_tpu_that_is_not_there_is_named_at_once():
    with pytest.raises(InputError, match=r"--tpu='grpc://127\.0\.0\.1:1', which does not answer"):
        make_strategy("tpu", "grpc://127.0.0.1:1", connect_timeout=3600)


def test_a_tpu_that_stays_silent_is_named_in_time(mini_files, tmp_path, run_command):
    """As a host does that is up but holds no TPU: it accepts the connection."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"grpc://127.0.0.1:{silent.getsockname()[1]}"
        flags = (f"--space={mini_files / 'space.json'}", "--dataset=synthetic", "--image_size=16", "--batch_size=20")
        flags = (*flags, "--strategy=tpu", f"--tpu={address}", "--connect_timeout=1", f"--workdir={tmp_path / 'out'}")
        done = run_command("train", *flags)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "within --connect_timeout=1 s; name it with --tpu, or give its address as grpc://host:port. " in done.stderr
    assert address in done.stderr
    assert not (tmp_path / "out").exists()
