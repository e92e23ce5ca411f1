"""The picture of pairs that one kind of supernet orders wrongly."""

from types import SimpleNamespace

import numpy as np

from scarlet_tf.figures.contrast_study import ShownPair, contrast_figure

PAIR = ShownPair(
    networks=(1, 0),
    accuracies={"truth": (0.9, 0.8), "skip": (0.1, 0.2), "els": (0.3, 0.2)},
    percentiles={"truth": (50, 0), "skip": (25, 75), "els": (60, 40)},
    skips=(2, 0),
    wrong_seeds={"skip": 1, "els": 0},
)


def drawn(only_skip, only_els):
    intervals = {
        "skip": SimpleNamespace(value=30.0, low=20.0, high=40.0),
        "els": SimpleNamespace(value=10.0, low=5.0, high=15.0),
    }
    skips, residuals = np.array([0, 0, 2]), {"skip": np.array([1.0, 3.0, -4.0]), "els": np.zeros(3)}
    return contrast_figure(only_skip, only_els, {"skip": [28.0, 32.0], "els": [10.0]}, intervals, skips, residuals)


def test_a_pair_is_drawn_where_its_networks_rank():
    first = drawn([PAIR], []).axes[0]
    better, worse = first.lines
    np.testing.assert_array_equal(better.get_ydata(), [50, 25, 60])
    np.testing.assert_array_equal(worse.get_ydata(), [0, 75, 40])
    assert "10.0 points apart" in first.get_title()
    assert sorted(text.get_text() for text in first.texts) == sorted(
        ["90.0%", "80.0%", "10.0%", "20.0%", "30.0%", "20.0%"]
    )


def test_no_pair_is_said_to_be_none():
    figure = drawn([PAIR], [])
    texts = [text.get_text() for part in figure.subfigs for text in part.texts]
    assert texts.count("no such pair") == 1


def test_more_than_five_pairs_are_not_drawn():
    pairs = drawn([PAIR] * 7, [PAIR])
    assert sum(bool(axes.lines) for axes in pairs.axes[:5]) == 5


def test_errors_and_mean_residuals_are_drawn():
    errors, judged = drawn([PAIR], []).axes[-2:]
    values = {line.get_xdata()[0] for line in errors.lines if len(line.get_xdata()) == 1}
    assert {30.0, 10.0} <= values
    np.testing.assert_allclose(judged.lines[0].get_ydata(), [2.0, -4.0])
