"""Exports one network to deployable formats, each run by its own runtime and compared with the network.

--weights=SUPERNET_WORKDIR takes the network's path out of a supernet and removes its stabilizers exactly. The output
directory gets the artifacts and certificate.json, which says how far each is from its source.
"""

import sys
from pathlib import Path

from absl import flags
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.arch.named import resolve
from scarlet_tf.data import DATASETS
from scarlet_tf.errors import InputError
from scarlet_tf.export.formats import FORMATS, QUANTIZE, check_formats
from scarlet_tf.files import check_output_dir
from scarlet_tf.weights import WeightsSource

_MODEL = flags.DEFINE_string(
    "model", None, "A published network's name, an arch.json, a workdir that has one, or SPACE:GENOTYPE."
)
_WIDTH = flags.DEFINE_float("width", None, "Factor of the network's channels; its own by default.")
_DEPTH = flags.DEFINE_float("depth", None, "Factor of the network's slots; its own by default.")
_WEIGHTS = flags.DEFINE_string(
    "weights", None, "A supernet's or network's workdir, a .keras or .weights.h5 file; fresh weights by default."
)
_FORMAT = flags.DEFINE_list("format", ["tflite"], f"Any of {', '.join(FORMATS)}, separated by commas.")
_QUANTIZE = flags.DEFINE_list("quantize", ["none"], f"TFLite files to write, any of {', '.join(QUANTIZE)}.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", None, "Pixels a side; as trained, or 224.")
_NUM_CLASSES = flags.DEFINE_integer("num_classes", None, "Classes; as trained, or 1000.")
_KEEP = flags.DEFINE_bool("keep_stabilizers", False, "Leave the stabilizers in, as 1x1 convolutions.")
_DATASET = flags.DEFINE_enum("dataset", None, DATASETS, "Test images to compare on; by default noise.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Where these images are.")
_NUM_IMAGES = flags.DEFINE_integer("num_images", 64, "How many images to compare on.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the artifacts go; by default exported/NAME.")


def main() -> None:
    command.require(_MODEL)
    named = resolve(_MODEL.value, _WIDTH.value, _DEPTH.value)
    source = WeightsSource.find(named, _WEIGHTS.value or (_MODEL.value if Path(_MODEL.value).is_dir() else None))
    check_formats(_FORMAT.value, _QUANTIZE.value)
    output_dir = check_output_dir(_OUTPUT_DIR.value or Path("exported") / named.name, "output_dir")
    for flag in (_NUM_IMAGES, _NUM_CLASSES):
        if flag.value is not None and flag.value < 1:
            raise InputError(f"--{flag.name} must be at least 1. Received: {flag.value}.")
    named.check_image_size(_IMAGE_SIZE.value)
    source.check_num_classes(_NUM_CLASSES.value)
    if _KEEP.value:
        source.check_has_stabilizers()
    dataset = command.load_dataset(_DATASET.value, _DATA_DIR.value) if _DATASET.value else None
    command.start_tensorflow()
    from scarlet_tf.export.run import ExportImages, export
    from scarlet_tf.models import load_model

    loaded = load_model(named, source, _IMAGE_SIZE.value, _NUM_CLASSES.value, keep_stabilizers=_KEEP.value)
    image_size = loaded.model.input_shape[1]
    if loaded.fresh:
        print(f"WARNING: no --weights given, {named.name} is exported UNTRAINED, with random weights.", file=sys.stderr)
    if dataset is None:
        images = ExportImages.random(image_size, _NUM_IMAGES.value)
    else:
        images = ExportImages.of_dataset(dataset, image_size, _NUM_IMAGES.value)
    certificate = export(named, loaded, _FORMAT.value, _QUANTIZE.value, output_dir, images)
    table = Table("artifact", "size (MB)", "max abs error", "max rel error", f"same top-1 of {certificate['images']}")
    for entry in certificate["formats"].values():
        table.add_row(
            entry["file"],
            f"{entry['bytes'] / 1e6:.2f}",
            f"{entry['max_abs_error']:.2e}",
            f"{entry['max_rel_error']:.2e}",
            str(entry["top1_agreement"]["count"]),
        )
    Console().print(table)
    print(f"exported: {output_dir}, compared on {images.origin}; see certificate.json")


if __name__ == "__main__":
    command.run(main, globals())
