"""One architecture as a Keras model, without choices and, unless asked for, without stabilizers."""

from dataclasses import replace

import keras

from scarlet_tf.arch.cost import check_image_size
from scarlet_tf.arch.layout import Placement, layout
from scarlet_tf.arch.spec import ArchSpec, Entry, Head, PlainConv, Projection, Stem
from scarlet_tf.arch.zoo import get_arch
from scarlet_tf.nets import blocks
from scarlet_tf.nets.stabilizer import Stabilizer

CLASSIFIER = "logits"
"""Name of the layer whose shape depends on the number of classes."""

_POOLING = {"avg": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}
POOLING = tuple(_POOLING)


@keras.saving.register_keras_serializable("scarlet_tf")
class StandaloneModel(keras.Model):
    """A functional Keras model of one architecture, whose layers are named stem, slot_0, ..., head, pool, logits; an
    entry of a slot is slot_0_entry."""

    @property
    def pyramid_outputs(self) -> dict[str, keras.KerasTensor]:
        """The features that a detector reads: `Pn`, (batch, h / 2^n, w / 2^n, c), is the last slot's output at that
        resolution. SCARLET networks have P2 to P5."""
        outputs, stride = {}, 1
        for layer in self.layers:
            if isinstance(layer, blocks.Stem):
                stride = layer.stride
            elif isinstance(layer, blocks.InvertedBottleneck | blocks.ProjectionConv | blocks.ConvBlock | Stabilizer):
                stride *= layer.stride * getattr(layer, "in_stride", 1)
                outputs[f"P{stride.bit_length() - 1}"] = layer.output
        return outputs


def stem_layer(stem: Stem) -> blocks.Stem:
    """The Keras layer of a stem."""
    return blocks.Stem(stem.filters, stem.stride, stem.separable_filters, stem.activation, name="stem")


def head_convs(head: Head, in_stride: int = 1) -> list[blocks.HeadConv]:
    """The Keras layer of the head's conv1x1; none where it has none."""
    if head.filters is None:
        return []
    return [blocks.HeadConv(head.filters, head.activation, in_stride, name="head")]


def head_layers(head: Head, num_classes: int, dropout: float, in_stride: int = 1) -> list[keras.layers.Layer]:
    """The Keras layers after the blocks: conv1x1, where the head has one, global average pooling, dropout, dense."""
    return [
        *head_convs(head, in_stride),
        keras.layers.GlobalAveragePooling2D(name="pool"),
        keras.layers.Dropout(dropout, name="dropout"),
        keras.layers.Dense(
            num_classes,
            kernel_initializer=keras.initializers.RandomNormal(0, 0.01),
            dtype=keras.config.dtype_policy().variable_dtype,  # logits of 16 bits would cost accuracy
            name=CLASSIFIER,
        ),
    ]


def block_layer(
    block: Placement, activation: str, name: str | None = None
) -> blocks.InvertedBottleneck | blocks.ProjectionConv | blocks.ConvBlock:
    """The Keras layer of a block, of what is in its place, or of an entry, where it stands."""
    row = block.row
    if isinstance(row, Entry):
        return blocks.ConvBlock(row.filters, 1, activation, row.stride, name=name)
    if isinstance(row, PlainConv):
        return blocks.ConvBlock(row.filters, row.kernel, activation, name=name)
    if isinstance(row, Projection):
        return blocks.ProjectionConv(row.filters, block.in_stride * row.stride, name=name)
    return blocks.InvertedBottleneck(
        block.hidden_channels,
        row.filters,
        row.kernel,
        row.stride,
        block.in_stride,
        row.se,
        block.shortcut,
        activation,
        name=name,
    )


def features(arch: ArchSpec, image: keras.KerasTensor, stabilizer: str | None = None) -> keras.KerasTensor:
    """What the head of `arch` reads, (batch, h, w, c), from a symbolic `image` (batch, h, w, 3). `stabilizer` is the
    kind that stands in skipped slots, as on the supernet's path; None for none."""
    placed = layout(arch)
    by_slot = {block.slot: block for block in placed.blocks}
    x = stem_layer(arch.stem)(image)
    for slot, row in enumerate(arch.blocks):
        name = f"slot_{slot}"
        if row.entry:
            x = block_layer(placed.entries[slot], arch.activation, f"{name}_entry")(x)
        if slot in by_slot:
            block = by_slot[slot]
            if stabilizer is not None:
                block = replace(block, in_stride=1)
            x = block_layer(block, arch.activation, name)(x)
        elif stabilizer is not None:
            x = Stabilizer(row.filters, 1 if row.entry else row.stride, stabilizer, name=name)(x)
    return x


def _model(arch: ArchSpec, image: keras.KerasTensor, output: keras.KerasTensor) -> StandaloneModel:
    return StandaloneModel(image, output, name=arch.name.replace("-", "_"))


def build_classifier(
    arch: ArchSpec,
    image_shape: tuple = (None, None, 3),
    num_classes: int = 1000,
    dropout: float = 0.2,
    activation: str | None = None,
    stabilizer: str | None = None,
) -> StandaloneModel:
    """The network of `arch`, freshly initialised, for images of any shape at least as large as its strides.

    Input `image` (batch, *image_shape), of which height and width may be None; output `logits` (batch, num_classes), or
    with `activation`, a name that Keras knows, `predictions`.
    """
    image = keras.Input(image_shape, name="image")
    x = features(arch, image, stabilizer)
    in_stride = layout(arch).head_in_stride if stabilizer is None else 1
    for layer in head_layers(arch.head, num_classes, dropout, in_stride):
        x = layer(x)
    if activation is not None:
        x = keras.layers.Activation(activation, name="predictions")(x)
    return _model(arch, image, x)


def build_model(
    arch: ArchSpec | str,
    image_size: int = 224,
    num_classes: int = 1000,
    dropout: float = 0.2,
    stabilizer: str | None = None,
) -> StandaloneModel:
    """The network of `arch` (rows, or a published network's name), freshly initialised.

    Input `image` (batch, image_size, image_size, 3) float32, as the data pipeline feeds it; output `logits`
    (batch, num_classes). The layer of slot n is named `slot_n`. A skipped slot has none, unless `stabilizer`, the kind
    of `Stabilizer` that then stands there as it does on the supernet's path. Raises ValueError where the image is
    smaller than the product of the strides, or for another kind.
    """
    arch = get_arch(arch) if isinstance(arch, str) else arch
    check_image_size(arch, image_size)
    shape = (image_size, image_size, 3)
    return build_classifier(arch, shape, num_classes, dropout, stabilizer=stabilizer)


def build_backbone(arch: ArchSpec, image_shape: tuple = (None, None, 3), pooling: str | None = None) -> StandaloneModel:
    """The network of `arch` without its classifier, freshly initialised.

    Input `image` (batch, *image_shape), of which height and width may be None; output the head's features (batch,
    ceil(h / strides), ceil(w / strides), c), or with `pooling` avg or max (batch, c).
    """
    image = keras.Input(image_shape, name="image")
    x = features(arch, image)
    for layer in head_convs(arch.head, layout(arch).head_in_stride):
        x = layer(x)
    if pooling is not None:
        x = _POOLING[pooling](name="pool")(x)
    return _model(arch, image, x)
