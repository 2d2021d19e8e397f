"""What the fixed trunk makes of the views of a set of vehicles, computed once and kept on disk.

A view costs a decoded picture, an augmentation and a pass of the trunk; a training step on stored maps costs less than
each of these. Maps are half precision, in parts, so that an interrupted run continues with the next part.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from video_analysis.devstack.untrained_model import MEAN, STD
from video_analysis.training.networks import LOOK_PX, TRUNK_SHAPE, MainModel
from video_analysis.training.snapshot_views import as_stored, augmented
from video_analysis.training.vehicle_sets import VehicleSet
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.inference import backend, preprocess
from video_analysis.worker_utils.inference.protocol import Network
from video_analysis.yolo_worker.tracking.embedder import mobilenet_weights

PART = 400
"""Vehicles per file."""
BATCH = 16
NORMALISED = preprocess.normalisation_lut(MEAN, STD)
Maps = NDArray[np.float16]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class CachedViews:
    """The maps of N vehicles in V views."""

    parts: Sequence[Sequence[Maps]]
    """Per view, per part: vehicles × TRUNK_SHAPE, memory-mapped."""

    def __getitem__(self, place: tuple[int, int]) -> Maps:
        """The map of (view, vehicle)."""
        view, vehicle = place
        return np.asarray(self.parts[view][vehicle // PART][vehicle % PART])

    @property
    def views(self) -> int:
        """V."""
        return len(self.parts)

    def whole(self, view: int = 0) -> Maps:
        """All N maps of one view."""
        return np.concatenate(list(self.parts[view]))


def compiled_trunk(net: MainModel, cache: Path, threads: int) -> Network:
    """The trunk on the fastest backend; it takes [N, 3, LOOK_PX, LOOK_PX]."""
    runtime = backend.choose("auto", threads, cache)
    fingerprint = backend.sha256_of(mobilenet_weights())
    return backend.compile_module(net.trunk, "main_trunk", fingerprint, (-1, 3, LOOK_PX, LOOK_PX), runtime)


def stored(folder: Path, some: VehicleSet, trunk: Network) -> CachedViews:
    """The one view of each vehicle as stage 1 stores it."""
    return _cached(folder, some, trunk, [None])


def training_views(folder: Path, some: VehicleSet, trunk: Network, views: int, seed: int) -> CachedViews:
    """`views` augmented views of each vehicle."""
    return _cached(folder, some, trunk, [(seed, number) for number in range(views)])


def _cached(folder: Path, some: VehicleSet, trunk: Network, seeds: Sequence[tuple[int, int] | None]) -> CachedViews:
    views = []
    for seed in seeds:
        kind = "stored" if seed is None else f"{seed[0]}-{seed[1]}"
        paths = []
        for start in range(0, len(some.images), PART):
            path = folder / f"{some.name}-{some.mark}-{kind}-{start:06d}.npy"
            if not path.is_file():
                _write(path, _maps(some, range(start, min(start + PART, len(some.images))), trunk, seed))
                log.info("%s: %s", some.name, path.name)
            paths.append(path)
        views.append([np.load(path, mmap_mode="r", allow_pickle=False) for path in paths])
    return CachedViews(views)


def _maps(some: VehicleSet, vehicles: range, trunk: Network, seed: tuple[int, int] | None) -> Maps:
    maps = np.empty((len(vehicles), *TRUNK_SHAPE), np.float16)
    for start in range(0, len(vehicles), BATCH):
        chosen = vehicles[start : start + BATCH]
        pictures = np.empty((len(chosen), 3, LOOK_PX, LOOK_PX), np.float32)
        for vehicle, planes in zip(chosen, pictures, strict=True):
            crop = some.images[vehicle]()
            view = _view(crop, None if seed is None else np.random.default_rng((*seed, vehicle, 63)), some.tilt)
            preprocess.fill_chw(view, NORMALISED, planes)
        maps[start : start + len(chosen)] = trunk(pictures)[0]
    return maps


def _view(crop: Image, rng: np.random.Generator | None, tilt: bool) -> Image:
    return as_stored(crop) if rng is None else augmented(rng, crop, tilt=tilt)


def _write(path: Path, maps: Maps) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.save(file, maps)
    unfinished.replace(path)
