"""Accuracy of networks as TFLite files in float32, float16 and 8 bits, after training and trained for it.

    python -m benchmarks.quantization --networks=WORKDIR,WORKDIR --qat=QAT_WORKDIR,QAT_WORKDIR

Each of --networks is the workdir of a trained network, and each of --qat, where given, that of its fine-tuning by
`train --qat`, in the same order. All files are run by LiteRT on the test images that the network was trained for; int8
takes its ranges from --representative_images of the training images. Beside them is what TFLite's converter makes of
the network by itself in int8, HARD_SWISH and all. Prints a table, and writes --output (JSON), --figures (a picture of
the noise in each layer, PNG a network) and --files (the TFLite files, to be timed by `scarlet_tf.benchmark`), where
given.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from absl import flags
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.arch.named import resolve
from scarlet_tf.data import Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir, write_json
from scarlet_tf.weights import WeightsSource

VARIANTS = {"none": "float32", "fp16": "float16", "dynamic": "dynamic", "int8": "int8"}
CONVERTER, QAT = "converter", "qat"
COLUMNS = VARIANTS | {QAT: "QAT", CONVERTER: "converter"}


def images_of(dataset: Dataset, split: str, image_size: int, count: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, s, s, 3) of `split`, as the network is fed, and labels (n,): the first `count` or all."""
    with dataset.naming_bad_files():
        batches = list(dataset.evaluation_batches(split, 256, image_size, count).as_numpy_iterator())
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return images, labels


def converted_alone(model: object, representative: np.ndarray, path: Path) -> Path:
    """Writes what TFLite's converter makes of `model` in int8, by its own calibration, and returns `path`."""
    import tensorflow as tf

    from scarlet_tf.export.savedmodel import write_signature

    with tempfile.TemporaryDirectory() as saved_model:
        write_signature(model, saved_model, batch_size=1)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved_model, signature_keys=["serving_default"])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ({"image": image[np.newaxis]} for image in representative)
        path.write_bytes(converter.convert())
    return path


def figures(path: Path, reference: Path, images: np.ndarray, labels: np.ndarray) -> dict:
    """Size, partitions, accuracy, and agreement with the file `reference`, of the TFLite file at `path`."""
    from scarlet_tf.export.certificate import parity
    from scarlet_tf.export.partitions import partitions
    from scarlet_tf.export.runtimes import load_artifact

    logits, expected = (load_artifact(file).predict(images) for file in (path, reference))
    return {
        "bytes": path.stat().st_size,
        "partitions": partitions(path).count,
        "accuracy": float(np.mean(logits.argmax(axis=1) == labels)),
        "top1_agreement": parity(logits, expected)["top1_agreement"],
    }


def measure(
    workdir: str, qat_workdir: str | None, representative: int, max_images: int | None, directory: Path
) -> dict[str, dict]:
    """By variant the entries of `quantisation_report`; `qat_none` is the float32 file of the weights that QAT left."""
    from scarlet_tf.export.quantization_report import quantisation_report
    from scarlet_tf.export.tflite import write_tflite
    from scarlet_tf.models import load_model

    named = resolve(workdir)
    source = WeightsSource.find(named, workdir)
    dataset = command.load_dataset(source.training.dataset, source.training.data_dir)
    model = load_model(named, source).model
    image_size = model.input_shape[1]
    tests = images_of(dataset, "test", image_size, max_images)
    fed, _ = images_of(dataset, "train", image_size, representative)
    files = {how: write_tflite(model, directory / f"{how}.tflite", how, representative=fed) for how in VARIANTS}
    report = quantisation_report(files["none"], files, *tests)
    report[CONVERTER] = figures(converted_alone(model, fed, directory / f"{CONVERTER}.tflite"), files["none"], *tests)
    if qat_workdir is not None:
        tuned = load_model(named, WeightsSource.find(named, qat_workdir))
        whole = write_tflite(tuned.model, directory / "qat_none.tflite")
        file = write_tflite(tuned.model, directory / "qat.tflite", "qat", twin=tuned.twin)
        of_qat = quantisation_report(whole, {"qat": file}, *tests)
        report |= {"qat": of_qat["qat"], "qat_none": of_qat["none"]}
    return report


def print_table(reports: Mapping[str, Mapping[str, Mapping]]) -> None:
    table = Table("network", "test images", *COLUMNS.values(), box=SIMPLE)
    for name, report in reports.items():
        cells = (report.get(how) for how in COLUMNS)
        texts = (
            f"{entry['accuracy']:.2%}\n{entry['bytes'] / 1e6:.2f} MB\n{entry['partitions']} part."
            if entry
            else "not trained"
            for entry in cells
        )
        table.add_row(name, f"{report['none']['top1_agreement']['of']:,}", *texts)
    Console().print("top-1 accuracy, size of the file, XNNPACK partitions", table)


def main() -> None:
    command.require(_NETWORKS)
    tuned = _QAT.value or [None] * len(_NETWORKS.value)
    if len(tuned) != len(_NETWORKS.value):
        raise InputError(f"--qat must have as many workdirs as --networks. Received: {len(tuned)}.")
    for workdir in (*_NETWORKS.value, *filter(None, tuned)):
        if WeightsSource.find(resolve(workdir), workdir).training is None:
            raise InputError(f"--networks and --qat take workdirs of trainings. Received: {workdir}.")
    for flag in (_FIGURES, _FILES):
        if flag.value:
            check_output_dir(flag.value, flag.name)
    command.start_tensorflow()
    from scarlet_tf.figures.quantization import plot_sqnr

    reports = {}
    for workdir, qat_workdir in zip(_NETWORKS.value, tuned, strict=True):
        name = Path(workdir).name
        with tempfile.TemporaryDirectory() as holder:
            directory = Path(_FILES.value or holder) / name
            directory.mkdir(parents=True, exist_ok=True)
            report = measure(workdir, qat_workdir, _REPRESENTATIVE.value, _MAX_IMAGES.value, directory)
        reports[name] = report
        if _FIGURES.value:
            noise = {how: entry["sqnr_db"] for how, entry in report.items() if "sqnr_db" in entry}
            plot_sqnr(Path(_FIGURES.value) / f"{name}.png", noise, name)
    print_table(reports)
    if _OUTPUT.value:
        write_json(_OUTPUT.value, reports)


if __name__ == "__main__":
    _NETWORKS = flags.DEFINE_list("networks", None, "Workdirs of trained networks, separated by commas.")
    _QAT = flags.DEFINE_list("qat", None, "Workdirs of their fine-tuning by train --qat, in the same order.")
    _REPRESENTATIVE = flags.DEFINE_integer(
        "representative_images", 500, "Training images that int8 takes ranges from.", lower_bound=100
    )
    _MAX_IMAGES = flags.DEFINE_integer("max_images", None, "Test images; by default all.", lower_bound=1)
    _OUTPUT = flags.DEFINE_string("output", None, "JSON file for all numbers.")
    _FILES = flags.DEFINE_string("files", None, "Directory to keep the TFLite files in, a directory a network.")
    _FIGURES = flags.DEFINE_string("figures", None, "Directory for a picture of each network.")
    command.run(main, globals())
