"""Training curves in updates of a block, by hand."""

from dataclasses import astuple

import pytest

from scarlet_tf.analysis.course import MAX_POINTS, probe_points, training_curve, updates_per_step


def line(step: int, loss: float, accuracy: float = 0.5) -> dict:
    return {"step": step, "epoch": step / 40, "loss": loss, "accuracy": accuracy, "images_per_second": 1.0}


def test_updates_of_a_step():
    assert updates_per_step("fair", 7) == 1
    assert updates_per_step("spos", 4) == 0.25


def test_curve_of_fair_steps_is_its_lines_where_these_are_windows():
    points = training_curve([line(20, 2.0, 0.1), line(40, 1.0, 0.3)], 1.0)
    assert [astuple(point) for point in points] == [(10, 2.0, 0.1), (30, 1.0, 0.3)]


def test_lines_count_by_the_steps_they_are_means_over():
    # windows of steps 0 to 30 and 30 to 60; a line belongs where its middle is
    lines = [line(20, 1.0), line(25, 4.0), line(40, 10.0), line(60, 20.0)]
    first, second = training_curve([*lines], 0.75)  # 45 updates: two windows
    assert (first.updates, first.loss) == pytest.approx((0.75 * (10 * 20 + 22.5 * 5) / 25, (20 * 1 + 5 * 4) / 25))
    assert (second.updates, second.loss) == pytest.approx((0.75 * (32.5 * 15 + 50 * 20) / 35, (150 + 400) / 35))


def test_sampled_paths_are_averaged_over_as_many_as_a_fair_window_has():
    lines = [line(20 * number, float(number)) for number in range(1, 9)]
    points = training_curve(lines, 0.25)  # 160 steps, 40 updates of a block
    assert [(point.updates, point.loss) for point in points] == [(10, 2.5), (30, 6.5)]


def test_a_short_training_is_one_point_and_a_long_one_no_more_than_the_most():
    assert [astuple(point) for point in training_curve([line(8, 2.0)], 1.0)] == [(4, 2.0, 0.5)]
    assert len(training_curve([line(20 * number, 1.0) for number in range(1, 1001)], 1.0)) == MAX_POINTS


def test_probes_keep_their_health_and_count_updates():
    health = {"mean": 0.4, "std": 0.1, "min": 0.1, "max": 0.6, "noise": 0.02, "at_chance": 0.05}
    record = {
        "step": 80,
        "epoch": 2.0,
        "images": 500,
        "bn": "batch",
        "paths": [[0, 1]],
        "accuracies": [0.4],
        "health": health,
        "similarity": [[[1.0]]],
        "least_updates": 1,
        "most_updates": 2,
    }
    (point,) = probe_points([record], 0.25)
    assert (point.updates, point.epoch, point.images) == (20, 2.0, 500)
    assert vars(point.health) == health
