"""Which layers of a standalone network a training changes, and how fast. Importing this imports no TensorFlow."""

from typing import TYPE_CHECKING

from scarlet_tf.arch.layout import layout
from scarlet_tf.arch.named import NamedArch

if TYPE_CHECKING:
    import keras


def layer_names(named: NamedArch) -> tuple[str, ...]:
    """The layers of the network that have weights, from the image on: stem, slot_0, ..., head, logits. A skipped slot
    has none; its entry, slot_0_entry, has."""
    placed, slots = layout(named.arch), []
    blocks = {block.slot for block in placed.blocks}
    for slot in range(len(named.arch.blocks)):
        slots += [f"slot_{slot}_entry"] * (slot in placed.entries) + [f"slot_{slot}"] * (slot in blocks)
    head = ("head",) if named.arch.head.filters else ()
    return ("stem", *slots, *head, "logits")


def layer_rates(named: NamedArch, layer_decay: float) -> dict[str, float]:
    """Each layer's share of the learning rate: `layer_decay` to the number of layers after it (Clark et al. 2020, arXiv
    2003.10555). The classifier has all of it. Empty where `layer_decay` is 1."""
    if layer_decay == 1.0:
        return {}
    return {name: layer_decay**after for after, name in enumerate(reversed(layer_names(named)))}


def freeze(model: "keras.Model", named: NamedArch, last: str) -> None:
    """Makes the layer `last` of `model` and all before it untrainable: neither their weights nor their batch norms'
    statistics change any more."""
    names = layer_names(named)
    for name in names[: names.index(last) + 1]:
        model.get_layer(name).trainable = False


def unfreeze(model: "keras.Model") -> None:
    """Makes all layers of `model` trainable."""
    for layer in model.layers:  # setting the model's own attribute leaves its layers as they are
        layer.trainable = True
