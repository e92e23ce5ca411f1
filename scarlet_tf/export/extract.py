"""From a path of the supernet, or a network with stabilizers, to the standalone network with the same function and none
left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from scarlet_tf.arch.layout import stage_starts
from scarlet_tf.arch.spec import ArchSpec
from scarlet_tf.errors import InputError
from scarlet_tf.export.fold import MAX_CONDITION, BlockWeights, Removal, remove_stabilizers
from scarlet_tf.export.fold_plain import Reader, fold_into_readers
from scarlet_tf.nets.blocks import InvertedBottleneck, ProjectionConv
from scarlet_tf.nets.conv_bn import BN_EPSILON, ConvBN
from scarlet_tf.nets.stabilizer import Stabilizer
from scarlet_tf.nets.standalone import CLASSIFIER, StandaloneModel, build_model
from scarlet_tf.nets.supernet import Supernet


@dataclass(frozen=True)
class Extraction:
    """A standalone network, the kind of the stabilizers that stood in its skipped slots, how each one was removed, and
    how many were kept."""

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
    genotype = supernet.space.check(genotype)
    if keep_stabilizers and supernet.stabilizer != "els":
        raise InputError(f"--keep_stabilizers is for els. Received a supernet with {supernet.stabilizer}.")
    arch = supernet.space.decode(genotype, name)
    path = [slot.candidates[choice] for slot, choice in zip(supernet.slots, genotype, strict=True)]
    layers = {"stem": supernet.stem} | {layer.name: layer for layer in supernet.head}
    layers |= {f"slot_{slot}": layer for slot, layer in enumerate(path)}
    layers |= {f"slot_{slot}_entry": block.entry for slot, block in enumerate(supernet.slots) if block.entry}
    sizes = supernet.image_size, supernet.num_classes, dropout
    if keep_stabilizers:
        model = build_model(arch, *sizes, "els")
        for layer in model.layers:
            if layer.weights:
                _copy(layers[layer.name], layer)
        return Extraction(model, "els", (), len(arch.skipped_slots))
    model = build_model(arch, *sizes)
    return Extraction(model, supernet.stabilizer, _extract_into(model, arch, layers, max_condition, basis), 0)


def without_stabilizers(
    network: StandaloneModel,
    arch: ArchSpec,
    max_condition: float = MAX_CONDITION,
    basis: str = "balanced",
    dropout: float = 0.2,
) -> Extraction:
    """The network of `arch` that is the same function as `network`, which was built with stabilizers, and has none.

    Raises InputError for "els_relu", IllConditionedError and BeforePoolingError, as `extract_path`.
    """
    (kind,) = {layer.kind for layer in network.layers if isinstance(layer, Stabilizer)}
    model = build_model(arch, network.input_shape[1], network.output_shape[-1], dropout)
    layers = {layer.name: layer for layer in network.layers}
    return Extraction(model, kind, _extract_into(model, arch, layers, max_condition, basis), 0)


def _extract_into(
    model: StandaloneModel,
    arch: ArchSpec,
    layers: Mapping[str, keras.layers.Layer],
    max_condition: float,
    basis: str,
) -> tuple[Removal, ...]:
    """Gives `model`, of `arch`, the weights of `layers`, by the names that a standalone network's layers have, less the
    stabilizers in skipped slots."""
    path = [layers[f"slot_{slot}"] for slot in range(len(arch.blocks))]
    if any(isinstance(layer, Stabilizer) and layer.kind == "els_relu" for layer in path):
        raise InputError(
            "A stabilizer with ReLU is no linear map and cannot be removed. Received weights trained with "
            "--stabilizer=els_relu; train with els or skip to export."
        )
    for layer in model.layers:
        if layer.weights:
            _copy(layers[layer.name], layer)
    if arch.is_plain:
        return tuple(_removed_from_plain(model, path, layers))
    rows = [layer.matrix() if isinstance(layer, Stabilizer) else _block_weights(layer) for layer in path]
    head = layers["head"].conv
    starts = stage_starts(arch.stem.out_channels, arch.blocks)
    head_kernel, removals = remove_stabilizers(starts, rows, _matrix(head), max_condition, basis)
    model.get_layer("head").conv.kernel.assign(head_kernel[np.newaxis, np.newaxis])
    for slot, weights in enumerate(rows):
        if isinstance(weights, BlockWeights):
            _write(model.get_layer(f"slot_{slot}"), weights)
    return tuple(removals)


def _removed_from_plain(
    model: StandaloneModel, path: Sequence[keras.layers.Layer], layers: Mapping[str, keras.layers.Layer]
) -> list[Removal]:
    """Writes the kernels of `model` that take over the stabilizers of a path of plain convolutions; the record."""
    parts: list[Reader | tuple[int, np.ndarray]] = []
    kernels: list[tuple[keras.Variable, Reader]] = []

    def read_by(own: keras.Variable, given: keras.Variable, pools: bool = False) -> None:
        reader = Reader(_float64(given), pools)
        parts.append(reader)
        kernels.append((own, reader))

    for slot, layer in enumerate(path):
        entry = layers.get(f"slot_{slot}_entry")
        if entry is not None:
            read_by(model.get_layer(f"slot_{slot}_entry").conv.kernel, entry.conv.kernel, entry.pool > 1)
        if isinstance(layer, Stabilizer):
            parts.append((slot, layer.matrix()))
        else:
            read_by(model.get_layer(f"slot_{slot}").conv.kernel, layer.conv.kernel)
    if "head" in layers:
        read_by(model.get_layer("head").conv.kernel, layers["head"].conv.kernel)
    else:  # past the pooling, which is a mean
        read_by(model.get_layer(CLASSIFIER).kernel, layers[CLASSIFIER].kernel)
    removals = fold_into_readers(parts)
    for kernel, reader in kernels:
        kernel.assign(reader.kernel)
    return removals


def extract(supernet: Supernet, genotype: Sequence[int]) -> keras.Model:
    """The standalone network of `genotype` with the supernet's weights and no stabilizer left; see `extract_path`."""
    return extract_path(supernet, genotype).model
