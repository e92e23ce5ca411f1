"""The published networks in the manner of keras.applications.

`SCARLET_A`, `SCARLET_B`, `SCARLET_C` (224 px), `SCARLET_A2` (260 px) and `SCARLET_A4` (380 px) each return a
`keras.Model`; `preprocess_input` makes of pixels what they eat, `decode_predictions` names what they see.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from scarlet_tf.arch.spec import ArchSpec
from scarlet_tf.arch.zoo import ZOO, get_arch
from scarlet_tf.data.imagenet import imagenet_classes
from scarlet_tf.data.preprocessing import IMAGENET
from scarlet_tf.errors import InputError
from scarlet_tf.nets.standalone import POOLING, StandaloneModel, build_backbone, build_classifier
from scarlet_tf.nets.weight_file import load_weight_file

_ARGUMENTS = """

    Args:
        include_top: whether the pooling and the classifier are part of it.
        weights: None for fresh ones, or a .keras or .weights.h5 file (of `import_torch`, of a training, or saved by
            Keras). Without `include_top`, a classifier in the file is left out.
        input_shape: (height, width, 3), each side at least 32 pixels, or None for any; by default the network's own
            size with `include_top`, and any without.
        pooling: without `include_top`, None for features (batch, h / 32, w / 32, channels), or avg or max to pool them.
        classes: how many, with `include_top`.
        classifier_activation: None for logits, or what Keras names, such as softmax.

    Returns a `keras.Model`, whose `pyramid_outputs` P2 to P5 are the features at strides 4 to 32. Raises InputError, a
    ValueError, for arguments that do not fit each other or the file.
    """


def _check_input_shape(arch: ArchSpec, input_shape: object) -> tuple:
    smallest = arch.min_image_size
    shape = tuple(input_shape) if isinstance(input_shape, Sequence) else None
    sides_fit = shape is not None and all(
        side is None or (isinstance(side, int) and side >= smallest) for side in shape[:2]
    )
    if not sides_fit or len(shape) != 3 or shape[2] != 3:
        raise InputError(
            f"input_shape must be (height, width, 3) of at least {smallest} pixels a side, or None for any. "
            f"Received: {input_shape!r}."
        )
    return shape


def _application(name: str) -> Callable[..., StandaloneModel]:
    def build(
        include_top: bool = True,
        weights: str | None = None,
        input_shape: Sequence[int | None] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: str | None = None,
    ) -> StandaloneModel:
        arch, size = get_arch(name), ZOO[name].image_size
        shape = (size, size, 3) if include_top else (None, None, 3)
        if input_shape is not None:
            shape = _check_input_shape(arch, input_shape)
        if pooling not in (None, *POOLING):
            raise InputError(f"pooling must be None or one of {', '.join(POOLING)}. Received: {pooling!r}.")
        if include_top and pooling is not None:
            raise InputError(f"pooling is for include_top=False. Received: include_top=True, pooling={pooling!r}.")
        if not isinstance(classes, int) or classes < 1:
            raise InputError(f"classes must be a positive integer. Received: {classes!r}.")
        if include_top:
            model = build_classifier(arch, shape, classes, activation=classifier_activation)
        else:
            model = build_backbone(arch, shape, pooling)
        if weights is not None:
            load_weight_file(weights, model, arch, classifier=include_top)
        return model

    build.__name__ = build.__qualname__ = name.upper()
    build.__doc__ = f"{name.upper().replace('_', '-')} (paper section 5), at {ZOO[name].image_size} px.{_ARGUMENTS}"
    return build


SCARLET_A, SCARLET_B, SCARLET_C, SCARLET_A2, SCARLET_A4 = map(_application, ZOO)


def preprocess_input(pixels: object) -> object:
    """What the networks eat: `pixels` (..., 3) in [0, 255], RGB, normalised by ImageNet's mean and deviation.

    NumPy arrays give a new NumPy array, tensors a tensor, and what `keras.Input` gives its like; all float32.
    """
    if isinstance(pixels, np.ndarray):
        return IMAGENET.applied_to(pixels.astype(np.float32))
    return IMAGENET.applied_to(keras.ops.cast(pixels, "float32"))


def decode_predictions(
    predictions: np.ndarray, top: int = 5, class_names: Sequence[str] | None = None
) -> list[list[tuple[str, str, float]]]:
    """The `top` best classes of each row of `predictions` (n, classes), best first, as (id, name, score).

    The classes are ImageNet's, whose id is WordNet's, unless `class_names` are given, whose id is their index. Scores
    are what `predictions` holds. Raises InputError where their number is not that of the classes.
    """
    classes = imagenet_classes() if class_names is None else [(str(i), name) for i, name in enumerate(class_names)]
    predictions = np.asarray(predictions)
    if predictions.ndim != 2 or predictions.shape[1] != len(classes):
        raise InputError(
            f"predictions must be (n, {len(classes)}), a column a class; give class_names for other classes than "
            f"ImageNet's. Received: {predictions.shape}."
        )
    best = np.argsort(-predictions, axis=1, kind="stable")[:, :top]
    return [
        [(*classes[index], float(row[index])) for index in order] for row, order in zip(predictions, best, strict=True)
    ]
