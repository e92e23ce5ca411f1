"""Two replicas with synchronised batch norms against one device with the whole batch."""

import subprocess
import sys
from dataclasses import replace

SCRIPT = """
import keras, numpy as np, tensorflow as tf
from scarlet_tf.arch import SearchSpace
from scarlet_tf.nets.supernet import build_supernet
from scarlet_tf.nets.sync_batch_norm import synchronise
from scarlet_tf.train.graph import skip_graph_rewrites_on_cpu
from scarlet_tf.train.optimizers import L2SGD

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
skip_graph_rewrites_on_cpu()
space = SearchSpace.from_dict(SPACE)
rng = np.random.default_rng(0)
images = rng.normal(size=(8, 8, 8, 3)) + np.arange(8)[:, None, None, None]  # the halves differ in mean and in spread
images, labels = (images * np.linspace(0.5, 2, 8)[:, None, None, None]).astype("float32"), rng.integers(0, 5, 8)

def trained(strategy, **settings):
    with strategy.scope():
        supernet = build_supernet(space, 8, 5, **settings)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        supernet.compile(L2SGD(0.1, momentum=0.9), loss, jit_compile=False)
        supernet.optimizer.build(supernet.trainable_variables)
    supernet.set_weights(start)
    synchronise(supernet)
    dataset = tf.data.Dataset.from_tensors((images, labels))
    step = tf.function(lambda batch: strategy.run(supernet.train_step, args=(batch,)), autograph=False)
    for batch in strategy.experimental_distribute_dataset(dataset):
        step(batch)
    return supernet

start = build_supernet(space, 8, 5).get_weights()
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
alone, together = trained(tf.distribute.OneDeviceStrategy("CPU:0")), trained(mirrored)
for one, other in zip(alone.variables, together.variables, strict=True):
    np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-6, err_msg=one.path)
recomputed = trained(mirrored, rematerialize=True, streams_at_once=2)
for one, other in zip(together.variables, recomputed.variables, strict=True):
    np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-6, err_msg=one.path)
moved = {"gamma": 0, "beta": 0, "kernel": 0, "mean": 0, "variance": 0}
for weight, before in zip(alone.weights, start, strict=True):
    for name in moved:
        if weight.name.endswith(name):
            moved[name] = max(moved[name], np.abs(weight - before).max())
assert min(moved.values()) > 1e-4, moved
for weight in together.weights:
    first, second = (copy.numpy() for copy in mirrored.experimental_local_results(weight.value))
    np.testing.assert_array_equal(first, second, err_msg=weight.path)
print("done")
"""


def test_replicas_step_as_one_device_does(without_skip):
    space = replace(without_skip, slots=without_skip.slots[:2], choices=without_skip.choices[1:])
    script = SCRIPT.replace("SPACE", repr(space.to_dict()))
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout == "done\n"
