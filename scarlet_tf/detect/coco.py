"""Annotations in COCO's form: a JSON file beside a directory of images. Imports no TensorFlow."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from scarlet_tf.detect.categories import Category, categories_from_data, categories_to_data
from scarlet_tf.errors import InputError
from scarlet_tf.files import read_json

MIN_SIDE = 1.0
"""Boxes with a shorter side, in pixels after clipping, are not trained on."""

_TOLERANCE = 1.0  # pixels; annotations are rounded
_LARGEST = 1e18  # of what may be given in pixels
_FORMATS = ("JPEG", "PNG")
_WHAT = "COCO annotations: an object with the lists images, annotations and categories"


class CocoImage(NamedTuple):
    """An image file; width and height in pixels."""

    id: int
    path: str
    width: int
    height: int


class CocoObject(NamedTuple):
    """An annotated object. box: (x, y, width, height) in pixels, as annotated. A crowd is no single object: training
    leaves it out, and evaluation counts no detection within it."""

    image_id: int
    category_id: int
    box: tuple[float, float, float, float]
    area: float
    crowd: bool


class TrainingImage(NamedTuple):
    """What is learnt of an image. boxes: float32 (n, 4), (left, top, right, bottom) within it; labels: int32 (n,)."""

    image: CocoImage
    boxes: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class BoxCounts:
    """What became of the boxes of a data set."""

    kept: int
    clipped: int
    too_small: int
    crowds: int


@dataclass(frozen=True)
class CocoData:
    """The annotations in a file, checked."""

    where: str
    categories: tuple[Category, ...]
    images: tuple[CocoImage, ...]
    objects: tuple[CocoObject, ...]

    @cached_property
    def _training(self) -> tuple[tuple[TrainingImage, ...], BoxCounts]:
        label_of = {category.id: label for label, category in enumerate(self.categories)}
        by_image = defaultdict(list)
        for item in self.objects:
            by_image[item.image_id].append(item)
        kept, clipped, too_small, crowds = [], 0, 0, 0
        for image in self.images:
            items = [item for item in by_image[image.id] if not item.crowd]
            crowds += len(by_image[image.id]) - len(items)
            if not items:
                continue
            boxes, outside = clip_boxes(np.array([item.box for item in items]), image.width, image.height)
            large = np.all(boxes[:, 2:] - boxes[:, :2] >= MIN_SIDE, axis=1)
            clipped += int((outside & large).sum())
            too_small += int((~large).sum())
            if large.any():
                labels = np.array([label_of[item.category_id] for item in items], np.int32)
                kept.append(TrainingImage(image, boxes[large].astype(np.float32), labels[large]))
        count = sum(len(example.labels) for example in kept)
        return tuple(kept), BoxCounts(count, clipped, too_small, crowds)

    @property
    def training_images(self) -> tuple[TrainingImage, ...]:
        """The images that hold an object, in the order of the file."""
        return self._training[0]

    def summary(self) -> str:
        """One line on what is trained on, and what was made of boxes that are off."""
        images, counts = self._training
        text = f"{self.where}: {counts.kept} boxes of {len(self.categories)} categories on {len(images)} images"
        empty = len(self.images) - len(images)
        notes = [
            (counts.clipped, "boxes that reached outside their image were clipped"),
            (counts.too_small, f"boxes less than {MIN_SIDE:g} px wide or high within their image were left out"),
            (counts.crowds, "crowds were left out"),
            (empty, "images without an object were left out"),
        ]
        return "; ".join([text, *(f"{count} {what}" for count, what in notes if count)])

    def ground_truth(self, image_ids: set[int]) -> dict:
        """The annotations of these images in COCO's form, for pycocotools."""
        return ground_truth(
            self.categories,
            [image for image in self.images if image.id in image_ids],
            [item for item in self.objects if item.image_id in image_ids],
        )

    def check_image_files(self) -> None:
        """Raises InputError, naming the file, where an image is missing, cannot be read, or has another size.

        Reads only the ends of each file, unless its last bytes are not those of a whole image.
        """
        for image in self.images:
            size = read_image_size(image.path, self.where)
            if size != (image.width, image.height):
                raise InputError(
                    f"{image.path} must be {image.width}x{image.height} pixels, as {self.where} says. Received: "
                    f"{size[0]}x{size[1]}."
                )


def ground_truth(
    categories: tuple[Category, ...], images: list[CocoImage], objects: list[CocoObject]
) -> dict[str, list[dict]]:
    """Annotations in COCO's form, but for segmentations."""
    return {
        "images": [{"id": image.id, "width": image.width, "height": image.height} for image in images],
        "categories": categories_to_data(categories),
        "annotations": [
            {
                "id": number,
                "image_id": item.image_id,
                "category_id": item.category_id,
                "bbox": list(item.box),
                "area": item.area,
                "iscrowd": int(item.crowd),
            }
            for number, item in enumerate(objects, start=1)  # pycocotools takes a match with id 0 for none
        ],
    }


def clip_boxes(boxes: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (n, 4) as (x, y, width, height) to (left, top, right, bottom) within the image, and which of them, bool
    (n,), reached outside it by more than a pixel."""
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    inside = np.clip(corners, 0.0, [width, height, width, height])
    return inside, np.any(np.abs(corners - inside) > _TOLERANCE, axis=1)


def read_image_size(path: str, where: str | None = None) -> tuple[int, int]:
    """Width and height of a whole JPEG or PNG file. Raises InputError, naming it and what it is listed in."""
    listed = f", listed in {where}," if where else ""
    try:
        with Image.open(path) as image:
            if image.format not in _FORMATS:
                raise InputError(f"{path}{listed} must be a JPEG or PNG image. Received: {image.format}.")
            size, kind = image.size, image.format
            if not _ends_whole(path, kind):
                image.load()
    except FileNotFoundError as error:
        raise InputError(f"{path}{listed} must be there. Received: no such file; check --images.") from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path}{listed} must be a whole JPEG or PNG image; replace or remove it. Received: "
            f"{str(error).replace(path, 'the file')}."
        ) from error
    return size


def _ends_whole(path: str, kind: str) -> bool:
    end = b"\xff\xd9" if kind == "JPEG" else b"IEND\xaeB`\x82"
    with open(path, "rb") as file:
        file.seek(0, 2)
        file.seek(max(file.tell() - len(end), 0))
        return file.read() == end


def read_coco(annotations: str, images: str) -> CocoData:
    """The annotations in the file `annotations`, of images in the directory `images`.

    Raises InputError, naming the file and the entry, where it is not in COCO's form. The images themselves are not
    looked at: `check_image_files` does that.
    """
    if not Path(images).is_dir():
        raise InputError(f"--images must be the directory of the images. Received: {images}, which is none.")
    data = read_json(annotations, _WHAT)
    if not isinstance(data, dict):
        raise InputError(f"{annotations} must hold {_WHAT}. Received: a {type(data).__name__}.")
    for key in ("images", "annotations", "categories"):
        if not isinstance(data.get(key), list):
            raise InputError(f"{annotations} must hold {_WHAT}. Received: no list {key}.")
    categories = categories_from_data(data["categories"], annotations)
    files = tuple(_image(entry, annotations, images) for entry in data["images"])
    image_ids = {image.id for image in files}
    if len(image_ids) < len(files):
        raise InputError(f"{annotations}: the ids of images must differ. Received: two that are equal.")
    if not files:
        raise InputError(f"{annotations} must list images. Received: none.")
    category_ids = {category.id for category in categories}
    objects = tuple(_object(entry, annotations, image_ids, category_ids) for entry in data["annotations"])
    return CocoData(str(annotations), categories, files, objects)


def _entry(entry: object, kind: str, where: str, keys: dict[str, Callable[[object], bool]]) -> dict:
    if not isinstance(entry, dict):
        raise InputError(f"{where}: {kind} must be an object. Received: {entry!r:.100}.")
    for key, fits in keys.items():
        if key not in entry:
            raise InputError(f"{where}: {kind} must have the key {key}. Received: {entry!r:.100}.")
        if not fits(entry[key]):
            raise InputError(
                f"{where}: {kind} has the key {key} with what cannot be. Received: {key}={entry[key]!r:.100}."
            )
    return entry


def _is_whole(value: object) -> bool:
    return type(value) is int and abs(value) < 2**63


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) < _LARGEST  # which neither nan nor inf is


def _is_size(value: object) -> bool:
    return _is_whole(value) and value > 0


def _is_box(value: object) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


_IMAGE_KEYS = {
    "id": _is_whole,
    "file_name": lambda value: isinstance(value, str) and bool(value) and value.isprintable(),
    "width": _is_size,
    "height": _is_size,
}
_OBJECT_KEYS = {"image_id": _is_whole, "category_id": _is_whole, "bbox": _is_box}


def _image(entry: object, where: str, images: str) -> CocoImage:
    entry = _entry(entry, "an image", where, _IMAGE_KEYS)
    return CocoImage(entry["id"], str(Path(images) / entry["file_name"]), entry["width"], entry["height"])


def _object(entry: object, where: str, image_ids: set[int], category_ids: set[int]) -> CocoObject:
    entry = _entry(entry, "an annotation", where, _OBJECT_KEYS)
    for key, known, listed in (("image_id", image_ids, "images"), ("category_id", category_ids, "categories")):
        if entry[key] not in known:
            raise InputError(
                f"{where}: an annotation has a {key} that is not among its {listed}. Received: {key}={entry[key]}."
            )
    _, _, width, height = entry["bbox"]
    area = entry.get("area", width * height)
    if not _is_number(area) or entry.get("iscrowd", 0) not in (0, 1):
        raise InputError(f"{where}: area must be a number and iscrowd 0 or 1. Received: {entry!r:.100}.")
    box = tuple(float(value) for value in entry["bbox"])
    return CocoObject(entry["image_id"], entry["category_id"], box, float(area), bool(entry.get("iscrowd", 0)))
