import numpy as np
import pytest

from scarlet_tf.analysis.estimate import proportion
from scarlet_tf.figures.equivariance_study import LABELS, equivariance_figure

VARIANTS = ("els", "els_relu", "none")


def study(seeds=(0,), epochs=5, variants=VARIANTS):
    """Numbers as of a study: losses fall and accuracies rise, each variant and seed a little apart."""
    runs = []
    for seed in seeds:
        for offset, variant in enumerate(variants):
            lines = range(1, epochs + 1)
            runs.append(
                {
                    "variant": variant,
                    "seed": seed,
                    "losses": [{"epoch": float(epoch), "loss": 1 / epoch + 0.1 * offset + seed} for epoch in lines],
                    "validation": [
                        {"epoch": float(epoch), "images": 200, "correct": 100 + 8 * epoch + offset + 2 * seed}
                        for epoch in lines
                    ],
                }
            )
    others = {"els": "removed", "els_relu": "without_relu"}
    names = [name for name in LABELS if name in {*variants, *(others.get(variant) for variant in variants)}]
    over = {"over": "images" if len(seeds) == 1 else "seeds"}
    accuracy = {name: {"value": 0.8 + 0.01 * row, "low": 0.78, "high": 0.87} | over for row, name in enumerate(names)}
    difference = {
        name: {"value": 0.01 * row, "low": -0.02, "high": 0.03 + 0.01 * row} | over
        for row, name in enumerate(names)
        if row
    }
    return {
        "images": {"validation": 200, "test": 1000},
        "seeds": list(seeds),
        "runs": runs,
        "accuracy": accuracy,
        "difference_from_none": difference,
    }


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_all_texts_are_in_the_picture_and_apart(seeds, check_legible):
    check_legible(equivariance_figure(study(seeds)))


def test_curves_are_the_means_over_the_seeds_and_thin_each_seed():
    loss, validation, *_ = equivariance_figure(study((0, 2))).axes
    by_label = {line.get_label(): line for line in loss.lines}
    np.testing.assert_allclose(by_label["ELS-ReLU"].get_ydata(), [1 / epoch + 1.1 for epoch in range(1, 6)])
    assert len(loss.lines) == len(validation.lines) == 3 + 3 * 2
    assert len(validation.collections) == 0
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["none", "ELS", "ELS-ReLU"]


def test_one_seed_has_a_band_of_its_images():
    _, validation, *_ = equivariance_figure(study()).axes
    assert len(validation.lines) == len(validation.collections) == 3
    ends = proportion(108, 200)  # of the first variant's first epoch
    first = validation.collections[0].get_paths()[0].vertices
    heights = {round(float(y), 6) for x, y in first if x == 1.0}
    assert heights == {round(ends.low, 6), round(ends.high, 6)}


def test_estimates_stand_in_percent_with_their_intervals():
    *_, accuracy, difference = equivariance_figure(study()).axes
    assert [text.get_text() for text in accuracy.get_yticklabels()] == ["none", "ELS", "ELS,\nthen removed", "ELS-ReLU"]
    points = [container.lines[0].get_xydata()[0].tolist() for container in difference.containers]
    assert points == [[pytest.approx(value), row] for row, value in enumerate((1.0, 2.0, 3.0))]
    (low, _), (high, _) = difference.containers[0].lines[2][0].get_segments()[0]
    assert (low, high) == pytest.approx((-2.0, 4.0))


def test_a_part_of_the_variants_is_drawn():
    loss, _, accuracy, _ = equivariance_figure(study(variants=("none", "els_relu"))).axes
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["none", "ELS-ReLU"]
    assert "ELS" not in [text.get_text() for text in accuracy.get_yticklabels()]
