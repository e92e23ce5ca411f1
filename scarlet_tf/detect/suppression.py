"""From an answer an anchor to objects: duplicates are suppressed, class by class."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

MAX_OBJECTS = 100
"""Objects an image, and of each class: COCO's evaluation counts no more."""

MIN_SCORE = 0.05
_MAX_OVERLAP = 0.5


class Detections(NamedTuple):
    """The objects on an image, the likeliest first. boxes: (n, 4), (left, top, right, bottom) in pixels; scores: (n,),
    from 0 to 1; classes: (n,), indices of categories."""

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray


@tf.function(reduce_retracing=True)
def suppress(boxes: tf.Tensor, scores: tf.Tensor) -> dict[str, tf.Tensor]:
    """Greedy non-maximum suppression within each class, at IoU 0.5, of scores from 0.05 on.

    boxes (b, anchors, 4), scores (b, anchors, classes). Returns `boxes` (b, 100, 4), `scores` (b, 100), `classes`
    (b, 100) and `count` (b,): rows from there on are zero.
    """
    kept = tf.image.combined_non_max_suppression(
        boxes[:, :, None],
        scores,
        max_output_size_per_class=MAX_OBJECTS,
        max_total_size=MAX_OBJECTS,
        iou_threshold=_MAX_OVERLAP,
        score_threshold=MIN_SCORE,
        clip_boxes=False,  # which is meant for boxes from 0 to 1
    )
    return {
        "boxes": kept.nmsed_boxes,
        "scores": kept.nmsed_scores,
        "classes": tf.cast(kept.nmsed_classes, tf.int32),
        "count": kept.valid_detections,
    }


def detections(boxes: np.ndarray, scores: np.ndarray) -> list[Detections]:
    """The objects of each image, by `suppress`."""
    kept = {name: value.numpy() for name, value in suppress(tf.constant(boxes), tf.constant(scores)).items()}
    return [
        Detections(*(kept[name][index, :count] for name in ("boxes", "scores", "classes")))
        for index, count in enumerate(kept["count"])
    ]
