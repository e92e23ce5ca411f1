"""Focal loss and smooth L1 against NumPy, and what they weigh."""

import numpy as np
import pytest

pytest.importorskip("keras_hub")

from scarlet_tf.detect.losses import FocalLoss, SmoothL1Loss


def test_focal_loss_is_the_papers_formula():
    rng = np.random.default_rng(0)
    logits, truth = rng.normal(0, 3, (2, 5, 4)), np.eye(4)[rng.integers(0, 4, (2, 5))]
    weight = rng.uniform(size=(2, 5))
    p = 1 / (1 + np.exp(-logits))
    p_t, alpha_t = np.where(truth == 1, p, 1 - p), np.where(truth == 1, 0.25, 0.75)
    expected = -(alpha_t * (1 - p_t) ** 2 * np.log(p_t) * weight[..., None]).sum()
    received = FocalLoss()(np.float32(truth), np.float32(logits), np.float32(weight))
    np.testing.assert_allclose(received, expected, rtol=1e-5)


def test_smooth_l1_is_quadratic_below_a_ninth():
    truth = np.zeros((1, 2, 4), np.float32)
    errors = np.float32([[[0.0, 0.05, -0.05, 1.0], [-2.0, 0.0, 0.0, 0.0]]])
    per_anchor = [2 * 4.5 * 0.05**2 + (1 - 1 / 18), 2 - 1 / 18]
    received = SmoothL1Loss()(truth, errors, np.float32([[1.0, 0.5]]))
    np.testing.assert_allclose(received, per_anchor[0] + 0.5 * per_anchor[1], rtol=1e-6)
