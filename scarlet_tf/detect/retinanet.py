"""RetinaNet (Lin et al. 2017) on a SCARLET network, of keras-hub's parts."""

import math
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras_hub.layers import AnchorGenerator
from keras_hub.models import RetinaNetBackbone, RetinaNetObjectDetector

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.detect.config import check_backbone
from scarlet_tf.nets.standalone import StandaloneModel, build_backbone, features
from scarlet_tf.nets.weight_file import load_weight_file

BOX_FORMAT = "xyxy"  # (left, top, right, bottom), in pixels
ANCHOR_SIZE = 4  # times the stride: 32 px at P3
_PRIOR = 0.01  # probability of each class at each anchor, to begin with
_MAX_LOG_SIZE = math.log(1000 / 16)  # of a box to its anchor: beyond is no object, and would overflow
_ENCODING = "center_xywh"


@keras.saving.register_keras_serializable("scarlet_tf")
class FrozenStatisticsDetector(RetinaNetObjectDetector):
    """A detector that is trained with the batch-norm statistics that it has. It has no other layer that asks."""

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: object = None) -> dict[str, tf.Tensor]:
        return super().call(inputs, training=False, mask=mask)


def build_encoder(model: NamedArch, image_size: int, weights: str | Path | None = None) -> StandaloneModel:
    """The blocks of a network, with those of `weights` (a file of it as a classifier) or fresh; its output is the last
    block's. Raises InputError where the weights do not fit."""
    arch = model.arch
    image = keras.Input((image_size, image_size, 3), name="image")
    encoder = StandaloneModel(image, features(arch, image), name=arch.name.replace("-", "_"))
    if weights is not None:
        whole = build_backbone(arch)
        load_weight_file(weights, whole, arch, classifier=False)
        for layer in encoder.layers:
            layer.set_weights(whole.get_layer(layer.name).get_weights())
    return encoder


def build_detector(
    model: NamedArch,
    image_size: int,
    num_classes: int,
    min_level: int = 3,
    max_level: int = 7,
    head_convs: int = 4,
    weights: str | Path | None = None,
    freeze_batch_norm: bool = False,
) -> RetinaNetObjectDetector:
    """The detector on `model`, whose own weights are of the file `weights` or fresh.

    Input `images` (b, image_size, image_size, 3) float32; outputs `bbox_regression` (b, anchors, 4), relative to the
    anchors, and `cls_logits` (b, anchors, num_classes). `head_convs` is the depth of each head. Raises InputError for a
    network without a block at each resolution from `min_level` to 5.
    """
    check_backbone(model, min_level)
    encoder = build_encoder(model, image_size, weights)
    backbone = RetinaNetBackbone(
        encoder, min_level, max_level, use_p5=True, image_shape=(image_size, image_size, 3), name="retinanet_backbone"
    )
    anchors = AnchorGenerator(BOX_FORMAT, min_level, max_level, 3, [0.5, 1.0, 2.0], ANCHOR_SIZE)
    kind = FrozenStatisticsDetector if freeze_batch_norm else RetinaNetObjectDetector
    detector = kind(
        backbone,
        num_classes,
        BOX_FORMAT,
        anchor_generator=anchors,
        pre_logits_num_conv_layers=head_convs,
        name="retinanet",
    )
    # Each object trains the anchor that overlaps it most, however little: small ones would train none.
    detector.label_encoder.box_matcher.force_match_for_each_col = True
    _initialise_heads(detector)
    return detector


def _initialise_heads(detector: RetinaNetObjectDetector) -> None:
    """As the paper does (section 4.1). keras-hub starts with larger kernels, and with the prior on the boxes."""
    normal = keras.initializers.RandomNormal(0.0, 0.01)
    for head, bias in ((detector.classification_head, -math.log((1 - _PRIOR) / _PRIOR)), (detector.box_head, 0.0)):
        for conv in (*head.conv_layers, head.prediction_layer):
            conv.kernel.assign(normal(conv.kernel.shape))
        head.prediction_layer.bias.assign(tf.fill(head.prediction_layer.bias.shape, bias))


def decode(detector: keras.Model, images: tf.Tensor) -> dict[str, tf.Tensor]:
    """What a detector sees, an answer an anchor, before duplicates are suppressed.

    images: float32 (b, size, size, 3). Returns `boxes` (b, anchors, 4), (left, top, right, bottom) in pixels of the
    square and within it, and `scores` (b, anchors, classes) from 0 to 1.
    """
    image_size = detector.input_shape[1]
    predicted = detector(images, training=False)
    centres, sizes = tf.split(predicted["bbox_regression"], 2, axis=-1)
    boxes = keras.utils.bounding_boxes.decode_deltas_to_boxes(
        anchor_boxes(detector),
        tf.concat([centres, tf.minimum(sizes, _MAX_LOG_SIZE)], axis=-1),
        anchor_format=BOX_FORMAT,
        box_format=BOX_FORMAT,
        encoded_format=_ENCODING,
    )
    return {
        "boxes": tf.clip_by_value(boxes, 0.0, float(image_size)),
        "scores": tf.sigmoid(predicted["cls_logits"]),
    }


def anchor_boxes(detector: keras.Model) -> np.ndarray:
    """All anchors of a detector in the order of its outputs: float32 (anchors, 4), (left, top, right, bottom)."""
    with tf.init_scope():
        levels = detector.anchor_generator(tf.zeros((1, *detector.input_shape[1:])))
        return np.concatenate([np.asarray(boxes) for boxes in levels.values()])
