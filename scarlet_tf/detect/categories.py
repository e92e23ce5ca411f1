"""The categories that a detector tells apart, in the order of its classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scarlet_tf.errors import InputError
from scarlet_tf.files import read_json

FILE_NAME = "categories.json"


@dataclass(frozen=True)
class Category:
    """A category of COCO's annotations: class n of a detector is the n-th of these, whatever its `id`."""

    id: int
    name: str


def categories_from_data(data: object, where: str | Path) -> tuple[Category, ...]:
    """The categories in COCO's form, a list of objects with `id` and `name`; other keys are left out.

    Raises InputError, naming `where`, where there are none, or two of one id.
    """
    if not isinstance(data, list) or not data:
        raise InputError(f"{where}: categories must be a list of objects with id and name. Received: {data!r:.60}.")
    categories = []
    for entry in data:
        valid = (
            isinstance(entry, dict)
            and type(entry.get("id")) is int
            and abs(entry["id"]) < 2**63
            and isinstance(entry.get("name"), str)
        )
        if not valid:
            raise InputError(f"{where}: a category must have an integer id and a name. Received: {entry!r:.100}.")
        categories.append(Category(entry["id"], entry["name"]))
    if len({category.id for category in categories}) < len(categories):
        raise InputError(f"{where}: the ids of categories must differ. Received: two that are equal.")
    return tuple(categories)


def read_categories(directory: Path) -> tuple[Category, ...]:
    """The categories beside a saved detector. Raises InputError where their file is not there or holds none."""
    path = directory / FILE_NAME
    return categories_from_data(read_json(path, "the categories of the detector beside it"), path)


def categories_to_data(categories: Sequence[Category]) -> list[dict]:
    """What `categories_from_data` reads."""
    return [{"id": category.id, "name": category.name} for category in categories]


def check_same_categories(detector: Sequence[Category], data: Sequence[Category], where: str | Path) -> None:
    """Raises InputError where the data in `where` has other categories than the detector."""
    if set(detector) == set(data):
        return
    only_detector = sorted(category.name for category in set(detector) - set(data))
    only_data = sorted(category.name for category in set(data) - set(detector))
    differing = f"{only_detector[0]} only the detector has" if only_detector else f"{only_data[0]} only {where} has"
    raise InputError(
        f"{where} must have the detector's {len(detector)} categories, by id and name. Received: {len(data)}; "
        f"{differing}."
    )
