"""From a path of the supernet to the standalone network with the same function and no stabilizer left."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from scarlet_tf.errors import InputError
from scarlet_tf.export.fold import MAX_CONDITION, BlockWeights, Removal, remove_stabilizers
from scarlet_tf.export.fold_plain import Reader, fold_into_readers
from scarlet_tf.nets.blocks import InvertedBottleneck, ProjectionConv
from scarlet_tf.nets.conv_bn import BN_EPSILON, ConvBN
from scarlet_tf.nets.stabilizer import Stabilizer
from scarlet_tf.nets.standalone import CLASSIFIER, build_model
from scarlet_tf.nets.supernet import Supernet


@dataclass(frozen=True)
class Extraction:
    """A standalone network, the kind of the supernet's stabilizers, how each one of the path was removed, and how many
    were kept."""

    model: keras.Model
    kind: str
    removals: tuple[Removal, ...]
    kept: int


def _float64(variable: keras.Variable) -> np.ndarray:
    return np.asarray(variable, np.float64)


def _matrix(conv: ConvBN) -> np.ndarray:
    return _float64(conv.kernel)[0, 0]


def _block_weights(block: InvertedBottleneck | ProjectionConv) -> BlockWeights:
    if isinstance(block, ProjectionConv):  # one kernel, as a product of two
        last, kernels = block.conv, (_matrix(block.conv), np.eye(block.filters))
    else:
        last, kernels = block.project, (_matrix(block.expand), _matrix(block.project))
    return BlockWeights(*kernels, *map(_float64, (last.gamma, last.beta, last.mean, last.variance)), BN_EPSILON)


def _write(block: InvertedBottleneck | ProjectionConv, weights: BlockWeights) -> None:
    if isinstance(block, ProjectionConv):
        last, kernels = block.conv, {block.conv: weights.first @ weights.last}
    else:
        last, kernels = block.project, {block.expand: weights.first, block.project: weights.last}
    for conv, kernel in kernels.items():
        conv.kernel.assign(kernel[np.newaxis, np.newaxis])
    for variable, value in (
        (last.gamma, weights.gamma),
        (last.beta, weights.beta),
        (last.mean, weights.mean),
        (last.variance, weights.variance),
    ):
        variable.assign(value)


def _copy(source: keras.layers.Layer, target: keras.layers.Layer) -> None:
    for old, new in zip(source.weights, target.weights, strict=True):
        if old.shape == new.shape:  # a first convolution that takes over a stabilizer has other input channels
            new.assign(old)


def extract_path(
    supernet: Supernet,
    genotype: Sequence[int],
    name: str | None = None,
    keep_stabilizers: bool = False,
    max_condition: float = MAX_CONDITION,
    basis: str = "balanced",
    dropout: float = 0.2,
) -> Extraction:
    """Builds the standalone network of `genotype` with the supernet's weights and removes its stabilizers exactly.

    The network has batch norm and can be trained on. A plain "skip" is removed by the same algebra. Raises ValueError
    for a genotype of another space, InputError for "els_relu", which is no linear map, IllConditionedError where
    float32 cannot hold the change of basis (`scarlet_tf.export.fold`) and BeforePoolingError where max-pooling reads a
    stabilizer (`scarlet_tf.export.fold_plain`), unless `keep_stabilizers`, which leaves them in.
    """
    space = supernet.space
    genotype = space.check(genotype)
    path = [slot.candidates[choice] for slot, choice in zip(supernet.slots, genotype, strict=True)]
    stabilizers = [layer for layer in path if isinstance(layer, Stabilizer)]
    if keep_stabilizers and supernet.stabilizer != "els":
        raise InputError(f"--keep_stabilizers is for els. Received a supernet with {supernet.stabilizer}.")
    if supernet.stabilizer == "els_relu" and stabilizers:
        raise InputError(
            "A stabilizer with ReLU is no linear map and cannot be removed. Received a supernet trained with "
            "--stabilizer=els_relu; train with els or skip to export."
        )
    model = build_model(
        space.decode(genotype, name),
        supernet.image_size,
        supernet.num_classes,
        dropout,
        keep_stabilizers,
    )
    _copy(supernet.stem, model.get_layer("stem"))
    for slot, layer in enumerate(path):
        entry = supernet.slots[slot].entry
        if entry is not None:
            _copy(entry, model.get_layer(f"slot_{slot}_entry"))
        if keep_stabilizers or not isinstance(layer, Stabilizer):
            _copy(layer, model.get_layer(f"slot_{slot}"))
    for layer in supernet.head:
        _copy(layer, model.get_layer(layer.name))
    if keep_stabilizers:
        return Extraction(model, supernet.stabilizer, (), len(stabilizers))
    if space.is_plain:
        removals = _removed_from_plain(supernet, path, model)
        return Extraction(model, supernet.stabilizer, tuple(removals), 0)
    rows = [layer.matrix() if isinstance(layer, Stabilizer) else _block_weights(layer) for layer in path]
    head = supernet.head_conv.conv
    head_kernel, removals = remove_stabilizers(space.stage_starts, rows, _matrix(head), max_condition, basis)
    model.get_layer("head").conv.kernel.assign(head_kernel[np.newaxis, np.newaxis])
    for slot, weights in enumerate(rows):
        if isinstance(weights, BlockWeights):
            _write(model.get_layer(f"slot_{slot}"), weights)
    return Extraction(model, supernet.stabilizer, tuple(removals), 0)


def _removed_from_plain(supernet: Supernet, path: Sequence[keras.layers.Layer], model: keras.Model) -> list[Removal]:
    """Writes the kernels of `model` that take over the stabilizers of a path of plain convolutions; the record."""
    parts: list[Reader | tuple[int, np.ndarray]] = []
    kernels: list[tuple[keras.Variable, Reader]] = []

    def read_by(own: keras.Variable, of_supernet: keras.Variable, pools: bool = False) -> None:
        reader = Reader(_float64(of_supernet), pools)
        parts.append(reader)
        kernels.append((own, reader))

    for slot, layer in enumerate(path):
        entry = supernet.slots[slot].entry
        if entry is not None:
            read_by(model.get_layer(f"slot_{slot}_entry").conv.kernel, entry.conv.kernel, entry.pool > 1)
        if isinstance(layer, Stabilizer):
            parts.append((slot, layer.matrix()))
        else:
            read_by(model.get_layer(f"slot_{slot}").conv.kernel, layer.conv.kernel)
    if supernet.head_conv is not None:
        read_by(model.get_layer("head").conv.kernel, supernet.head_conv.conv.kernel)
    else:  # past the pooling, which is a mean
        read_by(model.get_layer(CLASSIFIER).kernel, supernet.head[-1].kernel)
    removals = fold_into_readers(parts)
    for kernel, reader in kernels:
        kernel.assign(reader.kernel)
    return removals


def extract(supernet: Supernet, genotype: Sequence[int]) -> keras.Model:
    """The standalone network of `genotype` with the supernet's weights and no stabilizer left; see `extract_path`."""
    return extract_path(supernet, genotype).model
