import numpy as np
import pytest

from scarlet_tf.arch.spec import ArchSpec, Head, MBConv, Projection, Skip, Stem
from scarlet_tf.nets.standalone import build_model

torch = pytest.importorskip("torch")

ARCHS = [
    ArchSpec(
        "separable",
        Stem(8, separable_filters=6),
        (MBConv(3, 7, 12, stride=2), MBConv(6, 5, 12, se=True), Skip(16, stride=2), MBConv(3, 3, 16)),
        Head(32),
    ),
    ArchSpec(
        "projecting",
        Stem(8, stride=1),
        (Projection(12, stride=2), MBConv(3, 5, 12), Skip(12)),
        Head(16, "relu"),
        "relu6",
    ),
]


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.name)
def test_both_implementations_are_the_same_network(arch):
    from benchmarks.torch_network import torch_network

    ours = build_model(arch, 32, 7)
    rng = np.random.default_rng(0)
    for weight in ours.weights:
        if weight.name.endswith(("gamma", "variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif len(weight.shape) == 1:
            weight.assign(rng.normal(0, 0.3, weight.shape))
    theirs = torch_network(arch, ours)
    assert sum(weight.numel() for weight in theirs.parameters()) == sum(
        int(np.prod(weight.shape)) for weight in ours.trainable_weights
    )
    images = rng.standard_normal((3, 32, 32, 3)).astype(np.float32)
    expected = np.asarray(ours(images, training=False))
    with torch.inference_mode():
        received = theirs(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
