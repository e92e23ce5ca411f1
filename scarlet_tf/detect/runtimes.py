"""Detectors, trained or exported, run by their own runtime: from images to an answer an anchor."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scarlet_tf.detect.categories import Category, read_categories
from scarlet_tf.detect.config import DetectConfig
from scarlet_tf.errors import InputError
from scarlet_tf.weights import has_checkpoint

if TYPE_CHECKING:
    import keras

    from scarlet_tf.detect.suppression import Detections

_BATCH_SIZE = 8
_EXPECTED = "the --workdir of a detector's training, a detector's .keras or .tflite file, or its SavedModel's directory"


@dataclass(frozen=True)
class Detector:
    """One loaded detector. `run` maps `batch_size` images (float32 NHWC, letterboxed), or any number where that is
    None, to boxes (n, anchors, 4) in their pixels and scores (n, anchors, classes)."""

    format: str
    image_size: int
    categories: tuple[Category, ...]
    batch_size: int | None
    run: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

    def answers(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes and scores of any number of images."""
        size = self.batch_size or _BATCH_SIZE
        parts = [self.run(images[start : start + size]) for start in range(0, len(images), size)]
        boxes, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
        return boxes, scores

    def detect(self, images: np.ndarray) -> "list[Detections]":
        """The objects on each image."""
        from scarlet_tf.detect.suppression import detections

        return detections(*self.answers(images))


@dataclass(frozen=True)
class DetectorSource:
    """What `--model` means: a workdir, whose settings `training` has, or a file with its categories beside it."""

    path: Path
    categories: tuple[Category, ...]
    training: DetectConfig | None = None

    @classmethod
    def find(cls, model: str) -> "DetectorSource":
        """Imports no TensorFlow. Raises InputError where there is no detector."""
        path = Path(model)
        if (path / "config.json").is_file():
            training = DetectConfig.read(path / "config.json")
            if not has_checkpoint(path):
                raise InputError(f"--model={path} holds no checkpoint yet. Let its training reach its first one.")
            return cls(path, training.categories, training)
        versions = sorted(int(v.parent.name) for v in path.glob("*/saved_model.pb") if v.parent.name.isdecimal())
        if versions:
            return cls(path / str(versions[-1]), read_categories(path.resolve().parent))
        if (path / "saved_model.pb").is_file():  # a version, as savedmodel/1
            return cls(path, read_categories(path.resolve().parent.parent))
        if path.is_file() and path.suffix in (".keras", ".tflite"):
            return cls(path, read_categories(path.parent))
        what = "another one" if path.exists() else "nothing there"
        raise InputError(f"--model must be {_EXPECTED}. Received: {model}, {what}.")

    def load(self) -> Detector:
        """Raises InputError where it cannot be loaded, or has not as many classes as there are categories."""
        if self.training is not None or self.path.suffix == ".keras":
            return keras_detector(self.load_keras(), self.categories)
        with _reading(self.path):
            detector = (_load_tflite if self.path.suffix == ".tflite" else _load_savedmodel)(self.path, self.categories)
            detector.answers(np.zeros((1, detector.image_size, detector.image_size, 3), np.float32))
        return detector

    def load_keras(self) -> "keras.Model":
        """The Keras model of a workdir's last checkpoint, or of a .keras file. Raises InputError for other ones."""
        if self.training is not None:
            from scarlet_tf.detect.retinanet import build_detector
            from scarlet_tf.models import restore
            from scarlet_tf.train.workdir import Workdir

            made = self.training
            levels = (made.min_level, made.max_level, made.head_convs)
            model = build_detector(made.model, made.image_size, len(self.categories), *levels)
            restore(Workdir(self.path), model)
            return model
        if self.path.suffix != ".keras":
            raise InputError(f"--model must be a workdir or a .keras file here. Received: {self.path}.")
        import keras
        from keras_hub.models import RetinaNetObjectDetector

        with _reading(self.path):
            model = keras.models.load_model(self.path, compile=False)
            if not isinstance(model, RetinaNetObjectDetector):
                raise ValueError(f"a {type(model).__name__}")
            _check_classes(model.num_classes, self.categories)
        return model


def keras_detector(model: "keras.Model", categories: tuple[Category, ...]) -> Detector:
    """Runs a detector in memory."""
    import tensorflow as tf

    from scarlet_tf.detect.retinanet import decode

    image_size = model.input_shape[1]
    image = tf.TensorSpec((None, image_size, image_size, 3), tf.float32)
    call = tf.function(lambda image: decode(model, image), input_signature=[image])

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        answers = call(images)
        return answers["boxes"].numpy(), answers["scores"].numpy()

    return Detector("keras", image_size, categories, None, run)


def _load_savedmodel(path: Path, categories: tuple[Category, ...]) -> Detector:
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    signature = loaded.signatures["serving_default"]
    image_size = signature.structured_input_signature[1]["image"].shape[1]
    _check_classes(signature.structured_outputs["scores"].shape[-1], categories)

    def run(images: np.ndarray, _owner: object = loaded) -> tuple[np.ndarray, np.ndarray]:
        # A signature does not keep the variables that it reads: their owner must live as long.
        answers = signature(image=tf.constant(images))
        return answers["boxes"].numpy(), answers["scores"].numpy()

    return Detector("savedmodel", image_size, categories, None, run)


def _load_tflite(path: Path, categories: tuple[Category, ...]) -> Detector:
    from ai_edge_litert.interpreter import Interpreter

    from scarlet_tf.export.runtimes import notices_dropped

    with notices_dropped():
        interpreter = Interpreter(model_path=str(path))
        interpreter.allocate_tensors()
        signature = interpreter.get_signature_runner("serving_default")
    shape = signature.get_input_details()["image"]["shape"]
    _check_classes(signature.get_output_details()["scores"]["shape"][-1], categories)

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        answers = signature(image=images)
        return answers["boxes"], answers["scores"]

    return Detector("tflite", int(shape[1]), categories, int(shape[0]), run)


def _check_classes(num_classes: int, categories: tuple[Category, ...]) -> None:
    if num_classes != len(categories):
        raise ValueError(f"{num_classes} classes, where categories.json beside it names {len(categories)}")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns whatever a runtime raises on a file that it cannot take into one InputError."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} must hold a detector, as train or export wrote it. Received: {reason}.") from error
