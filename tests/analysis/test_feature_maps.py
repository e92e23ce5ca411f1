"""What the choices of a slot make of an image, against the blocks called one by one, and SciPy."""

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from scarlet_tf.analysis.feature_maps import FeatureMaps
from scarlet_tf.nets.supernet import build_supernet


def test_maps_are_the_outputs_of_the_blocks_on_the_reference_path(mini_space):
    supernet = build_supernet(mini_space, image_size=16, num_classes=3)
    rng = np.random.default_rng(0)
    for weight in supernet.weights:
        low = 0.5 if weight.name.endswith(("gamma", "variance")) else -0.5
        weight.assign(rng.uniform(low, low + 1.0, weight.shape))
    image = rng.normal(size=(16, 16, 3)).astype(np.float32)
    x = supernet.slots[0](supernet.stem(image[None]), choice=0, shortcut=False)
    expected = [supernet.slots[1](x, choice=choice, shortcut=True)[0] for choice in range(3)]
    maps = FeatureMaps.of(supernet, image, slot=1)
    assert maps.maps.shape == (3, 4, 4, 12)
    np.testing.assert_allclose(maps.maps, expected, rtol=1e-5, atol=1e-6)


def test_norms_and_cosines_are_over_pixels_and_channels():
    arrays = np.random.default_rng(1).normal(size=(3, 4, 5, 6))
    maps = FeatureMaps(np.concatenate([arrays, np.zeros((1, 4, 5, 6))]))
    np.testing.assert_allclose(maps.norms[:3], [np.linalg.norm(array.ravel()) for array in arrays])
    assert maps.norms[3] == 0
    for one in range(3):
        for other in range(3):
            expected = 1 - cosine(arrays[one].ravel(), arrays[other].ravel())
            assert maps.cosines[one, other] == pytest.approx(expected)
    assert maps.cosines[3].tolist() == [0, 0, 0, 0]


def test_strongest_channels_are_by_mean_absolute_value_of_one_choice():
    maps = np.zeros((2, 2, 2, 4))
    maps[0, ..., 1] = [[3, -3], [3, -3]]  # a mean of zero
    maps[0, ..., 3] = 1
    maps[0, 0, 0, 2] = 8  # a mean of 2
    maps[1, ..., 0] = 100
    assert FeatureMaps(maps).strongest_channels(0, 3).tolist() == [1, 2, 3]
    assert FeatureMaps(maps).strongest_channels(1, 1).tolist() == [0]
