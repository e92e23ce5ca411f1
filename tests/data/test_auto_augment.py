"""AutoAugment's operations against Pillow, and its policy against its table."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from scarlet_tf.data import load_dataset
from scarlet_tf.data.arrays import ArrayDataset, LabelledImages
from scarlet_tf.data.auto_augment import CIFAR10, GREY, Operation, apply_operation, apply_policy
from scarlet_tf.data.dataset import SPLITS
from scarlet_tf.data.preprocessing import Normalisation
from scarlet_tf.errors import InputError

GEOMETRIC = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
OTHERS = (
    "AutoContrast",
    "Invert",
    "Equalize",
    "Solarize",
    "Posterize",
    "Contrast",
    "Color",
    "Brightness",
    "Sharpness",
)
TABLE = """
Invert 0.1 - Contrast 0.2 6 | Rotate 0.7 2 TranslateX 0.3 9 | Sharpness 0.8 1 Sharpness 0.9 3 |
ShearY 0.5 8 TranslateY 0.7 9 | AutoContrast 0.5 - Equalize 0.9 - | ShearY 0.2 7 Posterize 0.3 7 |
Color 0.4 3 Brightness 0.6 7 | Sharpness 0.3 9 Brightness 0.7 9 | Equalize 0.6 - Equalize 0.5 - |
Contrast 0.6 7 Sharpness 0.6 5 | Color 0.7 7 TranslateX 0.5 8 | Equalize 0.3 - AutoContrast 0.4 - |
TranslateY 0.4 3 Sharpness 0.2 6 | Brightness 0.9 6 Color 0.2 8 | Solarize 0.5 2 Invert 0.0 - |
Equalize 0.2 - AutoContrast 0.6 - | Equalize 0.2 - Equalize 0.6 - | Color 0.9 9 Equalize 0.6 - |
AutoContrast 0.8 - Solarize 0.2 8 | Brightness 0.1 3 Color 0.7 0 | Solarize 0.4 5 AutoContrast 0.9 - |
TranslateY 0.9 9 TranslateY 0.7 9 | AutoContrast 0.9 - Solarize 0.8 3 | Equalize 0.8 - Invert 0.1 - |
TranslateY 0.7 9 AutoContrast 0.9 -
"""
PLAIN = Normalisation(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def by_pillow(operation, pixels, sign):
    """What Pillow makes of `pixels` (h, w, 3), with magnitudes as in the authors' code (for 32 pixels a side)."""
    image, magnitude = Image.fromarray(pixels), operation.magnitude

    def affine(*matrix):
        return image.transform(image.size, Image.Transform.AFFINE, matrix, fillcolor=(GREY,) * 3)

    factor = 0.1 + 0.18 * magnitude
    done = {
        "ShearX": lambda: affine(1, sign * 0.03 * magnitude, 0, 0, 1, 0),
        "ShearY": lambda: affine(1, 0, 0, sign * 0.03 * magnitude, 1, 0),
        "TranslateX": lambda: affine(1, 0, sign * int(magnitude * image.width / 32), 0, 1, 0),
        "TranslateY": lambda: affine(1, 0, 0, 0, 1, sign * int(magnitude * image.height / 32)),
        "Rotate": lambda: image.rotate(sign * 3 * magnitude, fillcolor=(GREY,) * 3),
        "AutoContrast": lambda: ImageOps.autocontrast(image),
        "Invert": lambda: ImageOps.invert(image),
        "Equalize": lambda: ImageOps.equalize(image),
        "Solarize": lambda: ImageOps.solarize(image, 256 - int(25.6 * magnitude)),
        "Posterize": lambda: ImageOps.posterize(image, 4 - int(0.4 * magnitude)),
        "Contrast": lambda: ImageEnhance.Contrast(image).enhance(factor),
        "Color": lambda: ImageEnhance.Color(image).enhance(factor),
        "Brightness": lambda: ImageEnhance.Brightness(image).enhance(factor),
        "Sharpness": lambda: ImageEnhance.Sharpness(image).enhance(factor),
    }
    return np.asarray(done[operation.name]())


def pictures(height, width):
    """Smooth ones, noise, and one of a single colour: uint8 (8, h, w, 3)."""
    rng = np.random.default_rng(height)
    walk = np.cumsum(rng.normal(0, 6, (5, height, width, 3)), axis=2) + rng.normal(110, 40, (5, 1, 1, 3))
    noise = rng.integers(0, 256, (2, height, width, 3))
    return np.concatenate([np.clip(walk, 0, 255), noise, np.full((1, height, width, 3), 77)]).astype(np.uint8)


@pytest.mark.parametrize("size", [(32, 32), (28, 40), (3, 5)])
@pytest.mark.parametrize("name", [*GEOMETRIC, *OTHERS])
def test_operations_are_pillows(name, size):
    images = pictures(*size)
    for magnitude in (0, 1, 5, 8, 9):
        operation = Operation(name, 1.0, magnitude)
        for sign in (1, -1) if name in GEOMETRIC else (1,):
            received = apply_operation(operation, tf.constant(images), float(sign)).numpy()
            expected = np.stack([by_pillow(operation, image, sign) for image in images])
            different = (received != expected).any(axis=-1).mean()
            assert different <= (0.03 if name in ("ShearX", "ShearY", "Rotate") else 0)  # midway between two pixels


def test_policy_is_the_papers_table():
    rows = [row.split() for row in TABLE.replace("\n", " ").split("|")]
    expected = [
        tuple(
            Operation(name, float(probability), 0 if magnitude == "-" else int(magnitude))
            for name, probability, magnitude in (row[:3], row[3:])
        )
        for row in rows
    ]
    assert len(expected) == 25
    assert list(CIFAR10) == expected


def test_a_policy_is_a_mixture_of_its_sub_policies():
    image = pictures(32, 32)[0]
    results = apply_policy("cifar10", tf.constant(np.stack([image] * 2000)), tf.constant([3, 4], tf.int64)).numpy()
    possible = {}
    for operations in CIFAR10:
        outcomes = [(image, 1.0)]
        for operation in operations:
            signs = (1, -1) if operation.name in GEOMETRIC else (1,)
            outcomes = [
                outcome
                for before, chance in outcomes
                for outcome in (
                    (before, chance * (1 - operation.probability)),
                    *(
                        (
                            apply_operation(operation, tf.constant(before[None]), float(sign)).numpy()[0],
                            chance * operation.probability / len(signs),
                        )
                        for sign in signs
                    ),
                )
            ]
        for outcome, chance in outcomes:
            possible[outcome.tobytes()] = possible.get(outcome.tobytes(), 0.0) + chance / len(CIFAR10)
    counts = {}
    for result in results:
        counts[result.tobytes()] = counts.get(result.tobytes(), 0) + 1
    assert set(counts) <= set(possible)
    for outcome, chance in possible.items():
        spread = np.sqrt(2000 * chance * (1 - chance))
        assert abs(counts.get(outcome, 0) - 2000 * chance) <= 4.5 * spread + 1


def test_it_is_a_function_of_the_key():
    images = tf.constant(pictures(32, 32))

    def results(*key):
        return apply_policy("cifar10", images, tf.constant(key, tf.int64)).numpy()

    np.testing.assert_array_equal(results(1, 2), results(1, 2))
    assert not np.array_equal(results(1, 2), results(1, 3))
    np.testing.assert_array_equal(apply_policy("none", images, tf.constant([1, 2], tf.int64)), images)


def test_grey_images_become_colour():
    grey = tf.constant(pictures(28, 28)[..., :1])
    key = tf.constant([1, 2], tf.int64)
    expected = apply_policy("cifar10", tf.repeat(grey, 3, axis=-1), key)
    np.testing.assert_array_equal(apply_policy("cifar10", grey, key), expected)


def write_folder(root, size):
    for split in ("train", "val"):
        for name in ("a", "b"):
            (root / split / name).mkdir(parents=True)
            for number, image in enumerate(pictures(*size)[:4]):
                Image.fromarray(image).save(root / split / name / f"{number}.png")
    return load_dataset("folder", str(root))


@pytest.mark.parametrize("kind", ["arrays", "small files", "photos"])
def test_data_sets_are_augmented_and_restart_bit_for_bit(kind, tmp_path):
    if kind == "arrays":
        examples = LabelledImages(pictures(32, 32), np.arange(8, dtype=np.int32))
        dataset = ArrayDataset("tiny", ("a", "b"), PLAIN, dict.fromkeys(SPLITS, examples))
    else:
        dataset = write_folder(tmp_path, (32, 32) if kind == "small files" else (70, 90))

    def batches(start_step, auto_augment):
        found = dataset.training_batches(4, 40, 7, start_step, 6 - start_step, auto_augment)
        return list(found.as_numpy_iterator())

    whole, plain = batches(0, "cifar10"), batches(0, "none")
    for (image, label), (other_image, other_label) in zip(whole[2:], batches(2, "cifar10"), strict=True):
        np.testing.assert_array_equal(image, other_image)
        np.testing.assert_array_equal(label, other_label)
    images, plain_images = (np.concatenate([image for image, _ in found]) for found in (whole, plain))
    different = np.abs(images - plain_images).max(axis=(1, 2, 3)) > 0.03
    assert 0.4 < np.mean(different) <= 1
    assert whole[0][0].shape == plain[0][0].shape
    assert [list(label) for _, label in whole] == [list(label) for _, label in plain]


def test_unknown_policies_are_refused():
    with pytest.raises(InputError, match=r"--auto_augment must be one of none, cifar10\. Received: 'imagenet'"):
        load_dataset("synthetic").training_batches(4, 32, 0, auto_augment="imagenet")
