"""A user's own images: `train/CLASS/*.jpg` beside `val/` or `test/`, or both, of the same shape."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from scarlet_tf.data.dataset import SPLITS, Dataset
from scarlet_tf.data.held_out import every_tenth
from scarlet_tf.data.preprocessing import IMAGENET
from scarlet_tf.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf

SUFFIXES = (".jpg", ".jpeg", ".png")
_LAYOUT = "train/CLASS/*.{jpg,jpeg,png} beside val/ or test/ of the same shape"


@dataclass(frozen=True)
class ImageFile:
    """An image on disk. label: its class index."""

    path: str
    label: int


def load_folder(data_dir: str | None) -> "FolderDataset":
    """The images under `data_dir`, whose classes are the directories in `train/`, in alphabetical order.

    Without `val/`, a tenth of each class of `train/` is validation; without `test/`, test is `val/`.
    Raises InputError where the directory is not laid out so.
    """
    if data_dir is None:
        raise InputError(f"--data_dir must be given with --dataset=folder: a directory with {_LAYOUT}.")
    root = Path(data_dir)
    present = _directories(root)
    if "train" not in present:
        raise InputError(f"--data_dir must hold {_LAYOUT}. Received: {root}, which has no train/.")
    if not {"val", "test"} & set(present):
        raise InputError(f"--data_dir must hold {_LAYOUT}. Received: {root}, which has neither val/ nor test/.")
    class_names = tuple(_directories(root / "train"))
    if len(class_names) < 2:
        raise InputError(f"{root / 'train'} must hold at least 2 class directories. Received: {list(class_names)}.")
    train = _images(root / "train", class_names, every_class=True)
    val = _images(root / "val", class_names) if "val" in present else None
    test = _images(root / "test", class_names) if "test" in present else val
    if val is None:
        held_out = every_tenth([image.label for image in train])
        val = [image for image, out in zip(train, held_out, strict=True) if out]
        train = [image for image, out in zip(train, held_out, strict=True) if not out]
        if not val:
            raise InputError(
                f"{root} must hold val/, or at least 2 images in a class of train/ to hold one out. Received: neither."
            )
    return FolderDataset(class_names, {"train": train, "validation": val, "test": test})


def _names(directory: Path, is_wanted: Callable[[os.DirEntry], bool]) -> list[str]:
    """The entries of a directory that are wanted, sorted; hidden ones never are."""
    try:
        with os.scandir(directory) as entries:
            return sorted(e.name for e in entries if not e.name.startswith(".") and is_wanted(e))
    except OSError as error:
        raise InputError(
            f"--data_dir must be a readable directory with {_LAYOUT}. Received: {directory} ({error.strerror})."
        ) from error


def _directories(directory: Path) -> list[str]:
    return _names(directory, lambda entry: entry.is_dir())


def _images(split_dir: Path, class_names: Sequence[str], every_class: bool = False) -> list[ImageFile]:
    """The images of a split, classes interleaved, so that any first part of them is about balanced."""
    unknown = sorted(set(_directories(split_dir)) - set(class_names))
    if unknown:
        raise InputError(
            f"{split_dir} must hold only classes of train/. Received: {unknown[0]}; add it to train/ or remove it."
        )
    images = []  # (rank in class, label, path)
    for label, name in enumerate(class_names):
        class_dir = split_dir / name
        files = _names(class_dir, _is_image) if every_class or class_dir.is_dir() else []
        if every_class and not files:
            raise InputError(
                f"{class_dir} must hold images ({', '.join(SUFFIXES)}). Received: none; add one or remove it."
            )
        images += [(rank, label, str(class_dir / file)) for rank, file in enumerate(files)]
    if not images:
        raise InputError(f"{split_dir} must hold CLASS/*.{{jpg,jpeg,png}}. Received: no images.")
    return [ImageFile(path, label) for _, label, path in sorted(images)]


def _is_image(entry: os.DirEntry) -> bool:
    return entry.name.lower().endswith(SUFFIXES) and entry.is_file()


class FolderDataset(Dataset):
    """Images in files, decoded as they are needed. splits: the files of each of SPLITS."""

    def __init__(self, class_names: tuple[str, ...], splits: dict[str, Sequence[ImageFile]]) -> None:
        sizes = {split: len(files) for split, files in splits.items()}
        super().__init__("folder", class_names, IMAGENET, sizes)
        self._splits = dict(splits)

    @cached_property
    def augmentation(self) -> str:
        """As the first readable training image goes, so go all: `crop_flip` up to 64 pixels, else `inception`."""
        import tensorflow as tf

        from scarlet_tf.data import photos, small_images

        with self.naming_bad_files():
            for file in self._splits["train"]:
                try:
                    image = photos.decode(tf.io.read_file(file.path))
                    break
                except tf.errors.OpError:
                    if file is self._splits["train"][-1]:
                        raise
        return "crop_flip" if min(image.shape[:2]) <= small_images.MAX_SIZE else "inception"

    def _tensors(self, split: str) -> "tuple[tf.Tensor, tf.Tensor]":
        import tensorflow as tf

        files = self._splits[split]
        with tf.device("CPU:0"):
            return tf.constant([f.path for f in files]), tf.constant([f.label for f in files], tf.int32)

    def _training_batches(
        self,
        batch_size: int,
        image_size: int,
        seed: int,
        start_step: int,
        num_steps: int | None,
        auto_augment: str,
    ) -> "tf.data.Dataset":
        import tensorflow as tf

        from scarlet_tf.data import batching, order

        def examples_of(step: tf.Tensor, indices: tf.Tensor) -> tf.data.Dataset:
            positions = step * batch_size + tf.range(batch_size, dtype=tf.int64)
            return tf.data.Dataset.from_tensor_slices((positions, indices))

        steps = order.training_steps(self.num_examples("train"), batch_size, seed, start_step, num_steps)
        example = self._training_example(image_size, seed, auto_augment)
        examples = batching.in_parallel(steps.flat_map(examples_of), example)
        return batching.in_order(examples.batch(batch_size, drop_remainder=True), num_steps)

    def _training_example(
        self, image_size: int, seed: int, auto_augment: str
    ) -> "Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]":
        """`(position in the training, index of a file) -> (image, label)`."""
        import tensorflow as tf

        from scarlet_tf.data import encoded, order

        paths, labels = self._tensors("train")
        augment = encoded.training_transform(self.augmentation, image_size, self.normalisation, auto_augment)

        def example(position: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            contents = tf.io.read_file(paths[index])
            return augment(contents, order.augmentation_key(seed, position)), labels[index]

        return example

    def mended_training_batches(
        self,
        batch_size: int,
        image_size: int,
        seed: int,
        start_step: int,
        num_steps: int,
        auto_augment: str = "none",
    ) -> "tuple[tf.data.Dataset, list[str]] | None":
        """An unreadable image gives way to the next readable one of its class, in the order of the files' names."""
        import tensorflow as tf

        from scarlet_tf.data import batching, order

        ((_, indices),) = order.training_steps(self.num_examples("train"), batch_size, seed, start_step, 1)
        positions = start_step * batch_size + tf.range(batch_size, dtype=tf.int64)
        attempt = self._training_example(image_size, seed, "none")  # a policy reads nothing
        files = self._splits["train"]

        def is_readable(position: tf.Tensor, index: int) -> bool:
            try:
                with tf.device("CPU:0"):
                    attempt(position, index)
            except tf.errors.ResourceExhaustedError:
                raise
            except tf.errors.OpError:
                return False
            return True

        mended = indices.numpy()
        with ThreadPoolExecutor() as pool:
            readable = list(pool.map(is_readable, positions, mended))
        bad: dict[str, None] = {}  # in the order in which they are met
        for place in (place for place, is_good in enumerate(readable) if not is_good):
            for index in self._class_from(int(mended[place])):
                if is_readable(positions[place], index):
                    mended[place] = index
                    break
                bad[files[index].path] = None
            else:
                directory = Path(files[mended[place]].path).parent
                raise InputError(f"{directory} must hold whole JPEG or PNG images. Received: none that can be read.")
        if not bad:
            return None
        example = self._training_example(image_size, seed, auto_augment)
        batch = tf.data.Dataset.from_tensor_slices((positions, mended)).map(example)
        batches = batch.batch(batch_size, drop_remainder=True)
        rest = self.training_batches(batch_size, image_size, seed, start_step + 1, num_steps - 1, auto_augment)
        return batching.in_order(batches.concatenate(rest), num_steps), list(bad)

    def _class_from(self, index: int) -> list[int]:
        """The training files of the class of the one at `index`, from that one on and around."""
        files = self._splits["train"]
        same = [other for other, file in enumerate(files) if file.label == files[index].label]
        start = same.index(index)
        return same[start:] + same[:start]

    def _evaluation_batches(self, split: str, batch_size: int, image_size: int, count: int) -> "tf.data.Dataset":
        import tensorflow as tf

        from scarlet_tf.data import batching, encoded

        prepare = encoded.evaluation_transform(self.augmentation, image_size, self.normalisation)

        def example(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return prepare(tf.io.read_file(path)), label

        examples = tf.data.Dataset.from_tensor_slices(self._tensors(split)).take(count)
        examples = batching.in_parallel(examples, example)
        return examples.batch(batch_size)

    @contextmanager
    def naming_bad_files(self) -> Iterator[None]:
        from scarlet_tf.data import photos

        with photos.naming_bad_files(file.path for split in SPLITS for file in self._splits[split]):
            yield
