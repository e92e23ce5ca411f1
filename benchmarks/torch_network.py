"""A standalone network as one writes it in PyTorch, with the weights of ours."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from scarlet_tf.arch.cost import SE_REDUCTION
from scarlet_tf.arch.layout import Placement, layout
from scarlet_tf.arch.spec import ArchSpec, PlainConv, Projection

if TYPE_CHECKING:  # a process that runs PyTorch is not to start TensorFlow
    import keras

    from scarlet_tf.nets.conv_bn import ConvBN

_ACTIVATIONS = {"hard_swish": nn.Hardswish, "relu": nn.ReLU, "relu6": nn.ReLU6}


def _conv_bn(
    in_channels: int,
    filters: int,
    kernel: int = 1,
    stride: int = 1,
    depthwise: bool = False,
    activation: str | None = None,
) -> nn.Sequential:
    groups = in_channels if depthwise else 1
    layers = [
        nn.Conv2d(in_channels, filters, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(filters, eps=1e-5),
    ]
    return nn.Sequential(*layers, *([_ACTIVATIONS[activation]()] if activation else []))


class SqueezeExcite(nn.Module):
    """Global mean, conv1x1, ReLU, conv1x1, hard-sigmoid: what x (batch, c, h, w) is multiplied by."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // SE_REDUCTION, 1)
        self.excite = nn.Conv2d(channels // SE_REDUCTION, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = F.adaptive_avg_pool2d(x, 1)
        return x * F.hardsigmoid(self.excite(F.relu(self.squeeze(pooled))))


class InvertedBottleneck(nn.Module):
    """conv1x1, depthwise, optional squeeze-excite, conv1x1, optional shortcut."""

    def __init__(self, block: Placement, activation: str) -> None:
        super().__init__()
        row, hidden = block.row, block.hidden_channels
        self.expand = _conv_bn(block.in_channels, hidden, 1, block.in_stride, activation=activation)
        self.depthwise = _conv_bn(hidden, hidden, row.kernel, row.stride, depthwise=True, activation=activation)
        self.se = SqueezeExcite(hidden) if row.se else nn.Identity()
        self.project = _conv_bn(hidden, row.filters)
        self.shortcut = block.shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.project(self.se(self.depthwise(self.expand(x))))
        return x + y if self.shortcut else y


class TorchNetwork(nn.Module):
    """The network of `arch`: images (batch, 3, h, w) to logits (batch, num_classes)."""

    def __init__(self, arch: ArchSpec, num_classes: int) -> None:
        super().__init__()
        if arch.head.filters is None or any(isinstance(row, PlainConv) or row.entry for row in arch.blocks):
            raise ValueError(f"arch must be of inverted bottlenecks. Received: {arch.name}, of plain convolutions.")
        stem, placed = arch.stem, layout(arch)
        self.stem = nn.Sequential(_conv_bn(3, stem.filters, 3, stem.stride, activation=stem.activation))
        if stem.separable_filters:
            self.stem.append(_conv_bn(stem.filters, stem.filters, 3, depthwise=True, activation=stem.activation))
            self.stem.append(_conv_bn(stem.filters, stem.separable_filters))
        self.slots = nn.ModuleDict()
        for block in placed.blocks:
            if isinstance(block.row, Projection):
                layer = _conv_bn(block.in_channels, block.row.filters, 1, block.in_stride * block.row.stride)
            else:
                layer = InvertedBottleneck(block, arch.activation)
            self.slots[f"slot_{block.slot}"] = layer
        head = arch.head
        self.head = _conv_bn(
            placed.head_in_channels, head.filters, 1, placed.head_in_stride, activation=head.activation
        )
        self.logits = nn.Linear(head.filters, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.stem(images)
        for layer in self.slots.values():
            x = layer(x)
        return self.logits(F.adaptive_avg_pool2d(self.head(x), 1).flatten(1))


def _fill(tensor: torch.Tensor, weight: "keras.Variable", axes: tuple[int, ...] | None = None) -> None:
    array = np.asarray(weight)
    value = torch.from_numpy(np.ascontiguousarray(array.transpose(axes) if axes else array))
    if value.shape != tensor.shape:
        raise ValueError(f"Weights must have the shape {tuple(tensor.shape)}. Received: {tuple(value.shape)}.")
    tensor.data.copy_(value)


def _fill_conv_bn(layer: nn.Sequential, conv: "ConvBN") -> None:
    _fill(layer[0].weight, conv.kernel, (2, 3, 0, 1) if conv.depthwise else (3, 2, 0, 1))
    norm = layer[1]
    for tensor, weight in (
        (norm.weight, conv.gamma),
        (norm.bias, conv.beta),
        (norm.running_mean, conv.mean),
        (norm.running_var, conv.variance),
    ):
        _fill(tensor, weight)


def torch_network(arch: ArchSpec, model: "keras.Model") -> TorchNetwork:
    """The network of `arch` in PyTorch, to evaluate with, with the weights of our Keras `model` of it."""
    net = TorchNetwork(arch, model.output_shape[-1])
    for layer, conv in zip(net.stem, model.get_layer("stem").convs, strict=True):
        _fill_conv_bn(layer, conv)
    for name, layer in net.slots.items():
        ours = model.get_layer(name)
        if isinstance(layer, nn.Sequential):
            _fill_conv_bn(layer, ours.conv)
            continue
        for part in ("expand", "depthwise", "project"):
            _fill_conv_bn(getattr(layer, part), getattr(ours, part))
        if ours.use_se:
            for part in ("squeeze", "excite"):
                _fill(getattr(layer.se, part).weight, getattr(ours, f"{part}_kernel"), (3, 2, 0, 1))
                _fill(getattr(layer.se, part).bias, getattr(ours, f"{part}_bias"))
    _fill_conv_bn(net.head, model.get_layer("head").conv)
    dense = model.get_layer("logits")
    _fill(net.logits.weight, dense.kernel, (1, 0))
    _fill(net.logits.bias, dense.bias)
    return net.eval()
