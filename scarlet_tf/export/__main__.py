"""Exports one network to deployable formats, each run by its own runtime and compared with the network.

--weights=SUPERNET_WORKDIR takes the network's path out of a supernet and removes its stabilizers exactly. The output
directory gets the artifacts, model_card.md and certificate.json, which says how far each is from its source.
--verify=DIRECTORY computes that certificate again for the files of an export, from the weights and images it names.
"""

import shlex
import sys
from pathlib import Path

from absl import flags
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.arch.named import NamedArch, resolve
from scarlet_tf.data import DATASETS, Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.export.settings import FORMATS, MIN_REPRESENTATIVE, ONNX_LAYOUTS, QUANTIZE, ExportSettings
from scarlet_tf.export.verify import read_certificate
from scarlet_tf.export.versions import check_version
from scarlet_tf.files import check_output_dir
from scarlet_tf.weights import WeightsSource

LOSS = 0.02
"""Of accuracy, that an export warns of."""

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
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 1, "Images that a TFLite file takes at a time.")
_OPSET = flags.DEFINE_integer("opset", 17, "Version of the ONNX operators.")
_LAYOUT = flags.DEFINE_enum("onnx_layout", "nhwc", ONNX_LAYOUTS, "Order of the dimensions of the ONNX file's input.")
_VERSION = flags.DEFINE_integer("version", None, "Number of the SavedModel's directory; the next free one by default.")
_LABELS = flags.DEFINE_string("labels", None, "Text file with a class name a line; by default those trained on.")
_DATASET = flags.DEFINE_enum(
    "dataset", None, DATASETS, "Images to compare on; by default those trained on, or where there are none, noise."
)
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Where these images are.")
_NUM_IMAGES = flags.DEFINE_integer("num_images", 64, "How many test images to compare on.")
_REPRESENTATIVE = flags.DEFINE_integer(
    "representative_images", 200, "How many training images of it int8 takes its ranges from."
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the artifacts go; by default exported/NAME.")
_VERIFY = flags.DEFINE_string(
    "verify", None, "Directory of an export, whose certificate is computed again; flags stand for those it was made by."
)


def _recorded_command() -> str:
    """What makes this export again, whatever has become of defaults."""
    given = [flag for flag in flags.FLAGS.flags_by_module_dict()[sys.argv[0]] if flag.present and flag.name != "verify"]
    return shlex.join(["python", "-m", "scarlet_tf.export", *(flag.serialize() for flag in given)])


def _source() -> tuple[NamedArch, WeightsSource]:
    command.require(_MODEL)
    named = resolve(_MODEL.value, _WIDTH.value, _DEPTH.value)
    source = WeightsSource.find(named, _WEIGHTS.value or (_MODEL.value if Path(_MODEL.value).is_dir() else None))
    for flag in (_NUM_IMAGES, _NUM_CLASSES, _REPRESENTATIVE):
        if flag.value is not None and flag.value < 1:
            raise InputError(f"--{flag.name} must be at least 1. Received: {flag.value}.")
    named.check_image_size(_IMAGE_SIZE.value)
    source.check_num_classes(_NUM_CLASSES.value)
    if _KEEP.value:
        source.check_has_stabilizers()
    return named, source


def _dataset(source: WeightsSource) -> Dataset | None:
    """The images to compare on; None stands for noise."""
    if _DATASET.value:
        return command.load_dataset(_DATASET.value, _DATA_DIR.value)
    if _DATA_DIR.value is not None:
        raise InputError(f"--data_dir needs --dataset. Received: {_DATA_DIR.value} without it.")
    if source.training is None:
        return None
    try:
        return command.load_dataset(source.training.dataset, source.training.data_dir)
    except InputError:
        return None  # trained elsewhere


def _settings(source: WeightsSource, dataset: Dataset | None) -> ExportSettings:
    settings = ExportSettings(
        _FORMAT.value, _QUANTIZE.value, _BATCH_SIZE.value, _OPSET.value, _LAYOUT.value, _VERSION.value
    )
    if "int8" in settings.quantize and dataset is None:
        raise InputError(
            "--quantize=int8 needs images to take the ranges of activations from. Received: none. Give --dataset and, "
            "for files, --data_dir."
        )
    if "int8" in settings.quantize:
        available = min(_REPRESENTATIVE.value, dataset.num_examples("train"))
        if available < MIN_REPRESENTATIVE:
            raise InputError(
                f"--representative_images must be at least {MIN_REPRESENTATIVE} for --quantize=int8, and --dataset "
                f"must have as many training images. Received: {available}."
            )
    if "qat" in settings.quantize and not (source.training and source.training.qat):
        raise InputError(
            "--quantize=qat is for a network trained for it. Received: another one. Train it with --qat, or give "
            "--quantize=int8."
        )
    return settings


def _print_table(certificate: dict) -> None:
    accuracies = "accuracy" in next(iter(certificate["formats"].values()))
    columns = ("MB", "max error", "relative", f"same top-1 of {certificate['images']:,}", "accuracy")
    table = Table()
    table.add_column("artifact", no_wrap=True)
    for column in columns if accuracies else columns[:-1]:
        table.add_column(column, justify="right")
    for entry in certificate["formats"].values():
        table.add_row(
            entry["file"],
            f"{entry['bytes'] / 1e6:.2f}",
            f"{entry['max_abs_error']:.2e}",
            f"{entry['max_rel_error']:.2e}",
            str(entry["top1_agreement"]["count"]),
            *([f"{entry['accuracy']:.2%}"] if accuracies else []),
        )
    Console().print(table)


def _warn_of_losses(certificate: dict) -> None:
    for entry in certificate["formats"].values():
        if "accuracy" in entry and entry["accuracy"] < certificate["accuracy"] - LOSS:
            print(
                f"WARNING: {entry['file']} has {entry['accuracy']:.2%} accuracy where the network has "
                f"{certificate['accuracy']:.2%}: give more --representative_images, or fine-tune it by train --qat.",
                file=sys.stderr,
            )


def main() -> None:
    certificate = None
    if _VERIFY.value is not None:
        certificate = read_certificate(_VERIFY.value)
        # what is given now comes later, and counts
        flags.FLAGS([sys.argv[0], *shlex.split(certificate["command"])[3:], *sys.argv[1:]])
    named, source = _source()
    dataset = _dataset(source)
    settings = _settings(source, dataset)
    output_dir = Path(_VERIFY.value or _OUTPUT_DIR.value or Path("exported") / named.name)
    if certificate is None:
        check_output_dir(output_dir, "output_dir")
    if certificate is None and "savedmodel" in settings.formats:
        check_output_dir(output_dir / "savedmodel", "output_dir")
        check_version(output_dir / "savedmodel", settings.version)
    command.start_tensorflow()
    import keras

    from scarlet_tf.export.describe import describe
    from scarlet_tf.export.run import ExportImages, export, verify
    from scarlet_tf.models import load_model

    keras.utils.set_random_seed(0)  # so that fresh weights, too, are the same when they are verified
    loaded = load_model(named, source, _IMAGE_SIZE.value, _NUM_CLASSES.value, keep_stabilizers=_KEEP.value)
    image_size = loaded.model.input_shape[1]
    if loaded.fresh:
        print(f"WARNING: no --weights given, {named.name} is exported UNTRAINED, with random weights.", file=sys.stderr)
    representative = None
    if dataset is None:
        examples = ExportImages.random(image_size, _NUM_IMAGES.value)
    else:
        examples = ExportImages.of_dataset(dataset, image_size, _NUM_IMAGES.value)
        if "int8" in settings.quantize:
            representative = ExportImages.of_dataset(dataset, image_size, _REPRESENTATIVE.value, "train").images
    if certificate is not None:
        verify(named, loaded, certificate, output_dir, examples)
        print(f"verified: {output_dir}, {len(certificate['formats'])} artifacts, compared on {examples.origin}")
        return
    description = describe(named, source, dataset, _LABELS.value, image_size, loaded.model.output_shape[1])
    certificate = export(
        named, loaded, settings, output_dir, examples, description, representative, _recorded_command()
    )
    _print_table(certificate)
    _warn_of_losses(certificate)
    print(f"exported: {output_dir}, compared on {examples.origin}; see model_card.md and certificate.json")


if __name__ == "__main__":
    command.run(main, globals())
