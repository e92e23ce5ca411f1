import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from scarlet_tf.arch.spaces import get_space
from scarlet_tf.nets.blocks import InvertedBottleneck
from scarlet_tf.nets.supernet import Supernet

torch = pytest.importorskip("torch")

NUM_CLASSES = 4


@pytest.fixture(scope="module")
def space():
    s2 = get_space("s2")
    choices = (s2.choices[1], s2.choices[8], "skip")  # E3 K5; E3 K7 with squeeze-excite
    return replace(s2, name="tiny", slots=s2.slots[:4], choices=choices, head=replace(s2.head, filters=16))


@pytest.fixture
def torch_supernet(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    return importlib.import_module("benchmarks.torch_supernet")


def _copy(kernel, theirs, bias=None):
    """kernel (k, k, in, out), (k, k, channels, 1) or (in, out)."""
    array = np.asarray(kernel)
    if array.ndim == 4:
        depthwise = theirs.groups > 1
        array = array.transpose(2, 3, 0, 1) if depthwise else array.transpose(3, 2, 0, 1)
    else:
        array = array.T
    assert array.shape == tuple(theirs.weight.shape)
    theirs.weight.data = torch.tensor(array)
    if bias is not None:
        theirs.bias.data = torch.tensor(np.asarray(bias))


def _copy_conv_bn(ours, theirs):
    conv, norm = theirs
    _copy(ours.kernel, conv)
    for weight, tensor in (
        (ours.gamma, norm.weight),
        (ours.beta, norm.bias),
        (ours.mean, norm.running_mean),
        (ours.variance, norm.running_var),
    ):
        tensor.data = torch.tensor(np.asarray(weight))


def _copy_supernet(ours, theirs):
    for conv_bn, index in zip(ours.stem.convs, (0, 2, 4), strict=True):
        _copy_conv_bn(conv_bn, theirs.stem[index])
    for our_slot, their_slot in zip(ours.slots, theirs.slots, strict=True):
        for our, their in zip(our_slot.candidates, their_slot, strict=True):
            if not isinstance(our, InvertedBottleneck):
                _copy(our.kernel, their)
                continue
            for name in ("expand", "depthwise", "project"):
                _copy_conv_bn(getattr(our, name), getattr(their, name))
            if our.use_se:
                _copy(our.squeeze_kernel, their.squeeze, our.squeeze_bias)
                _copy(our.excite_kernel, their.excite, our.excite_bias)
    _copy_conv_bn(ours.head[0].conv, theirs.head[0])
    _copy(ours.head[-1].kernel, theirs.logits, ours.head[-1].bias)


@pytest.mark.parametrize("path", [(0, 1, 0, 1), (2, 0, 1, 2)])
def test_both_implementations_are_the_same_network(space, torch_supernet, path):
    ours = Supernet(space, 32, NUM_CLASSES)
    rng = np.random.default_rng(0)
    for weight in ours.weights:
        weight.assign(weight + rng.uniform(0.0, 0.1, weight.shape))
    theirs = torch_supernet.TorchSupernet(space, NUM_CLASSES)
    _copy_supernet(ours, theirs)

    trainable = sum(int(np.prod(weight.shape)) for weight in ours.trainable_weights)
    assert sum(weight.numel() for weight in theirs.parameters()) == trainable

    images = rng.standard_normal((2, 32, 32, 3)).astype(np.float32)
    for training in (False, True):
        expected = ours(tf.constant(images), path=path, training=training)
        received = theirs.train(training)(torch.from_numpy(images).permute(0, 3, 1, 2), path)
        np.testing.assert_allclose(received.detach().numpy(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("draw", ["fair_paths", "sampled_path"])
def test_a_step_of_the_peer_moves_the_weights_of_its_paths(space, torch_supernet, draw):
    net = torch_supernet.TorchSupernet(space, NUM_CLASSES)
    before = {name: weight.detach().clone() for name, weight in net.named_parameters()}
    optimizer = torch_supernet.sgd(net, 0.1, 0.9, 1e-4)
    images, labels = torch.randn(4, 3, 32, 32), torch.arange(4)
    paths = getattr(torch_supernet, draw)(space, np.random.default_rng(0))
    loss = torch_supernet.train_step(net, optimizer, images, labels, paths)
    assert 0.0 < loss < 10.0
    moved = {name for name, weight in net.named_parameters() if (weight != before[name]).any()}
    on_paths = tuple(f"slots.{slot}.{choice}." for path in paths for slot, choice in enumerate(path))
    assert moved == {name for name in before if not name.startswith("slots.") or name.startswith(on_paths)}
