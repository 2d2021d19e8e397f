"""Labelled vehicles of one kind, real or rendered, in the form that main models are trained and calibrated on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.classification.labels import Labels
from video_analysis.training.augmentation import camera_degraded
from video_analysis.training.label_groups import Group
from video_analysis.training.real_vehicles import RealVehicle
from video_analysis.training.stills import Still
from video_analysis.worker_utils.imaging.crop import Image

UNKNOWN, UNLABELLED = -1, -2
"""Places of a make or model that is none of the names, and of one that may be any of them."""
GROUP_POWER = 0.75
"""A group of n vehicles is drawn in proportion to n to this power: evenly at 0, as often as it occurs at 1."""
SOURCE_WEIGHTS = {"stills": 2.0, "photographs": 1.5}
"""CCTV stills of many cameras are the nearest to what a worker sees; the crops are of one camera."""
Targets = NDArray[np.int64]
"""N×(types + 2): per type 1 if it may be the true one, else 0; the place of the make and of the model, or UNKNOWN or
UNLABELLED. A type that is not labelled may be each one."""


@dataclass(frozen=True, slots=True, eq=False)
class VehicleSet:
    """N vehicles. Their pictures are read when they are needed."""

    name: str
    mark: str
    """Hash of what the pictures and their order depend on."""
    images: Sequence[Callable[[], Image]]
    targets: Targets
    groups: Sequence[str]
    """Per vehicle: source and label, separated by a space."""

    tilt: bool = False
    """Views to train on are tilted: there are few real cameras, and many simulated ones."""

    @property
    def weights(self) -> NDArray[np.float64]:
        """The probability with which each vehicle is drawn: small groups are drawn more often than their size."""
        _, places, counts = np.unique(np.array(self.groups), return_inverse=True, return_counts=True)
        of_source = [SOURCE_WEIGHTS.get(group.partition(" ")[0], 1.0) for group in self.groups]
        weights = np.array(of_source) * counts[places] ** (GROUP_POWER - 1)
        return np.asarray(weights / weights.sum(), np.float64)


def rendered(name: str, stills: Sequence[Still], named: Labels, seed: int | None = None) -> VehicleSet:
    """Close-ups of the simulator; with a seed each as a cheap camera records it."""
    seen = [one.seen[0] for one in stills]
    images = [one.image if seed is None else partial(_degraded, one, seed + n) for n, one in enumerate(stills)]
    rows = [target(named, (one.type,), one.make, one.model) for one in seen]
    mark = _mark([(one.pictures.parent.parent.name, one.pictures.name, one.start) for one in stills], seed)
    return VehicleSet(name, mark, images, np.stack(rows), ["synthetic " + one.model for one in seen])


def real(name: str, vehicles: Sequence[RealVehicle], named: Labels) -> VehicleSet:
    """Real vehicles, of unknown make and model."""
    rows = [target(named, one.types) for one in vehicles]
    mark = _mark([(one.source, one.picture.name, one.box) for one in vehicles], None)
    groups = [f"{one.source} {one.label}" for one in vehicles]
    return VehicleSet(name, mark, [one.crop for one in vehicles], np.stack(rows), groups, tilt=True)


def target(named: Labels, types: Group, make: str | None = None, model: str | None = None) -> NDArray[np.int64]:
    """One row of Targets. ValueError for a name that the labels do not have."""
    may_be = [int(kind in types) for kind in named.types]
    if not any(may_be):
        raise ValueError(f"the labels have none of the types {', '.join(types)}")
    of_make = UNKNOWN if make is None else named.makes.index(make)
    of_model = UNKNOWN if model is None else named.models.index(model)
    return np.array([*may_be, of_make, of_model], np.int64)


def content_hash(vehicles: Sequence[RealVehicle]) -> str:
    """Hash of the vehicles' pictures, boxes and labels."""
    digest = hashlib.sha256()
    for one in vehicles:
        digest.update(one.picture.read_bytes())
        digest.update(repr((one.label, one.box)).encode())
    return digest.hexdigest()


def _degraded(still: Still, seed: int) -> Image:
    return camera_degraded(np.random.default_rng((seed, 72)), still.image())


def _mark(identities: Sequence[object], seed: int | None) -> str:
    return hashlib.sha256(repr((identities, seed)).encode()).hexdigest()[:8]
