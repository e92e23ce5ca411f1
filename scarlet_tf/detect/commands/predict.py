"""Draws what a detector sees on pictures.

The output directory gets a PNG for each picture, with boxes, categories and scores, and predictions.json: everything
scored from 0.05 on, in COCO's form of results.
"""

from absl import flags

from scarlet_tf import command
from scarlet_tf.detect.extra import check_extra
from scarlet_tf.detect.pictures import find_pictures
from scarlet_tf.detect.runtimes import DetectorSource
from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir

_MODEL = flags.DEFINE_string("model", None, "A workdir, a .keras or .tflite file or a SavedModel's directory.")
_IMAGES = flags.DEFINE_string("images", None, "A picture, or a directory of them (.jpg, .jpeg, .png).")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the drawn pictures go.")
_MIN_SCORE = flags.DEFINE_float("min_score", 0.3, "Objects are drawn from this score on.")


def main() -> None:
    check_extra()
    command.require(_MODEL, _IMAGES, _OUTPUT_DIR)
    if not 0 <= _MIN_SCORE.value <= 1:
        raise InputError(f"--min_score must be from 0 to 1. Received: {_MIN_SCORE.value}.")
    source = DetectorSource.find(_MODEL.value)
    pictures = find_pictures(_IMAGES.value)
    output_dir = check_output_dir(_OUTPUT_DIR.value, "output_dir")
    command.start_tensorflow()
    from scarlet_tf.detect.prediction import draw_predictions

    results = draw_predictions(source.load(), pictures, output_dir, _MIN_SCORE.value)
    drawn = sum(result["score"] >= _MIN_SCORE.value for result in results)
    print(f"predicted: {output_dir}, {len(pictures)} pictures with {drawn} objects scored {_MIN_SCORE.value:g} or more")
