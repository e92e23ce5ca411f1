"""The picture of feature maps: what is drawn where, in which scale, and text that can be read."""

import numpy as np
import pytest

from scarlet_tf.arch.spaces import get_space
from scarlet_tf.figures.feature_maps import Panel, feature_maps_figure
from scarlet_tf.figures.probes import choice_name


def panel(space, title: str, num_channels: int) -> Panel:
    rng = np.random.default_rng(len(title))
    maps = rng.normal(size=(space.num_choices, 7, 7, num_channels)) * 10.0 ** np.arange(-1, num_channels - 1)
    maps[..., 0] = 0.0
    channels = rng.choice(320, num_channels, replace=False).tolist()
    notes = [f"{norm:.3g}, {-0.123:z.2f}" for norm in 1e-4 * 10.0 ** np.arange(space.num_choices)]
    return Panel(title, maps, channels, notes, "norm, cosine\nto skip")


def figure_of(space, panels):
    names = list(map(choice_name, space.choices))
    image = np.random.default_rng(0).uniform(size=(28, 28, 3))
    return feature_maps_figure(image, "test image 1999 of fashion_mnist_small, Ankle boot", panels, names)


def test_each_map_is_drawn_in_the_scale_that_its_channel_has_for_all_choices():
    space = get_space("small")
    panels = [panel(space, "fair_els_0", 3), panel(space, "fair_skip_0", 3)]
    shown = [axes.images[0] for axes in figure_of(space, panels).axes if axes.images]
    assert shown[0].get_array().shape == (28, 28, 3)
    maps = iter(shown[1:])
    for one in panels:
        limits = np.abs(one.maps).max(axis=(0, 1, 2))
        for choice in range(space.num_choices):
            for column in range(3):
                drawn = next(maps)
                np.testing.assert_array_equal(drawn.get_array(), one.maps[choice, :, :, column])
                limit = limits[column] or 1.0
                np.testing.assert_allclose(drawn.get_clim(), (-limit, limit))
    assert next(maps, None) is None


def test_columns_say_which_channel_and_scale_they_are():
    space = get_space("small")
    one = panel(space, "fair_els_0", 2)
    texts = {text.get_text() for text in figure_of(space, [one]).texts}
    assert {"fair_els_0", "E3 K3", "skip", "norm, cosine\nto skip", *one.notes} <= texts
    assert f"ch. {one.channels[1]}\n±{np.abs(one.maps[..., 1]).max():.2g}" in texts


@pytest.mark.parametrize(("name", "num_panels", "num_channels"), [("small", 1, 1), ("s1", 2, 6), ("s2", 3, 8)])
def test_no_text_is_cut_or_overlaps_another(name, num_panels, num_channels, check_legible):
    space = get_space(name)
    check_legible(figure_of(space, [panel(space, f"fair_els_{seed}", num_channels) for seed in range(num_panels)]))
