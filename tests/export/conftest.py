"""Small networks with statistics that matter, and one export of them that the tests share."""

import io
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from scarlet_tf.arch.spec import ArchSpec, Head, MBConv, Projection, Skip, Stem
from scarlet_tf.data.preprocessing import IMAGENET, Normalisation
from scarlet_tf.export.artifacts import export_model
from scarlet_tf.export.description import Description, Preprocessing
from scarlet_tf.export.savedmodel import write_savedmodel
from scarlet_tf.export.settings import FORMATS, ExportSettings
from scarlet_tf.export.tflite import write_tflite
from scarlet_tf.export.versions import publish_version
from scarlet_tf.nets.standalone import build_model

IMAGE_SIZE, NUM_CLASSES = 28, 10
ARCHS = {
    # The first convolution takes the stride of the skipped slots before it: 2 in slot 1, 4 in slot 5.
    "skipping": ArchSpec(
        "skipping",
        Stem(8, stride=1, separable_filters=6),  # 28 -> 28
        (
            Skip(12, stride=2),
            MBConv(3, 3, 12, se=True),  # 28 -> 14
            MBConv(3, 3, 12),  # shortcut
            Skip(16, stride=2),
            Skip(20, stride=2),
            MBConv(6, 5, 20, se=True),  # 14 -> 4
            MBConv(3, 5, 20),  # shortcut
            Projection(24, stride=2),  # 4 -> 2
        ),
        Head(128),
    ),
    "strided": ArchSpec(
        "strided",
        Stem(8, stride=2, separable_filters=6),  # 28 -> 14
        (
            MBConv(3, 3, 12, stride=2),  # 14 -> 7
            Skip(12),
            MBConv(3, 5, 16, stride=2, se=True),  # 7 -> 4
            MBConv(6, 7, 20, stride=2, se=True),  # 4 -> 2
            MBConv(6, 3, 20),  # shortcut
        ),
        Head(128),
    ),
}


def _build(name: str, image_size: int = IMAGE_SIZE, seed: int = 0, trained: bool = True) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = build_model(ARCHS[name], image_size, NUM_CLASSES)
    rng = np.random.default_rng(seed)
    for weight in model.weights if trained else ():
        if weight.name.endswith(("gamma", "variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.name.endswith(("beta", "mean", "bias")):
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


def _random_images(count: int, image_size: int = IMAGE_SIZE, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, image_size, image_size, 3)).astype(np.float32)


@pytest.fixture(scope="session")
def build() -> Callable[..., keras.Model]:
    """Builds a small network by name, with random batch norms and biases unless `trained` is False."""
    return _build


@pytest.fixture(scope="session")
def random_images() -> Callable[..., np.ndarray]:
    """Draws so many images, of a size and from a seed."""
    return _random_images


@pytest.fixture(scope="session")
def logits_of() -> Callable[[keras.Model, np.ndarray], np.ndarray]:
    """Calls a Keras model on images, without any of the code under test."""
    return lambda model, images: keras.ops.convert_to_numpy(model(images, training=False))


@pytest.fixture(scope="session")
def network() -> keras.Model:
    return _build("skipping")


@pytest.fixture(scope="session")
def description() -> Description:
    """Of `network`, with labels beyond ASCII, and photos' centres cropped."""
    labels = ("sloth", "épagneul", "雪豹", "a, b", *(f"class {number}" for number in range(4, NUM_CLASSES)))
    return Description("sloths", labels, Preprocessing(IMAGE_SIZE, "centre_crop", IMAGENET), {"seed": 0})


@pytest.fixture(scope="session")
def tiny_description() -> Description:
    """Of `network`, whole images stretched, and a normalisation that differs by channel."""
    normalisation = Normalisation(mean=(0.5, 0.25, 0.2), std=(0.2, 0.25, 0.5))
    labels = ("naïve", *(f"class {index}" for index in range(1, NUM_CLASSES)))
    return Description(
        "tiny", labels, Preprocessing(IMAGE_SIZE, "whole", normalisation), {"weights": {"file": "a.keras"}}
    )


@pytest.fixture(scope="session")
def exported(network: keras.Model, description: Description, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory with `network` in all formats, float32."""
    output_dir = tmp_path_factory.mktemp("exported")
    export_model(network, ExportSettings(FORMATS), output_dir, _random_images(4), description)
    return output_dir


@pytest.fixture(scope="session")
def batched_file(network: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TFLite file of `network` for batches of 3."""
    return write_tflite(network, tmp_path_factory.mktemp("batched") / "model.tflite", batch_size=3)


@pytest.fixture(scope="session")
def base_dir(network: keras.Model, description: Description, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's base path, with version 1 of `network`."""
    directory = tmp_path_factory.mktemp("models")
    written = write_savedmodel(network, directory / "written", description, _random_images(3))
    return publish_version(written, directory / "sloths").parent


@pytest.fixture(scope="session")
def photos() -> list[bytes]:
    """Files of smooth images, larger than the network's and of no square: JPEG in colours and in grey, baseline and
    progressive, PNG in colours, in grey, of a palette, and with transparency."""
    rng = np.random.default_rng(0)
    kinds = [
        ("RGB", "JPEG", {"quality": 90}),
        ("L", "JPEG", {}),
        ("RGB", "JPEG", {"progressive": True}),
        ("RGB", "PNG", {}),
        ("L", "PNG", {}),
        ("P", "PNG", {}),
        ("RGBA", "PNG", {}),
    ]
    files = []
    for number, (mode, kind, options) in enumerate(kinds):
        coarse = rng.integers(0, 256, (5, 6, 3)).astype(np.uint8)
        image = Image.fromarray(coarse).resize((71 + 8 * number, 103 - 7 * number), Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        image.convert(mode).save(buffer, kind, **options)
        files.append(buffer.getvalue())
    return files
