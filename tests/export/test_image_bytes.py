"""What reaches the network from a client's file, and what is refused, at the graph's own call."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from scarlet_tf.data import load_dataset
from scarlet_tf.data.preprocessing import FASHION_MNIST, IMAGENET, Normalisation
from scarlet_tf.export.description import Preprocessing
from scarlet_tf.export.image_bytes import LIMITS, ImageLimits, network_input

PLAIN = Normalisation(mean=(0.0, 0.0, 0.0), std=(1 / 255, 1 / 255, 1 / 255))  # pixels stay as they are
SMALL = ImageLimits(max_bytes=3000, max_pixels=2000, max_aspect=8)


def png(width, height, pixels=True):
    """A PNG file whose header says so, with or without the pixels."""

    def chunk(name, content):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes((width + 1) * height)) if pixels else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def saved(width, height, kind):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (10, 20, 30)).save(buffer, kind)
    return buffer.getvalue()


def run(contents, limits=SMALL, resize="whole", size=8):
    function = tf.function(lambda files: network_input(files, Preprocessing(size, resize, PLAIN), limits))
    return function(tf.constant(contents, tf.string)).numpy()


@pytest.mark.parametrize("resize", ["whole", "centre_crop"])
def test_files_become_what_the_evaluation_pipeline_makes_of_them(tmp_path, photos, resize):
    for split in ("train", "val", "test"):
        for number, content in enumerate(photos):
            directory = tmp_path / split / f"class{number}"
            directory.mkdir(parents=True)
            suffix = "png" if content.startswith(b"\x89PNG") else "jpg"
            (directory / f"photo.{suffix}").write_bytes(content)
    if resize == "whole":  # the first training image decides: up to 64 pixels
        (tmp_path / "train" / "class0" / "photo.jpg").write_bytes(saved(60, 60, "JPEG"))
    dataset = load_dataset("folder", str(tmp_path))
    preprocessing = Preprocessing.of_dataset(dataset, 28)
    assert preprocessing == Preprocessing(28, resize, IMAGENET)
    ((expected, _),) = dataset.evaluation_batches("test", len(photos), 28).as_numpy_iterator()
    received = tf.function(lambda files: network_input(files, preprocessing))(tf.constant(photos)).numpy()
    np.testing.assert_array_equal(received, expected)


def test_a_png_of_the_networks_size_is_only_normalised():
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    (image,) = network_input(tf.constant([buffer.getvalue()]), Preprocessing(28, "whole", FASHION_MNIST)).numpy()
    expected = (np.float64(pixels) / 255 - 0.2860) / 0.3530
    np.testing.assert_allclose(image, np.repeat(expected[..., None], 3, axis=2), rtol=0, atol=1e-6)


def test_no_images_give_no_images():
    assert run([]).shape == (0, 8, 8, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_an_image_at_the_limits_is_taken(kind):
    assert run([saved(50, 40, kind), saved(8, 1, kind), saved(1, 8, kind)]).shape == (3, 8, 8, 3)


NO_FILE = "must be the contents of a JPEG or PNG file"
BAD = {
    "empty": (b"", f"{NO_FILE}. Received: none"),
    "text": (b"no image", rf"{NO_FILE}. Received another kind of file, of bytes:\] \[8\]"),
    "gif": (saved(9, 9, "GIF"), NO_FILE),
    "bmp": (saved(9, 9, "BMP"), NO_FILE),
    "webp": (saved(9, 9, "WEBP"), NO_FILE),
    "png cut in the header": (png(9, 9)[:30], NO_FILE),
    "png cut in the pixels": (saved(9, 9, "PNG")[:-20], "PNG"),
    "jpeg cut in the header": (saved(9, 9, "JPEG")[:40], "Invalid JPEG data"),
    "jpeg cut in the pixels": (saved(9, 9, "JPEG")[:-20], "Invalid JPEG data"),
    "long jpeg": (saved(9, 9, "JPEG").ljust(3001, b"\0"), r"at most 3000 bytes. Received:\] \[3001\]"),
    "long png": (saved(9, 9, "PNG").ljust(3001, b"\0"), r"at most 3000 bytes. Received:\] \[3001\]"),
    "large jpeg": (saved(50, 41, "JPEG"), r"at most 2000 pixels. Received height and width:\] \[41 50\]"),
    "large png": (saved(50, 41, "PNG"), r"at most 2000 pixels. Received height and width:\] \[41 50\]"),
    "largest png": (png(2**31 - 1, 2**31 - 1, pixels=False), "at most 2000 pixels"),
    "sides that are no signed integers": (png(2**32 - 1, 2**32 - 1, pixels=False), "at most 2000 pixels"),
    "no side": (png(0, 5), "at most 2000 pixels"),
    "wide png": (saved(9, 1, "PNG"), r"at most 8 times as long as wide.*\[1 9\]"),
    "long and narrow jpeg": (saved(1, 9, "JPEG"), r"at most 8 times as long as wide.*\[9 1\]"),
}


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("kind", BAD)
def test_one_bad_file_among_good_ones_is_refused_and_the_message_says_why(kind, place):
    content, message = BAD[kind]
    contents = [saved(9, 9, "PNG"), saved(9, 9, "JPEG")]
    contents.insert(place, content)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        run(contents)


@pytest.mark.parametrize(("width", "height"), [(2_000_000_000, 1), (30_000, 30_000)])
@pytest.mark.parametrize("resize", ["whole", "centre_crop"])
def test_a_few_bytes_that_ask_for_gigabytes_are_refused_by_the_default_limits(width, height, resize):
    with pytest.raises(tf.errors.InvalidArgumentError, match="image_bytes must be an image of at most 25000000 pixels"):
        run([png(width, height, pixels=False)], LIMITS, resize)


def test_a_line_of_pixels_is_not_resized_to_a_square_of_its_length():
    with pytest.raises(tf.errors.InvalidArgumentError, match="64 times"):
        run([png(20_000_000, 1, pixels=False)], LIMITS, "centre_crop")
