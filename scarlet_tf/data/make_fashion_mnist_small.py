"""Makes the data set in the package, fashion_mnist_small.npz, from the original files of Fashion-MNIST.

Of each class: 600 images to train and 200 to validate on, from the original training set; 200 to test on,
from the original test set. The originals are at github.com/zalandoresearch/fashion-mnist, and in Debian's
package dataset-fashion-mnist, which puts them into /usr/share/datasets/fashion-mnist.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np
from absl import flags

from scarlet_tf.command import run
from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir, replacing

SEED = 2017
NUM_CLASSES = 10
TRAIN_PER_CLASS, VALIDATION_PER_CLASS, TEST_PER_CLASS = 600, 200, 200

FLAGS = flags.FLAGS
flags.DEFINE_string("source_dir", "/usr/share/datasets/fashion-mnist", "Directory with the four *-ubyte.gz files.")
flags.DEFINE_string("output", None, "The .npz file to write.")


def read_idx(path: Path) -> np.ndarray:
    """The array in a gzipped IDX file of unsigned bytes: a magic number, the dimensions, the data."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} must be a gzipped file of Fashion-MNIST. Received: {error}.") from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * content[3]:
        raise InputError(f"{path} must be an IDX file of unsigned bytes. Received: {content[:4]!r} at its start.")
    dimensions = content[3]
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", count=dimensions, offset=4))
    data = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions)
    if data.size != np.prod(shape, dtype=np.int64):
        raise InputError(f"{path} must hold an array of shape {shape}. Received: {data.size} bytes.")
    return data.reshape(shape)


def _read_pair(source_dir: Path, prefix: str) -> tuple[np.ndarray, np.ndarray]:
    images = read_idx(source_dir / f"{prefix}-images-idx3-ubyte.gz")
    labels = read_idx(source_dir / f"{prefix}-labels-idx1-ubyte.gz")
    if images.shape != (len(labels), 28, 28) or labels.ndim != 1:
        raise InputError(
            f"{source_dir} must hold {prefix} images (n, 28, 28) and labels (n,)."
            f" Received: {images.shape} and {labels.shape}."
        )
    return images, labels


def choose(labels: np.ndarray, per_class: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of `per_class` random examples of each class, in turn: any prefix is balanced."""
    chosen = []
    for label in range(NUM_CLASSES):
        of_class = np.flatnonzero(labels == label)
        if len(of_class) < per_class:
            raise InputError(
                f"--source_dir must hold {per_class} or more images of class {label}. Received: {len(of_class)}."
            )
        chosen.append(rng.permutation(of_class)[:per_class])
    return np.stack(chosen, axis=1).ravel()


def make(source_dir: Path) -> dict[str, np.ndarray]:
    """The arrays of fashion_mnist_small.npz: `SPLIT_images` uint8 (n, 28, 28), `SPLIT_labels` uint8 (n,)."""
    images, labels = _read_pair(source_dir, "train")
    test_images, test_labels = _read_pair(source_dir, "t10k")
    rng = np.random.default_rng(SEED)
    chosen = choose(labels, TRAIN_PER_CLASS + VALIDATION_PER_CLASS, rng)
    train, validation = np.split(chosen, [TRAIN_PER_CLASS * NUM_CLASSES])
    test = choose(test_labels, TEST_PER_CLASS, rng)
    return {
        "train_images": images[train],
        "train_labels": labels[train],
        "validation_images": images[validation],
        "validation_labels": labels[validation],
        "test_images": test_images[test],
        "test_labels": test_labels[test],
    }


def main() -> None:
    if not FLAGS.output or not FLAGS.output.endswith(".npz"):
        raise InputError(f"--output must name a .npz file. Received: {FLAGS.output}.")
    output = Path(FLAGS.output)
    check_output_dir(output.parent, "output")
    arrays = make(Path(FLAGS.source_dir))
    with replacing(output) as temporary:
        np.savez_compressed(temporary, **arrays)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main, globals())
