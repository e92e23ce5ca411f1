"""What a detector sees on pictures: drawn, and as a file of COCO's results."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from scarlet_tf.data import photos
from scarlet_tf.detect.batches import image_files
from scarlet_tf.detect.drawing import draw_boxes
from scarlet_tf.detect.evaluation import predictions
from scarlet_tf.detect.runtimes import Detector
from scarlet_tf.files import replacing, write_json

RESULTS_FILE = "predictions.json"
_BATCH_SIZE = 8


def image_ids(pictures: Sequence[Path]) -> list[int]:
    """The number that each name is, as COCO names its images, or where one is none, 1, 2, 3 and on."""
    if all(picture.stem.isdecimal() for picture in pictures):
        ids = [int(picture.stem) for picture in pictures]
        if len(set(ids)) == len(ids) and max(ids) < 2**63:
            return ids
    return list(range(1, len(pictures) + 1))


def draw_predictions(detector: Detector, pictures: Sequence[Path], output_dir: Path, min_score: float) -> list[dict]:
    """Writes to `output_dir` a PNG for each of `pictures`, with the objects scored from `min_score` on, and
    `predictions.json`: all objects in COCO's form of results, with the file's name added. Returns the latter.

    Raises InputError where a picture cannot be read; nothing is written then.
    """
    ids = image_ids(pictures)
    paths = [str(picture) for picture in pictures]
    by_id = dict(zip(ids, pictures, strict=True))
    batches = image_files(paths, ids, _BATCH_SIZE, detector.image_size).as_numpy_iterator()
    with photos.naming_bad_files(paths):
        found = list(predictions(detector, batches, len(pictures), "predict"))
    label_of = {category.id: label for label, category in enumerate(detector.categories)}
    by_image = defaultdict(list)
    for result in found:
        if result["score"] >= min_score:
            by_image[result["image_id"]].append(result)
    for image_id, picture in by_id.items():
        drawn = by_image[image_id]
        boxes = [(x, y, x + width, y + height) for x, y, width, height in (result["bbox"] for result in drawn)]
        labels = [label_of[result["category_id"]] for result in drawn]
        with Image.open(picture) as image:
            canvas = draw_boxes(image, boxes, labels, [result["score"] for result in drawn], detector.categories)
        with replacing(output_dir / f"{picture.name}.png") as temporary:
            canvas.save(temporary, format="PNG")
    results = [{**result, "file_name": by_id[result["image_id"]].name} for result in found]
    write_json(output_dir / RESULTS_FILE, results)
    return results
