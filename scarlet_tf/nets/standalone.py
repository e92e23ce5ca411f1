"""One architecture as a Keras model, without choices and, unless asked for, without stabilizers."""

import keras

from scarlet_tf.arch.cost import check_image_size
from scarlet_tf.arch.layout import layout
from scarlet_tf.arch.spec import ArchSpec, Head, Stem
from scarlet_tf.arch.zoo import get_arch
from scarlet_tf.nets import blocks
from scarlet_tf.nets.stabilizer import Stabilizer


def stem_layer(stem: Stem) -> blocks.Stem:
    """The Keras layer of a stem."""
    return blocks.Stem(stem.filters, stem.stride, stem.separable_filters, stem.activation, name="stem")


def head_layers(head: Head, num_classes: int, dropout: float, in_stride: int = 1) -> list[keras.layers.Layer]:
    """The Keras layers after the blocks: conv1x1, global average pooling, dropout, dense."""
    return [
        blocks.HeadConv(head.filters, head.activation, in_stride, name="head"),
        keras.layers.GlobalAveragePooling2D(name="pool"),
        keras.layers.Dropout(dropout, name="dropout"),
        keras.layers.Dense(num_classes, kernel_initializer=keras.initializers.RandomNormal(0, 0.01), name="logits"),
    ]


def build_model(
    arch: ArchSpec | str,
    image_size: int = 224,
    num_classes: int = 1000,
    dropout: float = 0.2,
    keep_stabilizers: bool = False,
) -> keras.Model:
    """The network of `arch` (rows, or a published network's name), freshly initialised.

    Input `image` (batch, image_size, image_size, 3) float32, as the data pipeline feeds it; output `logits`
    (batch, num_classes). The layer of slot n is named `slot_n`. With `keep_stabilizers` a skipped slot holds its ELS
    layer. Raises ValueError where the image is smaller than the product of the strides.
    """
    arch = get_arch(arch) if isinstance(arch, str) else arch
    check_image_size(arch, image_size)
    placed = layout(arch)
    by_slot = {block.slot: block for block in placed.blocks}
    image = keras.Input((image_size, image_size, 3), name="image")
    x = stem_layer(arch.stem)(image)
    for slot, row in enumerate(arch.blocks):
        if slot in by_slot:
            block = by_slot[slot]
            x = blocks.InvertedBottleneck(
                block.hidden_channels,
                row.filters,
                row.kernel,
                row.stride,
                1 if keep_stabilizers else block.in_stride,
                row.se,
                block.shortcut,
                arch.activation,
                name=f"slot_{slot}",
            )(x)
        elif keep_stabilizers:
            x = Stabilizer(row.filters, row.stride, name=f"slot_{slot}")(x)
    in_stride = 1 if keep_stabilizers else placed.head_in_stride
    for layer in head_layers(arch.head, num_classes, dropout, in_stride):
        x = layer(x)
    return keras.Model(image, x, name=arch.name.replace("-", "_"))
