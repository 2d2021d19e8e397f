"""The two main models' bodies: a plain CNN, and convolution that meets transformer. Pictures [N, 3, 640, 640] in.

Both downsample a snapshot to a quarter of its size. A vehicle's crop is seldom wider than 300 px before letterboxing,
so little detail is lost, and training on a CPU is sixteen times as fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

LOOK_PX = 160
"""Side length to which every input is averaged down, in px."""
STEM = 32
CNN_STAGES = ((48, 1), (96, 2), (128, 2), (192, 1))
"""(channels, blocks) at 1/8, 1/16, 1/32 and 1/64 of the input."""
CMT_FIRST = 48
"""Channels at 1/8, where attention would cost more than all the rest: a plain residual block."""
CMT_STAGES = ((96, 2, 2), (160, 3, 1), (192, 1, 1))
"""(channels, blocks, how much coarser keys and values are) at 1/16, 1/32, 1/64: 25 keys at the first two."""
HEAD_WIDTH = 16
EXPANSION = 3


def _convolution(inner: int, outer: int, side: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """With normalisation, without activation."""
    return nn.Sequential(
        nn.Conv2d(inner, outer, side, stride, side // 2, groups=groups, bias=False), nn.BatchNorm2d(outer)
    )


class Residual(nn.Module):  # type: ignore[misc]
    """Two 3×3 convolutions and a way around them (He et al., CVPR 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_convolution(channels, channels, 3), nn.ReLU(), _convolution(channels, channels, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W], the same."""
        return torch.relu(x + self.body(x))


class Attention(nn.Module):  # type: ignore[misc]
    """Self-attention whose keys and values are taken `coarser` times more coarsely than its queries (CMT, LMHSA)."""

    def __init__(self, channels: int, coarser: int) -> None:
        super().__init__()
        self.heads, self.scale = channels // HEAD_WIDTH, HEAD_WIDTH**-0.5
        self.norm = nn.GroupNorm(1, channels)
        self.gather = _convolution_patches(channels, coarser) if coarser > 1 else nn.Identity()
        self.query, self.key, self.value, self.out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W], the same."""
        seen = self.norm(x)
        coarse = self.gather(seen)
        query, key, value = (
            self._split(self.query(seen)),
            self._split(self.key(coarse)),
            self._split(self.value(coarse)),
        )
        shares = (query.transpose(2, 3) @ key * self.scale).softmax(-1)
        mixed = value @ shares.transpose(2, 3)
        return x + self.out(mixed.reshape(x.shape))

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        """[N, heads, channels of a head, places]."""
        return x.reshape(x.shape[0], self.heads, -1, x.shape[2] * x.shape[3])


def _convolution_patches(channels: int, side: int) -> nn.Sequential:
    """Depthwise, each patch to one place."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, side, side, groups=channels, bias=False), nn.BatchNorm2d(channels)
    )


class HybridBlock(nn.Module):  # type: ignore[misc]
    """Local perception, attention, inverted residual feed-forward (Guo et al., CMT, CVPR 2022)."""

    def __init__(self, channels: int, coarser: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.local = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.attention = Attention(channels, coarser)
        self.widen = nn.Sequential(_convolution(channels, wide, 1), nn.GELU())
        self.mix = nn.Sequential(_convolution(wide, wide, 3, groups=wide), nn.GELU())
        self.narrow = _convolution(wide, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W], the same."""
        x = self.attention(x + self.local(x))
        wide = self.widen(x)
        return x + self.narrow(wide + self.mix(wide))


class MainModel(nn.Module):  # type: ignore[misc]
    """A body and three heads: the logits of type, make and model."""

    def __init__(self, body: nn.Module, channels: int, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.body = body
        self.gather = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1))
        self.heads = nn.ModuleDict({f"{level}_head": nn.Linear(channels, width) for level, width in widths.items()})

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """{level: [N, its width]}."""
        seen = self.gather(self.body(pictures))
        return {name.removesuffix("_head"): head(seen) for name, head in self.heads.items()}

    def cool(self, temperatures: Mapping[str, float]) -> None:
        """Fold each head's temperature into its weights."""
        with torch.no_grad():
            for level, temperature in temperatures.items():
                self.heads[f"{level}_head"].weight /= temperature
                self.heads[f"{level}_head"].bias /= temperature


def baseline(widths: Mapping[str, int]) -> MainModel:
    """A plain residual CNN."""
    layers = _stem()
    inner = STEM
    for channels, blocks in CNN_STAGES:
        layers += [_convolution(inner, channels, 3, 2), nn.ReLU(), *(Residual(channels) for _ in range(blocks))]
        inner = channels
    return _initialised(MainModel(nn.Sequential(*layers), inner, widths))


def cmt(widths: Mapping[str, int]) -> MainModel:
    """Convolution down to 1/8, then local convolution and downsampled self-attention at each of three scales."""
    layers = _stem()
    layers += [_convolution(STEM, CMT_FIRST, 3, 2), nn.ReLU(), Residual(CMT_FIRST)]
    inner = CMT_FIRST
    for channels, blocks, coarser in CMT_STAGES:
        layers += [_convolution(inner, channels, 3, 2), *(HybridBlock(channels, coarser) for _ in range(blocks))]
        inner = channels
    return _initialised(MainModel(nn.Sequential(*layers), inner, widths))


def _stem() -> list[nn.Module]:
    """Downsample to a quarter of the input."""
    return [nn.AdaptiveAvgPool2d(LOOK_PX), _convolution(3, STEM, 7, 4), nn.ReLU()]


def gflops(net: nn.Module, shape: Sequence[int]) -> float:
    """10⁹ operations of one forward pass over float32 zeros of `shape`."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(tuple(shape), device=next(net.parameters()).device))
    return float(round(counter.get_total_flops() / 1e9, 3))


def _initialised(net: MainModel) -> MainModel:
    """He initialisation; residual branches start as zero."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        if isinstance(layer, Residual):
            nn.init.zeros_(layer.body[-1][-1].weight)
        if isinstance(layer, HybridBlock):
            nn.init.zeros_(layer.narrow[-1].weight)
    return net
