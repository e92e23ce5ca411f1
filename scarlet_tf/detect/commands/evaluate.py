"""Measures a detector's average precision as COCO counts it, trained or exported.

--model is a workdir, a detector.keras, a .tflite file or a SavedModel's directory. Nothing is written but --output.
"""

from pathlib import Path

from absl import flags
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.detect.categories import check_same_categories
from scarlet_tf.detect.config import DATASETS
from scarlet_tf.detect.extra import check_extra
from scarlet_tf.detect.runtimes import DetectorSource
from scarlet_tf.detect.source import open_source, read_source
from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir, write_json

_MODEL = flags.DEFINE_string("model", None, "A workdir, a .keras or .tflite file or a SavedModel's directory.")
_DATASET = flags.DEFINE_enum("dataset", "coco", DATASETS, "coco, the validation images of TFDS' coco/2017; or json.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Where TFDS has its data.")
_ANNOTATIONS = flags.DEFINE_string("annotations", None, "The JSON file of --dataset=json.")
_IMAGES = flags.DEFINE_string("images", None, "The directory of the images of --dataset=json.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 8, "Images at a time.")
_MAX_IMAGES = flags.DEFINE_integer("max_images", None, "How many images; by default all.")
_OUTPUT = flags.DEFINE_string("output", None, "A JSON file to write the numbers to.")


def main() -> None:
    check_extra()
    command.require(_MODEL)
    for flag in (_BATCH_SIZE, _MAX_IMAGES):
        if flag.value is not None and flag.value < 1:
            raise InputError(f"--{flag.name} must be at least 1. Received: {flag.value}.")
    source = DetectorSource.find(_MODEL.value)
    data = read_source(_DATASET.value, _DATA_DIR.value, _ANNOTATIONS.value, _IMAGES.value)
    if data is not None:
        check_same_categories(source.categories, data.categories, data.where)
    if _OUTPUT.value is not None:
        check_output_dir(Path(_OUTPUT.value).parent, "output")
        if Path(_OUTPUT.value).is_dir():
            raise InputError(f"--output must be a file. Received: {_OUTPUT.value}, a directory.")
    command.start_tensorflow()
    from scarlet_tf.detect.evaluation import evaluate_detector

    dataset = open_source(data, _DATA_DIR.value, "validation")
    if data is None:
        check_same_categories(source.categories, dataset.categories, "--dataset")
    metrics = evaluate_detector(source.load(), dataset, _BATCH_SIZE.value, _MAX_IMAGES.value)
    table = Table("COCO", "%")
    for name, value in metrics.items():
        table.add_row(name, "no such object" if value is None else f"{value:.1%}")
    Console().print(table)
    count = min(dataset.num_images, _MAX_IMAGES.value or dataset.num_images)
    if _OUTPUT.value is not None:
        write_json(_OUTPUT.value, {"model": _MODEL.value, "images": count, **metrics})
    shown = "no objects" if metrics["AP"] is None else f"{metrics['AP']:.1%} AP"
    print(f"{_MODEL.value}: {shown} on {count} images")
