"""Vectors seen in a plane, against the vectors themselves and a singular value decomposition."""

import numpy as np
import pytest

from scarlet_tf.analysis.plane import Plane, angles_degrees


def test_vectors_of_one_plane_are_seen_as_they_are():
    degrees = np.radians([0, 20, 75, -10])
    flat = np.stack([np.cos(degrees), np.sin(degrees)], axis=1) * [[1], [2], [1], [0.5]]
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(9, 2)))[0]
    vectors = flat @ basis.T  # (4, 9)
    plane = Plane.of(vectors @ vectors.T, upwards=2)
    np.testing.assert_allclose(plane.points @ plane.points.T, vectors @ vectors.T, atol=1e-12)
    assert plane.share == pytest.approx(1)
    np.testing.assert_allclose(plane.shares, 1)
    assert plane.points[2, 1] > 0
    assert plane.points[:, 0].sum() > 0


def test_plane_holds_the_share_of_two_of_three_equal_directions():
    plane = Plane.of(np.eye(3), upwards=0)
    assert plane.share == pytest.approx(2 / 3)
    assert sorted(plane.shares.round(6)) == [0, 1, 1]


def test_points_are_those_of_the_two_largest_singular_values():
    vectors = np.random.default_rng(1).normal(size=(6, 40)) + 0.5
    plane = Plane.of(vectors @ vectors.T, upwards=3)
    u, s, _ = np.linalg.svd(vectors, full_matrices=False)
    np.testing.assert_allclose(np.abs(plane.points), np.abs(u[:, :2] * s[:2]), atol=1e-9)
    assert plane.share == pytest.approx((s[:2] ** 2).sum() / (s**2).sum())
    np.testing.assert_allclose(plane.shares, (plane.points**2).sum(axis=1) / (vectors**2).sum(axis=1))


def test_angles_are_those_of_the_vectors_not_of_their_points():
    vectors = np.array([[1.0, 0, 0], [1, 1, 0], [0, 0, 3], [-2, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(angles_degrees(vectors @ vectors.T, 0), [0, 45, 90, 180, 90], atol=1e-6)
