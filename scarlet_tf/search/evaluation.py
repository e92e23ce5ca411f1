"""On what, and how, a supernet's networks are evaluated, named in errors as the flags that say so."""

import math
from dataclasses import dataclass

from scarlet_tf.data import Dataset
from scarlet_tf.errors import InputError

PIXELS_AT_A_TIME_ON_CPU = 1_700_000
IMAGES_AT_A_TIME = 500
CALIBRATION_BATCH = 100
"""Images whose statistics are taken together, at most."""
DEFAULT_RECALIBRATION_IMAGES = 1000


@dataclass(frozen=True)
class Evaluation:
    """Accuracies on the first `max_images` validation images (None: all), `batch_size` at a time (None: as many as suit
    the device), with the batch norm statistics `bn`: "moving", those of training, or "recalibrate", those of the path
    itself on the first `recalibration_images` training images, which are not augmented.

    Raises InputError, naming the flag, where a value is off.
    """

    max_images: int | None = None
    batch_size: int | None = None
    bn: str = "moving"
    recalibration_images: int | None = None

    def __post_init__(self) -> None:
        if self.bn not in ("moving", "recalibrate"):
            raise InputError(f"--bn must be moving or recalibrate. Received: {self.bn!r}.")
        if self.bn == "moving" and self.recalibration_images is not None:
            raise InputError(
                f"--recalibration_images must be left out with --bn=moving. Received: {self.recalibration_images}."
            )
        lowest = {"max_images": 1, "batch_size": 1, "recalibration_images": 2}
        for name, bound in lowest.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                flag = "eval_batch_size" if name == "batch_size" else name
                raise InputError(f"--{flag} must be at least {bound}. Received: {value}.")

    def images(self, dataset: Dataset) -> int:
        """How many validation images count."""
        return min(self.max_images or dataset.num_examples("validation"), dataset.num_examples("validation"))

    def calibration(self, dataset: Dataset) -> tuple[int, int]:
        """How many batches of how many training images, as equal as they can be: at most a batch less one image of
        those asked for is left out."""
        if self.bn == "moving":
            return 0, 0
        images = min(self.recalibration_images or DEFAULT_RECALIBRATION_IMAGES, dataset.num_examples("train"))
        batches = math.ceil(images / CALIBRATION_BATCH)
        return batches, images // batches

    def describe(self, dataset: Dataset) -> dict[str, object]:
        """What accuracies depend on, for a journal: not how many images are computed at a time."""
        batches, size = self.calibration(dataset)
        return {
            "images": f"{self.images(dataset)} of {dataset.name} validation",
            "bn": self.bn,
            "recalibration_images": batches * size,
        }


def even_batch_size(images: int, image_size: int, at_once: int, on_cpu: bool) -> int:
    """Images a batch such that `at_once` devices, or cores, have about as many batches to do as each other; a multiple
    of 16, of which equal parts can be taken."""
    largest = PIXELS_AT_A_TIME_ON_CPU // image_size**2 if on_cpu else IMAGES_AT_A_TIME
    rounds = math.ceil(images / (max(16, largest // 16 * 16) * at_once))
    return math.ceil(images / (rounds * at_once) / 16) * 16
