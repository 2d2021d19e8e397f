"""Training samples of the main models: stored maps of rendered and of real vehicles in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from video_analysis.training.augmentation import drawn
from video_analysis.training.trunk_cache import CachedViews, Maps
from video_analysis.training.vehicle_sets import VehicleSet

View = tuple[Maps, NDArray[np.int64]]
"""A trunk's map, and the vehicle's row of targets."""
Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class LearningSet:
    """Vehicles and the stored maps of their views."""

    vehicles: VehicleSet
    views: CachedViews


class WeightedViews:
    """Endless; sample n is always the same. Vehicles are drawn by their weights."""

    def __init__(self, some: LearningSet, seed: int) -> None:
        self._some, self._seed = some, seed
        self._cumulated = np.cumsum(some.vehicles.weights)

    @property
    def mark(self) -> str:
        """What the samples depend on, except the seed."""
        return self._some.vehicles.mark

    def __getitem__(self, number: int) -> View:
        """Sample `number`."""
        rng = np.random.default_rng((self._seed, 64, number))
        vehicle = int(np.searchsorted(self._cumulated, rng.random(), "right"))
        return _view(self._some, min(vehicle, len(self._some.vehicles.images) - 1), rng)


class MixedViews:
    """Endless; sample n is always the same. Without real vehicles each sample is a rendered one."""

    def __init__(self, rendered: LearningSet, real: LearningSet | None, seed: int, left_out: int | None = None) -> None:
        """`left_out` is the place of a make whose vehicles are left out."""
        self._rendered, self._seed, self._left_out = rendered, seed, left_out
        self._real = None if real is None else WeightedViews(real, seed)
        makes = rendered.vehicles.targets[:, -2]
        self._kept = np.flatnonzero(np.ones(len(makes)) if left_out is None else makes != left_out)

    @property
    def mark(self) -> str:
        """What the samples depend on, except the seed."""
        marks = [self._rendered.vehicles.mark, *([] if self._real is None else [self._real.mark])]
        return " ".join([*marks, str(self._left_out)])

    def __getitem__(self, number: int) -> View:
        """Sample `number`."""
        if self._real is not None and number % 2:
            return self._real[number]
        rng = np.random.default_rng((self._seed, 64, number))
        return _view(self._rendered, int(self._kept[drawn(self._seed, number // 2, len(self._kept))]), rng)


def _view(some: LearningSet, vehicle: int, rng: np.random.Generator) -> View:
    view = int(rng.integers(some.views.views))
    return some.views[view, vehicle], some.vehicles.targets[vehicle]


def collated(views: list[View]) -> Batch:
    """(N×TRUNK_SHAPE float32, N rows of targets)."""
    maps, targets = zip(*views, strict=True)
    return torch.from_numpy(np.stack(maps).astype(np.float32)), torch.from_numpy(np.stack(targets))
