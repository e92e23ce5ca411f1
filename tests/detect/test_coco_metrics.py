"""COCO's numbers on cases whose answer is known."""

import numpy as np
import pytest

pytest.importorskip("pycocotools")

from scarlet_tf.detect.evaluation import METRICS, coco_metrics, predictions
from scarlet_tf.detect.runtimes import Detector

TRUTH = {
    "images": [{"id": 10, "width": 200, "height": 200}, {"id": 11, "width": 200, "height": 200}],
    "categories": [{"id": 3, "name": "red"}, {"id": 7, "name": "blue"}],
    "annotations": [
        {"id": 1, "image_id": 10, "category_id": 3, "bbox": [10, 10, 40, 40], "area": 1600, "iscrowd": 0},
        {"id": 2, "image_id": 11, "category_id": 3, "bbox": [50, 50, 100, 100], "area": 10000, "iscrowd": 0},
    ],
}


def result(image_id, bbox, score, category_id=3):
    return {"image_id": image_id, "category_id": category_id, "bbox": bbox, "score": score}


PERFECT = [result(10, [10, 10, 40, 40], 0.9), result(11, [50, 50, 100, 100], 0.8)]


def test_perfect_detections():
    metrics = coco_metrics(TRUTH, PERFECT)
    assert set(metrics) == set(METRICS)
    assert [metrics[name] for name in ("AP", "AP_medium", "AP_large", "AR_100")] == pytest.approx([1] * 4)
    assert metrics["AP_small"] is None


def test_no_detections():
    assert coco_metrics(TRUTH, [])["AP"] == 0


def test_half_found_and_loosely_placed():
    half = coco_metrics(TRUTH, PERFECT[:1])
    assert half["AP50"] == pytest.approx(51 / 101)  # recall 0.5, read at 0, 0.01, ..., 1
    assert half["AR_100"] == pytest.approx(0.5)
    # 100x62 within 100x100: IoU 0.62, above 3 of the 10 thresholds
    loose = coco_metrics(TRUTH, [PERFECT[0], result(11, [50, 50, 100, 62], 0.8)])
    assert loose["AP_large"] == pytest.approx(0.3)
    assert loose["AP75"] == pytest.approx(51 / 101)


def test_wrong_class_and_crowds():
    assert coco_metrics(TRUTH, [result(10, [10, 10, 40, 40], 0.9, category_id=7)])["AP"] == 0
    crowd = {"id": 3, "image_id": 10, "category_id": 3, "bbox": [100, 100, 90, 90], "area": 8100, "iscrowd": 1}
    truth = TRUTH | {"annotations": [*TRUTH["annotations"], crowd]}
    within = result(10, [110, 110, 20, 20], 0.99)
    assert coco_metrics(truth, [*PERFECT, within])["AP"] == pytest.approx(1)
    assert coco_metrics(TRUTH, [*PERFECT, within])["AP"] < 0.9


def test_predictions_are_in_pixels_of_the_image(categories):
    boxes = np.zeros((1, 2, 4), np.float32)
    boxes[0, 0] = [16, 8, 32, 64]
    scores = np.zeros((1, 2, 2), np.float32)
    scores[0, 0, 1] = 0.75
    detector = Detector("fake", 64, categories, None, lambda images: (boxes, scores))
    batch = (np.zeros((1, 64, 64, 3), np.float32), np.array([42]), np.array([[100, 200]]))
    expected = {"image_id": 42, "category_id": 7, "bbox": [50, 25, 50, 75], "score": 0.75}
    assert list(predictions(detector, iter([batch]), 1, "test")) == [expected]
