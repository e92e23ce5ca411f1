"""The supernet as one writes it in PyTorch: the same blocks, one path a call."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from scarlet_tf.arch.cost import SE_REDUCTION
from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.arch.spec import SKIP


def _conv_bn(in_channels: int, filters: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, filters, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(filters, eps=1e-5, momentum=0.1),
    )


class _InvertedBottleneck(nn.Module):
    def __init__(self, in_channels: int, hidden: int, filters: int, kernel: int, stride: int, se: bool) -> None:
        super().__init__()
        self.expand = _conv_bn(in_channels, hidden)
        self.depthwise = _conv_bn(hidden, hidden, kernel, stride, groups=hidden)
        if se:
            self.squeeze = nn.Conv2d(hidden, hidden // SE_REDUCTION, 1)
            self.excite = nn.Conv2d(hidden // SE_REDUCTION, hidden, 1)
        self.project = _conv_bn(hidden, filters)
        self.se = se

    def forward(self, x: torch.Tensor, shortcut: bool) -> torch.Tensor:
        y = F.hardswish(self.depthwise(F.hardswish(self.expand(x))))
        if self.se:
            pooled = F.adaptive_avg_pool2d(y, 1)
            y = y * F.hardsigmoid(self.excite(F.relu(self.squeeze(pooled))))
        y = self.project(y)
        return x + y if shortcut else y


class TorchSupernet(nn.Module):
    """Every network of a space with hard-swish and a separable stem; stabilizers are ELS.

    `net(images, path)` gives the logits (batch, num_classes) of one path; images are (batch, 3, h, w).
    """

    def __init__(self, space: SearchSpace, num_classes: int) -> None:
        super().__init__()
        if space.is_plain:
            raise ValueError(f"space must be of inverted bottlenecks. Received: {space.name}, of plain convolutions.")
        self.space = space
        filters, out_channels = space.stem.filters, space.stem.out_channels
        self.stem = nn.Sequential(
            _conv_bn(3, filters, 3, space.stem.stride),
            nn.ReLU6(),
            _conv_bn(filters, filters, 3, groups=filters),
            nn.ReLU6(),
            _conv_bn(filters, out_channels),
        )
        self.slots = nn.ModuleList()
        for slot, in_channels in zip(space.slots, space.in_channels, strict=True):
            candidates = nn.ModuleList()
            for choice in space.choices:
                if choice == SKIP:
                    candidates.append(nn.Conv2d(in_channels, slot.filters, 1, slot.stride, bias=False))
                else:
                    hidden = choice.expansion * in_channels
                    candidates.append(
                        _InvertedBottleneck(in_channels, hidden, slot.filters, choice.kernel, slot.stride, choice.se)
                    )
            self.slots.append(candidates)
        self.head = nn.Sequential(_conv_bn(space.slots[-1].filters, space.head.filters), nn.ReLU6())
        self.logits = nn.Linear(space.head.filters, num_classes)

    def forward(self, images: torch.Tensor, path: Sequence[int]) -> torch.Tensor:
        x = self.stem(images)
        block_seen = False
        for candidates, choice, starts_stage in zip(self.slots, path, self.space.stage_starts, strict=True):
            block_seen = block_seen and not starts_stage
            if self.space.choices[choice] == SKIP:
                x = candidates[choice](x)
            else:
                x = candidates[choice](x, block_seen)
                block_seen = True
        return self.logits(F.adaptive_avg_pool2d(self.head(x), 1).flatten(1))


def sgd(net: TorchSupernet, learning_rate: float, momentum: float, weight_decay: float) -> torch.optim.SGD:
    """SGD with momentum, and weight decay on the kernels."""
    kernels = [weight for weight in net.parameters() if weight.ndim > 1]
    others = [weight for weight in net.parameters() if weight.ndim == 1]
    groups = [{"params": kernels, "weight_decay": weight_decay}, {"params": others}]
    return torch.optim.SGD(groups, learning_rate, momentum)


def fair_paths(space: SearchSpace, rng: np.random.Generator) -> list[list[int]]:
    """Paths that together use every choice of every slot once."""
    return np.stack([rng.permutation(space.num_choices) for _ in range(space.num_slots)], axis=1).tolist()


def sampled_path(space: SearchSpace, rng: np.random.Generator) -> list[list[int]]:
    """One path, each choice uniform."""
    return [rng.integers(space.num_choices, size=space.num_slots).tolist()]


def train_step(
    net: TorchSupernet,
    optimizer: torch.optim.Optimizer,
    images: torch.Tensor,
    labels: torch.Tensor,
    paths: Sequence[Sequence[int]],
) -> float:
    """One update by the paths' mean gradient, the paths one after the other. Returns the mean loss.

    What is on none of the paths has no gradient, and stays as it is.
    """
    optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for path in paths:
        loss = F.cross_entropy(net(images, path), labels) / len(paths)
        loss.backward()
        total += loss.item()
    optimizer.step()
    return total
