"""The images that `--dataset`, `--data_dir`, `--annotations` and `--images` mean."""

from typing import TYPE_CHECKING

from scarlet_tf.detect.coco import CocoData, read_coco
from scarlet_tf.errors import InputError

if TYPE_CHECKING:
    from scarlet_tf.detect.batches import DetectionDataset


def read_source(dataset: str, data_dir: str | None, annotations: str | None, images: str | None) -> CocoData | None:
    """The annotations of `--dataset=json`, with every image file looked at; None for what TFDS has prepared.

    Imports no TensorFlow. Raises InputError for flags that do not fit the data set, and for bad files.
    """
    files = {"annotations": annotations, "images": images}
    if dataset == "coco":
        for name, value in files.items():
            if value is not None:
                raise InputError(f"--{name} is for --dataset=json. Received: --dataset=coco.")
        return None
    if data_dir is not None:
        raise InputError(f"--data_dir is for --dataset=coco. Received: {data_dir}; give --annotations and --images.")
    for name, value in files.items():
        if value is None:
            raise InputError(f"--{name} must be given with --dataset=json.")
    data = read_coco(annotations, images)
    data.check_image_files()
    return data


def open_source(data: CocoData | None, data_dir: str | None, split: str) -> "DetectionDataset":
    """The images of `data`, or, where that is None, those that TFDS has prepared: its `split`, train or validation.

    Raises InputError where TFDS has prepared none.
    """
    if data is None:
        from scarlet_tf.detect.tfds_coco import load_tfds_coco

        return load_tfds_coco(data_dir, split)
    from scarlet_tf.detect.batches import CocoFiles

    return CocoFiles(data)
