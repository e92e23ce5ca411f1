"""Pictures without annotations."""

from pathlib import Path

from scarlet_tf.detect.coco import read_image_size
from scarlet_tf.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png")


def find_pictures(images: str, limit: int | None = None) -> list[Path]:
    """The picture, or the first `limit` of those in the directory, that `--images` names. Raises InputError where there
    are none, or one that cannot be read."""
    path = Path(images)
    if path.is_dir():
        pictures = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())[:limit]
        if not pictures:
            raise InputError(f"--images must hold pictures ({', '.join(SUFFIXES)}). Received: {images}, with none.")
    else:
        pictures = [path]
    for picture in pictures:
        read_image_size(str(picture))
    return pictures
