"""The vehicles that the main models are measured on: real ones, and rendered ones that are in no training data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from video_analysis.training import real_splits
from video_analysis.training.augmentation import camera_degraded
from video_analysis.training.label_groups import Group
from video_analysis.training.real_vehicles import RealVehicle, vehicles
from video_analysis.training.rendering import material
from video_analysis.training.stills import Still
from video_analysis.worker_utils.imaging.crop import Image

LEAST_PX = 48
"""Longer side of the vehicles of stills that count."""
SYNTHETIC = 480
PHOTOGRAPHS = Path("colour")
"""Vehicles of unknown type, make and model."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One vehicle; None is unknown."""

    name: str
    image: Callable[[], Image]
    types: Group | None
    make: str | None = None
    model: str | None = None


def real(data: Path) -> dict[str, list[Sample]]:
    """The sets of real vehicles under `data` that exist; none of them is trained on."""
    found = vehicles(data, "validation")
    sets = {
        "stills": [_real(one) for one in found if one.source == "stills" and one.longer_px >= LEAST_PX],
        "small_stills": [_real(one) for one in found if one.source == "stills" and one.longer_px < LEAST_PX],
        "crops": [_real(one) for one in found if one.source == "crops"],
        "photographs": [_real(one) for one in found if one.source == "photographs"],
        "unlabelled": [_unlabelled(one) for one in real_splits.pictures(data / PHOTOGRAPHS)],
    }
    return {name: samples for name, samples in sets.items() if samples}


def synthetic(folder: Path, count: int, processes: int) -> dict[str, list[Sample]]:
    """`count` held-out close-ups, as they are and with camera degradation; rendered into `folder` where missing."""
    stills = material(folder, "crops", "held_out", count, processes)
    return {
        "synthetic": [_rendered(one, number) for number, one in enumerate(stills)],
        "degraded": [_rendered(one, number, seed=number) for number, one in enumerate(stills)],
    }


def _real(one: RealVehicle) -> Sample:
    return Sample(f"{one.picture.stem} {one.label}", one.crop, one.types)


def _unlabelled(picture: Path) -> Sample:
    return Sample(f"{picture.parent.name}/{picture.stem}", partial(_read, picture), None)


def _read(picture: Path) -> Image:
    return np.asarray(cv2.imread(str(picture)), np.uint8)


def _rendered(still: Still, number: int, seed: int | None = None) -> Sample:
    true = still.seen[0]
    image = still.image if seed is None else partial(_degraded, still, seed)
    return Sample(f"{number} {true.model}", image, (true.type,), true.make, true.model)


def _degraded(still: Still, seed: int) -> Image:
    return camera_degraded(np.random.default_rng((seed, 71)), still.image())


def batches(samples: list[Sample], size: int) -> Iterator[list[Sample]]:
    """The samples in groups of at most `size`."""
    for start in range(0, len(samples), size):
        yield samples[start : start + size]
