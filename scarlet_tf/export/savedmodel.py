"""A SavedModel as TensorFlow Serving reads it: the content of one version, with all its signatures."""

import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from scarlet_tf.errors import InputError
from scarlet_tf.export.description import Description
from scarlet_tf.export.image_bytes import LIMITS, ImageLimits, network_input
from scarlet_tf.export.warmup import replay_warmup, warmup_requests, write_warmup

EXTRA = "assets.extra"
"""The directory of a version for files that the graph does not read."""

TOP = 5
"""How many classes `classify` gives, where the network has as many."""


def write_savedmodel(
    model: keras.Model,
    directory: str | Path,
    description: Description,
    images: np.ndarray,
    limits: ImageLimits = LIMITS,
) -> Path:
    """Writes `model` as a SavedModel straight into `directory`, for `publish_version` to publish; returns it.

    Signatures, of which each takes any batch and gives outputs whose first dimension is the batch:

    - `serving_default`: `image` (float32 NHWC, normalised) to `logits`;
    - `image_bytes`: `image_bytes` (string, the contents of JPEG or PNG files) to `logits`;
    - `classify`: `image_bytes` to the TOP likeliest `classes` (string, labels) and their `scores` (float32, of a
      softmax over all classes), both (batch, TOP), the likeliest first.

    Files are preprocessed in the graph, and within `limits`, as `network_input` says. `assets.extra` gets the
    description, `labels.txt`, and warm-up requests made of `images` (float32 (n, s, s, 3), as the network eats them),
    which have been answered by the written graph when this returns. Raises InputError unless there is a label a class.
    """
    directory = Path(directory)
    size, num_classes = model.input_shape[1], model.output_shape[1]
    if len(description.labels) != num_classes:
        raise InputError(
            f"--labels must have as many labels as the network has classes, {num_classes}. "
            f"Received: {len(description.labels)}."
        )
    if description.preprocessing.image_size != size:
        raise ValueError(f"The image size must be {size}. Received: {description.preprocessing.image_size}.")
    image = tf.TensorSpec((None, size, size, 3), tf.float32, name="image")
    image_bytes = tf.TensorSpec((None,), tf.string, name="image_bytes")
    network = tf.function(lambda image: model(image, training=False), input_signature=[image])

    def classify(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = network(network_input(image_bytes, description.preprocessing, limits))
        scores, indices = tf.math.top_k(tf.nn.softmax(logits), min(TOP, num_classes))
        # a lookup table would have to be initialised, and tracked
        return {"classes": tf.gather(tf.constant(description.labels), indices), "scores": scores}

    functions = {
        "serving_default": (lambda image: {"logits": network(image)}, image),
        "image_bytes": (
            lambda image_bytes: {"logits": network(network_input(image_bytes, description.preprocessing, limits))},
            image_bytes,
        ),
        "classify": (classify, image_bytes),
    }
    signatures = {name: tf.function(call).get_concrete_function(spec) for name, (call, spec) in functions.items()}
    _save(signatures, directory)
    (directory / EXTRA).mkdir()
    (directory / EXTRA / "description.json").write_text(description.to_json() + "\n", encoding="utf-8")
    (directory / EXTRA / "labels.txt").write_text("\n".join(description.labels) + "\n", encoding="utf-8")
    write_warmup(directory, warmup_requests(images, description.preprocessing), description.name)
    replay_warmup(directory)
    return directory


def write_signature(
    model: keras.Model,
    directory: str | Path,
    batch_size: int | None = None,
    names: tuple[str, str] = ("image", "logits"),
) -> None:
    """Writes `model` as a SavedModel straight into `directory`, for any batch or a fixed `batch_size`, with the
    signature `serving_default` alone. `names` are those of its input and its output."""
    input_name, output_name = names
    image = tf.TensorSpec((batch_size, *model.input_shape[1:]), tf.float32, name=input_name)
    function = tf.function(lambda image: {output_name: model(image, training=False)})
    _save({"serving_default": function.get_concrete_function(image)}, directory)


def _save(signatures: dict[str, tf.types.experimental.ConcreteFunction], directory: str | Path) -> None:
    # keras.export.ExportArchive stores each weight twice: as the Keras variable and as TensorFlow's.
    owner = tf.Module()
    owner.weights = list(signatures["serving_default"].variables)
    tf.saved_model.save(owner, os.fspath(directory), signatures=signatures)
