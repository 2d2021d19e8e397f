"""A main model of usual size, to measure its cost: a ResNet-50 (He et al., CVPR 2016) with random weights.

33·10⁹ multiply-adds for a picture of 640×640, which is 67 GFLOPs by PyTorch's counter. Its labels are meaningless.

    python -m video_analysis.benchmarks.bench.usual_model OUT.pt
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

from video_analysis.devstack import untrained_model

SEED = 50
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""(inner width, blocks, stride of the first)."""
EXPANSION = 4


class Bottleneck(nn.Module):  # type: ignore[misc]  # mypy does not follow torch
    """1×1, 3×3, 1×1 convolutions with a skip connection."""

    def __init__(self, inner: int, width: int, stride: int) -> None:
        super().__init__()
        outer = width * EXPANSION
        self.body = nn.Sequential(
            *_convolution(inner, width, 1),
            nn.ReLU(),
            *_convolution(width, width, 3, stride),
            nn.ReLU(),
            *_convolution(width, outer, 1),
        )
        same = inner == outer and stride == 1
        self.around = nn.Identity() if same else nn.Sequential(*_convolution(inner, outer, 1, stride))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, 4 × width, H ÷ stride, W ÷ stride]."""
        return torch.relu(self.around(x) + self.body(x))


class ResNet50(nn.Module):  # type: ignore[misc]
    """The body and the three heads of a main model."""

    def __init__(self, widths: dict[str, int]) -> None:
        super().__init__()
        layers: list[nn.Module] = [*_convolution(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        inner = 64
        for width, blocks, stride in STAGES:
            for number in range(blocks):
                layers.append(Bottleneck(inner, width, stride if number == 0 else 1))
                inner = width * EXPANSION
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.heads = nn.ModuleDict({f"{level}_head": nn.Linear(inner, count) for level, count in widths.items()})

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """Logits of type, make and model."""
        seen = self.body(pictures)
        return {name.removesuffix("_head"): head(seen) for name, head in self.heads.items()}


def _convolution(inner: int, outer: int, side: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inner, outer, side, stride, side // 2, bias=False), nn.BatchNorm2d(outer)]


def write(path: Path) -> None:
    """Write the checkpoint under a temporary name, then rename."""
    labels = untrained_model.labels(f"{untrained_model.UNTRAINED}-resnet50")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = ResNet50(labels.widths).eval()
    partial = path.with_name(f"partial-{path.name}")
    untrained_model.write(partial, network, labels)
    partial.rename(path)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
