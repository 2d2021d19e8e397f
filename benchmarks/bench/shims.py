"""Replacements for modules that the peers import and that are not installed; the workers do not need them.

deep-sort-realtime's own embedder imports pkg_resources, which today's setuptools no longer carries, and torchvision,
whose compiled operators do not load beside a CPU build of torch; ultralytics imports torchvision for videos and then
takes its NMS. Only what those two call is here, written as their own code is, so that it costs what theirs costs.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Transform = Callable[[Any], Any]


class Compose:
    """torchvision.transforms.Compose."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self._transforms = transforms

    def __call__(self, value: Any) -> Any:
        """Apply the transforms in order."""
        for transform in self._transforms:
            value = transform(value)
        return value


class ToTensor:
    """torchvision.transforms.ToTensor, for arrays H×W×3 of uint8."""

    def __call__(self, image: Any) -> torch.Tensor:
        """[3, H, W] float32, 0..1."""
        import torch  # noqa: PLC0415

        return torch.from_numpy(image.transpose(2, 0, 1)).contiguous().to(torch.float32).div(255)


class Normalize:
    """torchvision.transforms.Normalize."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self._mean, self._std = mean, std

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        """[3, H, W], each channel by its own mean and deviation."""
        mean, std = (image.new_tensor(numbers).view(-1, 1, 1) for numbers in (self._mean, self._std))
        return image.clone().sub_(mean).div_(std)


def install() -> list[str]:
    """Put a replacement for each missing module into sys.modules; returns their names."""
    replaced = []
    if not _imports("torchvision"):
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # left by the failed import
        _put("torchvision", ops=_module("ops", nms=_nms), transforms=_transforms())
        replaced.append("torchvision")
    if not _imports("pkg_resources"):
        _put("pkg_resources", resource_filename=_resource_filename)
        replaced.append("pkg_resources")
    return replaced


def _imports(name: str) -> bool:
    try:
        __import__(name)
    except (ImportError, RuntimeError):  # torchvision's operators raise RuntimeError
        return False
    return True


def _transforms() -> ModuleType:
    inner = _module("transforms", Compose=Compose, ToTensor=ToTensor, Normalize=Normalize)
    return _module("transforms", transforms=inner)


def _module(name: str, **contents: object) -> ModuleType:
    made = ModuleType(f"{name} (a stand-in of the benchmark)")
    vars(made).update(contents)
    return made


def _put(name: str, **contents: object) -> None:
    sys.modules[name] = _module(name, **contents)
    for child, value in contents.items():
        if isinstance(value, ModuleType):
            sys.modules[f"{name}.{child}"] = value


def _nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """ultralytics' own implementation, which it uses if torchvision is not loaded."""
    from ultralytics.utils.nms import TorchNMS  # noqa: PLC0415

    return TorchNMS.nms(boxes, scores, iou_threshold)


def _resource_filename(package: str, path: str) -> str:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    return str(Path(spec.origin).parent / path)
