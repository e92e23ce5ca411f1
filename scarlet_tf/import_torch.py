"""Turns a PyTorch checkpoint of a SCARLET network, such as the authors publish, into a Keras file.

The checkpoint is what torch.save made of {"model_state": state_dict} or of a bare state_dict. It is read as tensors
alone: code in it is refused, not run. Needs PyTorch (pip install "scarlet-tf[torch]"). Then, for the accuracy:
python -m scarlet_tf.evaluate --model=scarlet_a --weights=OUTPUT --dataset=imagenet2012 --data_dir=TFDS_DIR
"""

import pickle
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from absl import flags

from scarlet_tf import command
from scarlet_tf.arch.named import NamedArch, resolve
from scarlet_tf.arch.spec import Projection
from scarlet_tf.errors import InputError
from scarlet_tf.files import WEIGHT_SUFFIXES, check_output_dir, replacing

if TYPE_CHECKING:
    import keras

    from scarlet_tf.nets.conv_bn import ConvBN

_CONV, _DEPTHWISE, _DENSE, _VECTOR = (2, 3, 1, 0), (2, 3, 0, 1), (1, 0), (0,)  # PyTorch's axes in Keras' order
_BOOKKEEPING = ".num_batches_tracked"  # of BatchNorm2d: how often it was updated, which no network computes with
_LISTED = 5


@dataclass(frozen=True)
class Entry:
    """A tensor of the checkpoint by its name, without `module.`, and the Keras weight that takes it."""

    name: str
    weight: "keras.Variable"
    axes: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in PyTorch."""
        shape = [0] * len(self.axes)
        for axis, size in zip(self.axes, self.weight.shape, strict=True):
            shape[axis] = size
        return tuple(shape)


def _conv_bn(conv: "ConvBN", conv_name: str, bn_name: str) -> Iterator[Entry]:
    yield Entry(f"{conv_name}.weight", conv.kernel, _DEPTHWISE if conv.depthwise else _CONV)
    vectors = {"weight": conv.gamma, "bias": conv.beta, "running_mean": conv.mean, "running_var": conv.variance}
    for name, weight in vectors.items():
        yield Entry(f"{bn_name}.{name}", weight, _VECTOR)


def entries(model: "keras.Model") -> Iterator[Entry]:
    """Every weight of a standalone `model`, under the name that the authors' modules give it."""
    stem, *separable = model.get_layer("stem").convs
    yield from _conv_bn(stem, "stem.0", "stem.1")
    for position, conv in zip((0, 3), separable, strict=True):
        yield from _conv_bn(conv, f"separable_conv.{position}", f"separable_conv.{position + 1}")
    for layer in model.layers:
        if not layer.name.startswith("slot_"):
            continue
        module = f"mb_module.{layer.name.removeprefix('slot_')}"
        for number, conv in enumerate((layer.expand, layer.depthwise, layer.project), 1):
            yield from _conv_bn(conv, f"{module}.conv{number}", f"{module}.bn{number}")
        if layer.use_se:
            for role in ("squeeze", "excite"):
                yield Entry(f"{module}.mid_se.{role}_conv.weight", getattr(layer, f"{role}_kernel"), _CONV)
                yield Entry(f"{module}.mid_se.{role}_conv.bias", getattr(layer, f"{role}_bias"), _VECTOR)
    yield from _conv_bn(model.get_layer("head").conv, "conv_before_pooling.0", "conv_before_pooling.1")
    dense = model.get_layer("logits")
    yield Entry("classifier.weight", dense.kernel, _DENSE)
    yield Entry("classifier.bias", dense.bias, _VECTOR)


def read_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors in the PyTorch checkpoint at `path` as float32, by name without the `module.` of nn.DataParallel.

    Nothing but tensors is unpickled. Raises InputError for any other content, and where PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise InputError('Reading --checkpoint needs PyTorch. Install it: pip install "scarlet-tf[torch]".') from error
    expected = 'a PyTorch checkpoint: {"model_state": state_dict} or a state_dict'
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        code = re.search(r"GLOBAL (\S+)", str(error))
        what = f"a pickle that would run {code[1]}, which was not run" if code else "another file"
        raise InputError(f"--checkpoint must be {expected}. Received: {path}, {what}.") from error
    except Exception as error:  # a broken file makes PyTorch raise nearly anything
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise InputError(f"--checkpoint must be {expected}. Received: {path}, which is damaged: {reason}.") from error
    state = content.get("model_state", content) if isinstance(content, Mapping) else None
    plain = isinstance(state, Mapping) and all(
        isinstance(name, str) and torch.is_tensor(tensor) and tensor.layout == torch.strided and not tensor.is_quantized
        for name, tensor in state.items()
    )
    if not plain or not state:
        held = sorted(map(str, content))[:_LISTED] if isinstance(content, Mapping) else type(content).__name__
        raise InputError(f"--checkpoint must be {expected}. Received: {path}, which holds {held}.")
    tensors = {name.removeprefix("module."): tensor.float().numpy(force=True) for name, tensor in state.items()}
    if len(tensors) != len(state):
        raise InputError(f"--checkpoint must hold each tensor once. Received: {path}, some with and without `module.`.")
    return tensors


def _check_fit(tensors: Mapping[str, np.ndarray], wanted: Mapping[str, Entry], model: str) -> None:
    """Raises InputError that lists the tensors which are missing, left over or of another shape."""
    bookkeeping = {name.replace(".running_mean", _BOOKKEEPING) for name in wanted if name.endswith(".running_mean")}
    left_over = [name for name in tensors if name not in wanted and name not in bookkeeping]
    misshapen = [
        f"{name} {tensors[name].shape} for {entry.shape}"
        for name, entry in wanted.items()
        if name in tensors and tensors[name].shape != entry.shape
    ]
    faults = {
        "missing": [name for name in wanted if name not in tensors],
        "not part of it": left_over,
        "of another shape": misshapen,
    }
    listed = [
        f"{what}: {', '.join(names[:_LISTED])}" + (f" and {len(names) - _LISTED} more" if names[_LISTED:] else "")
        for what, names in faults.items()
        if names
    ]
    if listed:
        raise InputError(f"--checkpoint must hold the tensors of {model}. Received: {'; '.join(listed)}.")


def network_of(named: NamedArch, tensors: Mapping[str, np.ndarray]) -> "keras.Model":
    """The network `named` with `tensors`, the weights of its PyTorch twin by name, and as many classes as they have.

    Every tensor is used exactly once. Raises InputError where they are of another network.
    """
    from scarlet_tf.nets.standalone import build_model

    has_projections = any(isinstance(row, Projection) for row in named.arch.blocks)
    if not named.space.stem.separable_filters or has_projections or named.space.is_plain:
        raise InputError(
            "--model must be a network as the authors' are, of inverted bottlenecks, with a separable convolution in "
            f"its stem and without projections. Received: {named.name} of the space {named.space.name}."
        )
    bias = tensors.get("classifier.bias")
    num_classes = len(bias) if bias is not None and bias.ndim == 1 and bias.size else 1000  # else it is a misfit
    model = build_model(named.arch, named.default_image_size, num_classes)
    wanted = {entry.name: entry for entry in entries(model)}
    _check_fit(tensors, wanted, named.name)
    for name, entry in wanted.items():
        entry.weight.assign(tensors[name].transpose(entry.axes))
    return model


def main() -> None:
    command.require(_MODEL, _CHECKPOINT, _OUTPUT)
    named = resolve(_MODEL.value)
    checkpoint, output = Path(_CHECKPOINT.value), Path(_OUTPUT.value)
    if not checkpoint.is_file():
        raise InputError(f"--checkpoint must be a file. Received: {checkpoint}, no such file.")
    if not output.name.endswith(WEIGHT_SUFFIXES) or output.is_dir():
        raise InputError(f"--output must be a {' or '.join(WEIGHT_SUFFIXES)} file. Received: {output}.")
    check_output_dir(output.parent, "output")
    tensors = read_checkpoint(checkpoint)
    command.start_tensorflow()
    model = network_of(named, tensors)
    with replacing(output) as temporary:
        if output.suffix == ".keras":
            model.save(temporary)
        else:
            model.save_weights(temporary)
    print(f"imported: {output}, {named.name} of {model.output_shape[1]} classes, {model.count_params():,} weights")


if __name__ == "__main__":
    _MODEL = flags.DEFINE_string("model", None, "Network: a published one's name, an arch.json or SPACE:GENOTYPE.")
    _CHECKPOINT = flags.DEFINE_string("checkpoint", None, "The PyTorch checkpoint (.pth, .pth.tar).")
    _OUTPUT = flags.DEFINE_string("output", None, "The .keras or .weights.h5 file to write.")
    command.run(main, globals())
