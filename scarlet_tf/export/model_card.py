"""A model card: what an export is, how it is used and what is known of it, in Markdown for people to read."""

import json
import shlex
from collections.abc import Iterable, Mapping

from scarlet_tf.arch.layout import layout
from scarlet_tf.arch.named import NamedArch
from scarlet_tf.arch.spec import ArchSpec, Entry, MBConv, PlainConv, Projection
from scarlet_tf.export.description import RESIZES, Description

FILE_NAME = "model_card.md"

_LABELS_SHOWN = 5

_RESIZING = {
    "whole": """\
    width, height = picture.size
    stretched = (width / size, 0, 0, 0, height / size, 0)
    pixels = picture.transform((size, size), Image.AFFINE, stretched, Image.BILINEAR)""",
    "centre_crop": """\
    scale = round(size / 0.875) / min(picture.size)
    width, height = (round(side * scale) for side in picture.size)
    left, top = (width - size) // 2, (height - size) // 2
    pixels = picture.resize((width, height), Image.BILINEAR).crop((left, top, left + size, top + size))""",
}
"""Of a PIL image `picture`, the square `pixels`; as RESIZES says, but that pixels are rounded to whole numbers."""

_SNIPPETS = {
    "tflite": """\
import zipfile

from ai_edge_litert.interpreter import Interpreter

network = Interpreter({file}).get_signature_runner("serving_default")
logits = network(image=image)["logits"]
labels = zipfile.ZipFile({file}).read("labels.txt").decode().splitlines()
print(labels[logits[0].argmax()])""",
    "onnx": """\
import json

import onnxruntime

network = onnxruntime.InferenceSession({file})
(logits,) = network.run(["logits"], {{"image": {image}}})
labels = json.loads(network.get_modelmeta().custom_metadata_map["labels"])
print(labels[logits[0].argmax()])""",
    "savedmodel": """\
import json
from pathlib import Path

import tensorflow as tf

network = tf.saved_model.load({file})
logits = network.signatures["serving_default"](image=tf.constant(image))["logits"].numpy()
labels = json.loads(Path({file}, "assets.extra", "description.json").read_text())["labels"]
print(labels[logits[0].argmax()])""",
    "keras": """\
import json
import zipfile

import keras
import scarlet_tf  # its layers

network = keras.models.load_model({file})
logits = network.predict(image, verbose=0)
labels = json.loads(zipfile.ZipFile({file}).read("description.json"))["labels"]
print(labels[logits[0].argmax()])""",
}
_RUNTIMES = {
    "tflite": "LiteRT",
    "onnx": "onnxruntime",
    "savedmodel": "TensorFlow, and TensorFlow Serving",
    "keras": "Keras",
}


def model_card(description: Description, certificate: Mapping) -> str:
    """The model card, in Markdown, of an export that `description` travels with and `certificate` was written of.

    What the certificate does not hold is left out, or said not to have been measured. The snippets run one after
    another in the export's directory, on `photo.jpg` there.
    """
    sections = {
        f"# {description.name}": [description.summary(), *_state(certificate)],
        "## Input and output": _contract(description),
        "## Running it": _usage(certificate),
        "## Labels": _labels(description),
        "## Architecture": _architecture(description, certificate),
        "## Numbers": _numbers(certificate),
        "## Quantisation": _quantization(certificate),
        "## Stabilizers": _stabilizers(certificate),
        "## Where it comes from": _provenance(description, certificate),
        "## What was not measured": _limits(certificate),
    }
    parts = [part for title, parts in sections.items() if parts for part in (title, *parts)]
    return "\n\n".join(parts) + "\n"


def _table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table, or nothing where there are no rows; columns that are empty in each row are left out."""
    header, rows = list(header), [["" if cell is None else str(cell) for cell in row] for row in rows]
    kept = [column for column in range(len(header)) if any(row[column] for row in rows)]
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(line[column]) for column in kept) + " |" for line in lines) if kept else ""


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _code(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _state(certificate: Mapping) -> list[str]:
    if certificate.get("fresh_weights"):
        return ["**Its weights are random: it was never trained.**"]
    return []


def _contract(description: Description) -> list[str]:
    fed, classes = description.preprocessing, len(description.labels)
    size, normalisation = fed.image_size, fed.normalisation
    return [
        f"- Input `image`: float32, shape (batch, {size}, {size}, 3), RGB; a `.tflite` file has a batch of 1.\n"
        f"- Output `logits`: float32, shape (batch, {classes}), a number a class. Their softmax are probabilities.",
        f"An image becomes the input so: {RESIZES[fed.resize]}; pixels in [0, 255] then as "
        "`(pixel / 255 - mean) / std` by channel.",
        _code(
            "python",
            "import numpy as np\n"
            "from PIL import Image\n\n"
            f"size, mean, std = {size}, {normalisation.mean}, {normalisation.std}\n\n\n"
            "def prepared(file):\n"
            '    picture = Image.open(file).convert("RGB")\n'
            f"{_RESIZING[fed.resize]}\n"
            "    return ((np.float32(pixels) / 255 - mean) / std).astype(np.float32)[np.newaxis]\n\n\n"
            'image = prepared("photo.jpg")',
        ),
    ]


def _usage(certificate: Mapping) -> list[str]:
    parts = []
    for name, entry in certificate.get("formats", {}).items():
        kind = name.split("_")[0]
        if kind not in _SNIPPETS or "file" not in entry:
            continue
        image = "image.transpose(0, 3, 1, 2)" if entry.get("layout") == "nchw" else "image"
        parts.append(f"`{entry['file']}`, by {_RUNTIMES[kind]}:")
        parts.append(_code("python", _SNIPPETS[kind].format(file=json.dumps(entry["file"]), image=image)))
    return parts


def _labels(description: Description) -> list[str]:
    labels = description.labels
    shown = ", ".join(f"{index} {_cell(label)}" for index, label in enumerate(labels[:_LABELS_SHOWN]))
    rest = f", ... ({len(labels)} in all, within each file as above)" if len(labels) > _LABELS_SHOWN else ""
    return [f"In the order of the logits: {shown}{rest}."]


def _architecture(description: Description, certificate: Mapping) -> list[str]:
    data = description.provenance.get("arch") or certificate.get("arch")
    if data is None:
        return []
    named = NamedArch.from_dict(data, "the description")
    rows = _rows(named.arch, description.preprocessing.image_size)
    skipped = len(named.arch.blocks) - len(layout(named.arch).blocks)
    scaled = f", {named.width:g} times as wide and {named.depth:g} times as deep" if named.is_scaled else ""
    cost = certificate.get("cost", {})
    counted = [f"{cost[key] / 1e6:.1f} million {what}" for key, what in _COSTS.items() if key in cost]
    return [
        f"A network of the space {named.space.name}{scaled}: {len(named.arch.blocks)} slots, of which {skipped} are "
        f"skipped. Activations in the blocks are {named.arch.activation}."
        + (f" {', '.join(counted)}." * bool(counted)),
        _table(("slot", "operation", "kernel", "channels", "stride", "squeeze-excite", "shortcut", "output"), rows),
        f"Genotype: `{'-'.join(map(str, named.genotype))}`",
    ]


_COSTS = {"madds": "multiply-adds", "params": "parameters"}


def _rows(arch: ArchSpec, size: int) -> list[list[object]]:
    """A row an operation: slot, what it is, kernel, channels, stride, and its output's shape."""
    size = -(-size // arch.stem.stride)
    kind = "conv, separable conv" if arch.stem.separable_filters else "conv"
    rows = [["stem", kind, 3, f"3 to {arch.stem.out_channels}", arch.stem.stride, "", "", _shape(size, arch.stem)]]
    placed = layout(arch)
    for place in sorted((*placed.entries.values(), *placed.blocks), key=lambda place: place.slot):
        row = place.row
        own_stride = 1 if isinstance(row, PlainConv) else row.stride
        stride = place.in_stride * own_stride
        for taken in (place.in_stride, own_stride):
            size = -(-size // taken)
        block = isinstance(row, MBConv)
        middle = f" to {place.hidden_channels}" if block else ""
        rows.append(
            [
                place.slot,
                _operation(row),
                row.kernel if isinstance(row, MBConv | PlainConv) else 1,
                f"{place.in_channels}{middle} to {row.filters}",
                stride,
                "yes" if block and row.se else "",
                "yes" if place.shortcut else "",
                f"{size} x {size} x {row.filters}",
            ]
        )
    if arch.head.filters is None:
        return rows
    size = -(-size // placed.head_in_stride)
    channels = f"{placed.head_in_channels} to {arch.head.filters}"
    rows.append(["head", "conv", 1, channels, placed.head_in_stride, "", "", f"{size} x {size} x {arch.head.filters}"])
    return rows


def _operation(row: MBConv | PlainConv | Projection | Entry) -> str:
    if isinstance(row, Entry):
        return "entry: max-pool, conv" if row.stride > 1 else "entry: conv"
    return {MBConv: "inverted bottleneck", PlainConv: "conv"}.get(type(row), "projection")


def _shape(size: int, stem: object) -> str:
    return f"{size} x {size} x {stem.out_channels}"


def _numbers(certificate: Mapping) -> list[str]:
    formats = certificate.get("formats", {})
    if not formats:
        return []
    rows = [
        [
            f"`{entry.get('file', name)}`",
            entry.get("quantize"),
            _format(entry, "bytes", lambda size: f"{size / 1e6:.2f}"),
            _format(entry, "max_abs_error", "{:.2e}".format),
            _format(entry, "max_rel_error", "{:.2e}".format),
            _format(entry, "top1_agreement", _share),
            _format(entry, "accuracy", "{:.2%}".format),
            _format(entry, "partitions", _partitions),
        ]
        for name, entry in formats.items()
    ]
    header = ("file", "quantised", "MB", "max error", "relative", "same best class", "accuracy", "XNNPACK partitions")
    images = certificate.get("images_from") or f"{certificate.get('images', 'an unknown number of')} images"
    parts = [
        f"Each file was run by its own runtime on {images} and compared with the float32 Keras model: the largest "
        "error of a logit, that over the largest logit, and how many images have the same best class.",
        _table(header, rows),
    ]
    reference = certificate.get("against_reference")
    if reference is not None:
        parts.append(
            "The Keras model itself, against the network that it was taken out of: largest error "
            f"{reference['max_abs_error']:.2e}, relative {reference['max_rel_error']:.2e}, the same best class for "
            f"{_share(reference['top1_agreement'])} images."
        )
    operators = [
        [f"`{entry.get('file', name)}`", ", ".join(f"{count} {kind}" for kind, count in entry["operators"].items())]
        for name, entry in formats.items()
        if "operators" in entry
    ]
    digests = [
        [f"`{entry.get('file', name)}`", f"`{entry['sha256']}`"] for name, entry in formats.items() if "sha256" in entry
    ]
    return [*parts, *filter(None, (_table(("file", "operators"), operators), _table(("file", "SHA-256"), digests)))]


def _format(entry: Mapping, key: str, written: object) -> str | None:
    return written(entry[key]) if entry.get(key) is not None else None


def _share(agreement: Mapping) -> str:
    return f"{agreement['count']} of {agreement['of']}"


def _partitions(partitions: Mapping | int) -> str:
    if not isinstance(partitions, Mapping):
        return str(partitions)
    left = ", ".join(f"{count} {name}" for name, count in partitions.get("left", {}).items())
    return f"{partitions['count']}" + (f", without {left}" if left else "")


def _quantization(certificate: Mapping) -> list[str]:
    report = certificate.get("quantization") or {}
    rows = []
    for name, entry in report.items():
        if not isinstance(entry, Mapping):
            continue
        noise = entry.get("sqnr_db") or {}
        worst = min(noise, key=noise.get) if noise else None
        rows.append(
            [
                name,
                _format(entry, "bytes", lambda size: f"{size / 1e6:.2f}"),
                _format(entry, "accuracy", "{:.2%}".format),
                _format(entry, "top1_agreement", _share),
                _format(entry, "partitions", _partitions),
                f"{worst}, {noise[worst]:.1f} dB" if worst else None,
            ]
        )
    if not rows:
        return []
    header = ("weights", "MB", "accuracy", "best class as float32", "XNNPACK partitions", "noisiest layer")
    return ["TFLite files against the float32 one, `none`:", _table(header, rows)]


def _stabilizers(certificate: Mapping) -> list[str]:
    left, removals = certificate.get("stabilizers_left"), certificate.get("removals") or ()
    if left is None and not removals:
        return []
    removed = certificate.get("stabilizers_removed", len(removals))
    said = f"Of the stabilizers that it was trained with, {removed} were removed exactly and {left or 0} are left."
    rows = [
        [
            removal.get("slot"),
            removal.get("method"),
            removal.get("basis"),
            ", ".join(map(str, removal.get("composed_with") or ())),
            _format(removal, "condition_number", "{:.3g}".format),
            _format(removal, "basis_condition_number", "{:.3g}".format),
        ]
        for removal in removals
    ]
    header = ("slot", "removed by", "basis", "together with slots", "condition number", "of the bases inverted")
    return [said, *filter(None, [_table(header, rows)])]


def _provenance(description: Description, certificate: Mapping) -> list[str]:
    provenance, parts = description.provenance, []
    weights, training = provenance.get("weights"), provenance.get("training")
    if weights:
        parts.append("Weights: " + ", ".join(f"{key} `{value}`" for key, value in weights.items()) + ".")
    if training:
        rows = [(key, json.dumps(value)) for key, value in training.items() if value is not None]
        parts += ["Trained so:", _table(("setting", "value"), rows)]
    if certificate.get("command"):
        command = certificate["command"]
        parts += ["Exported by:", _code("sh", command if isinstance(command, str) else shlex.join(command))]
    versions = certificate.get("versions") or provenance.get("versions")
    if versions:
        parts.append("Versions: " + ", ".join(f"{name} {number}" for name, number in versions.items()) + ".")
    return parts


def _limits(certificate: Mapping) -> list[str]:
    entries, limits = certificate.get("formats", {}).values(), []
    if not any("accuracy" in entry for entry in entries):
        limits.append("Accuracy: the files were compared with the Keras model, on images without labels.")
    elif "images" in certificate:
        limits.append(f"Accuracy on other images than the {certificate['images']} above.")
    if any(entry.get("quantize", "none") != "none" for entry in entries) and not certificate.get("quantization"):
        limits.append("What quantisation does to each layer.")
    limits += [
        "Latency on any device: an export runs nothing for its speed.",
        "How far scores can be taken for probabilities, how answers change with cameras, light or noise, and whether "
        "errors fall on some groups of people or things more than on others.",
    ]
    return ["\n".join(f"- {limit}" for limit in limits)]
