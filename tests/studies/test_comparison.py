"""Two kinds of runs beside each other, by numbers worked out by hand."""

import numpy as np
import pytest
from scipy import stats

from scarlet_tf.studies.comparison import Comparison


def test_differences_are_taken_seed_by_seed():
    """Values that vary by 10 from seed to seed, and hardly by kind: unpaired, the interval would hold zero."""
    comparison = Comparison("size (M)", [1.0, 11.0, 21.0], [2.0, 12.0, 23.0], ".1f")
    difference = comparison.difference
    expected = stats.ttest_rel([2.0, 12.0, 23.0], [1.0, 11.0, 21.0]).confidence_interval(0.95)
    np.testing.assert_allclose((difference.low, difference.high), expected)
    assert difference.value == pytest.approx(4 / 3)


def test_runs_that_agree_have_an_interval_of_no_width():
    comparison = Comparison("size (M)", [1.0, 1.0], [0.5, 0.5], ".2f")
    assert comparison.row == ("size (M)", "1.00 [1.00, 1.00]", "0.50 [0.50, 0.50]", "-0.50 [-0.50, -0.50]")
    assert comparison.to_dict() == {
        "label": "size (M)",
        "base": {"by_seed": [1.0, 1.0], "value": 1.0, "low": 1.0, "high": 1.0},
        "other": {"by_seed": [0.5, 0.5], "value": 0.5, "low": 0.5, "high": 0.5},
        "difference": {"value": -0.5, "low": -0.5, "high": -0.5},
    }
