"""Exports a trained detector to SavedModel and TFLite, each run by its own runtime and compared with the detector.

Input `image`: float32 (n, size, size, 3), letterboxed and normalised as in training. Outputs `boxes` (n, anchors, 4),
left, top, right, bottom in pixels of the square, and `scores` (n, anchors, classes). Duplicates are for the caller to
suppress; the SavedModel's signature `detect` does it. The output directory gets categories.json and certificate.json.
"""

from pathlib import Path

import numpy as np
from absl import flags
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.detect.extra import check_extra
from scarlet_tf.detect.pictures import find_pictures
from scarlet_tf.detect.runtimes import DetectorSource
from scarlet_tf.errors import InputError
from scarlet_tf.export.settings import check_formats
from scarlet_tf.files import check_output_dir

FORMATS, QUANTIZE = ("savedmodel", "tflite"), ("none", "fp16")

_MODEL = flags.DEFINE_string("model", None, "The workdir of a detector's training, or its detector.keras.")
_FORMAT = flags.DEFINE_list("format", ["tflite"], f"Any of {', '.join(FORMATS)}, separated by commas.")
_QUANTIZE = flags.DEFINE_list("quantize", ["none"], f"TFLite files to write, any of {', '.join(QUANTIZE)}.")
_IMAGES = flags.DEFINE_string("images", None, "A picture, or a directory of them, to compare on; by default noise.")
_NUM_IMAGES = flags.DEFINE_integer("num_images", 8, "How many images to compare on.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the artifacts go.")


def main() -> None:
    check_extra()
    command.require(_MODEL, _OUTPUT_DIR)
    check_formats(_FORMAT.value, _QUANTIZE.value, FORMATS, QUANTIZE)
    if _NUM_IMAGES.value < 1:
        raise InputError(f"--num_images must be at least 1. Received: {_NUM_IMAGES.value}.")
    source = DetectorSource.find(_MODEL.value)
    if source.training is None and source.path.suffix != ".keras":
        raise InputError(f"--model must be a workdir or a .keras file. Received: {_MODEL.value}, exported already.")
    pictures = find_pictures(_IMAGES.value, _NUM_IMAGES.value) if _IMAGES.value is not None else []
    output_dir = check_output_dir(Path(_OUTPUT_DIR.value), "output_dir")
    command.start_tensorflow()
    from scarlet_tf.data import photos
    from scarlet_tf.detect.batches import image_files
    from scarlet_tf.detect.export import export_detector
    from scarlet_tf.export.run import ExportImages

    model = source.load_keras()
    if pictures:
        paths = [str(picture) for picture in pictures]
        with photos.naming_bad_files(paths):
            batches = image_files(paths, range(len(paths)), 8, model.input_shape[1]).as_numpy_iterator()
            images = np.concatenate([images for images, *_ in batches])
        examples = ExportImages(images, f"{len(images)} pictures of {_IMAGES.value}")
    else:
        examples = ExportImages.random(model.input_shape[1], _NUM_IMAGES.value)
    facts = {"images_from": examples.origin}
    certificate = export_detector(
        model, source.categories, _FORMAT.value, _QUANTIZE.value, output_dir, examples.images, facts
    )
    table = Table("artifact", "size (MB)", "max rel error of boxes", "of scores")
    for entry in certificate["formats"].values():
        errors = [f"{output['max_rel_error']:.2e}" for output in entry["outputs"].values()]
        table.add_row(entry["file"], f"{entry['bytes'] / 1e6:.2f}", *errors)
    Console().print(table)
    print(f"exported: {output_dir}, compared on {examples.origin}; see certificate.json")
