"""Boxes on pictures, by their pixels."""

import numpy as np
from PIL import Image

from scarlet_tf.detect.drawing import class_colour, draw_boxes


def test_box_has_its_colour_and_leaves_the_rest(categories):
    picture = Image.new("RGB", (200, 160), (250, 250, 250))
    drawn = np.array(draw_boxes(picture, [(50, 40, 120, 100)], [1], [0.5], categories))
    colour = class_colour(1)
    for y, x in ((40, 80), (100, 80), (70, 50), (70, 120)):
        assert tuple(drawn[y, x]) == colour
    assert (drawn[50:95, 60:110] == 250).all()
    assert (drawn[110:] == 250).all()
    assert (drawn[25:40, 50:70] != 250).any()  # the label above it
    assert (np.array(picture) == 250).all()


def test_boxes_at_the_edges_and_grey_pictures_are_drawn(categories):
    picture = Image.new("L", (60, 40), 200)
    drawn = draw_boxes(picture, [(0, 0, 60, 40), (59, 39, 59, 39)], [0, 1], [0.9, 0.3], categories)
    assert (drawn.size, drawn.mode) == ((60, 40), "RGB")


def test_classes_differ_and_are_dark_enough_for_white_letters():
    colours = [class_colour(label) for label in range(80)]
    assert len(set(colours)) == 80
    luminance = (np.array(colours) / 255) ** 2.2 @ [0.2126, 0.7152, 0.0722]
    assert luminance.max() < 0.45
