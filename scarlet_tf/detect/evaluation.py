"""Average precision as COCO counts it, by pycocotools."""

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from scarlet_tf.detect.batches import DetectionDataset
from scarlet_tf.detect.letterbox import boxes_to_image
from scarlet_tf.detect.runtimes import Detector
from scarlet_tf.progress import progress

METRICS = (
    "AP",
    "AP50",
    "AP75",
    "AP_small",
    "AP_medium",
    "AP_large",
    "AR_1",
    "AR_10",
    "AR_100",
    "AR_small",
    "AR_medium",
    "AR_large",
)
"""COCO's twelve numbers: average precision over IoU 0.5 to 0.95, at 0.5, at 0.75, and for small (below 32^2 pixels),
medium and large (from 96^2) objects; average recall with 1, 10 and 100 detections an image, and by size."""


def coco_metrics(ground_truth: Mapping, results: Sequence[Mapping]) -> dict[str, float | None]:
    """METRICS of `results`, in COCO's form, against annotations in COCO's form; None where there is no such object."""
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports what it does
        truth, detected = COCO(), COCO()
        truth.dataset = {key: [dict(entry) for entry in entries] for key, entries in ground_truth.items()}
        truth.createIndex()
        if results:
            detected = truth.loadRes([dict(result) for result in results])
        else:  # which loadRes cannot take
            detected.dataset = truth.dataset | {"annotations": []}
            detected.createIndex()
        evaluation = COCOeval(truth, detected, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: None if value < 0 else float(value) for name, value in zip(METRICS, evaluation.stats, strict=True)}


def predictions(
    detector: Detector, batches: Iterator[tuple[np.ndarray, ...]], total: int, description: str
) -> Iterator[dict]:
    """What `detector` finds, in COCO's form: image_id, category_id, bbox (x, y, width, height) in pixels of the image,
    score. `batches` are those of `evaluation_batches`, of `total` images."""
    seen = 0
    with progress(description, total) as report:
        for images, image_ids, sizes in batches:
            for image_id, size, found in zip(image_ids, sizes, detector.detect(images), strict=True):
                boxes = boxes_to_image(found.boxes, *map(int, size), detector.image_size)
                for box, score, label in zip(boxes, found.scores, found.classes, strict=True):
                    left, top, right, bottom = map(float, box)
                    yield {
                        "image_id": int(image_id),
                        "category_id": detector.categories[label].id,
                        "bbox": [round(value, 2) for value in (left, top, right - left, bottom - top)],
                        "score": round(float(score), 5),
                    }
            seen += len(images)
            report.update(seen)


def evaluate_detector(
    detector: Detector, dataset: DetectionDataset, batch_size: int = 8, max_images: int | None = None
) -> dict[str, float | None]:
    """COCO's METRICS of a detector on the first `max_images` of a data set, by default on all."""
    count = min(dataset.num_images, max_images or dataset.num_images)
    batches = dataset.evaluation_batches(batch_size, detector.image_size, count).as_numpy_iterator()
    with dataset.naming_bad_files():
        results = list(predictions(detector, batches, count, "evaluate"))
    return coco_metrics(dataset.ground_truth(count), results)
