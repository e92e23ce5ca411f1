import gc
import subprocess
import sys

import pytest
import tensorflow as tf

from scarlet_tf.train.graph import compiled

THREADS = """
import tensorflow as tf
from scarlet_tf.train.graph import share_cores_among_streams
if {late}:
    tf.zeros([1])
share_cores_among_streams({streams}, {cores})
print(tf.config.threading.get_intra_op_parallelism_threads(), tf.config.threading.get_inter_op_parallelism_threads())
"""


@pytest.mark.parametrize(
    ("streams", "cores", "late", "threads"),
    [(13, 2, False, "1 2"), (7, 16, False, "3 16"), (7, 16, True, "0 0")],
)
def test_streams_share_the_cores_where_devices_are_not_up_yet(streams, cores, late, threads):
    program = THREADS.format(streams=streams, cores=cores, late=late)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == threads


def test_compiled_step_is_traced_once_and_leaves_the_garbage_collector_on():
    traced = []

    @compiled
    def step(x: tf.Tensor) -> tf.Tensor:
        traced.append(gc.isenabled())
        return x + 1

    assert [int(step(tf.constant(value))) for value in (1, 2, 3)] == [2, 3, 4]
    assert traced == [False]
    assert gc.isenabled()

    @compiled
    def broken(x: tf.Tensor) -> tf.Tensor:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        broken(tf.constant(1))
    assert gc.isenabled()
