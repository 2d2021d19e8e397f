"""A user's pictures as vehicles for training and calibration: crops, targets, and a check that each can be read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.classification.labels import Labels
from video_analysis.training.own.label_error import LabelError
from video_analysis.training.own.own_pictures import OwnPicture
from video_analysis.training.vehicle_sets import UNKNOWN, UNLABELLED, VehicleSet
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.letterbox import SNAPSHOT_PX, content_box
from video_analysis.worker_utils.inference import backend

LEAST_PX = 16
BAR_TOLERANCE, BAR_SHARE = 12, 0.95
"""How the bars of a snapshot are found: see `content_box`."""


def present(pictures: Sequence[OwnPicture]) -> tuple[list[OwnPicture], list[OwnPicture]]:
    """(pictures whose file exists, the others). LabelError for files that are no pictures of a vehicle's size."""
    there = [one for one in pictures if one.picture.is_file()]
    faults = [f"{one.place}: {one.picture}: {fault}" for one in there if (fault := _fault(one.picture))]
    if faults:
        raise LabelError(faults)
    return there, [one for one in pictures if not one.picture.is_file()]


def without_copies(pictures: Sequence[OwnPicture]) -> list[OwnPicture]:
    """Each content once, the first of it: a copy could be in another split. LabelError if copies have other labels."""
    first: dict[str, OwnPicture] = {}
    faults = []
    for one in pictures:
        other = first.setdefault(backend.sha256_of(one.picture), one)
        if other.names != one.names:
            same = f"{one.picture.name} is a copy of {other.place}, {other.picture.name}"
            faults.append(f"{one.place}: {same}, but has another label; keep one of them")
    if faults:
        raise LabelError(faults)
    return list(first.values())


def vehicle_set(name: str, pictures: Sequence[OwnPicture], named: Labels) -> VehicleSet:
    """The vehicles; names that `named` lacks are unknown ones."""
    digest = hashlib.sha256()
    for one in pictures:
        digest.update(hashlib.sha256(one.picture.read_bytes()).digest())
    groups = [f"own {one.type} {one.make} {one.model}" for one in pictures]
    targets = np.stack([_target(one, named) for one in pictures])
    images = [partial(crop, one.picture) for one in pictures]
    return VehicleSet(name, digest.hexdigest()[:8], images, targets, groups, tilt=True)


def crop(picture: Path) -> Image:
    """The vehicle's crop: a snapshot without its bars, or the picture as it is."""
    image = np.asarray(cv2.imread(str(picture)), np.uint8)
    if image.shape[:2] != (SNAPSHOT_PX, SNAPSHOT_PX):
        return image
    left, top, right, bottom = content_box(image, BAR_TOLERANCE, BAR_SHARE, LEAST_PX) or (0, 0, *image.shape[1::-1])
    return image[top:bottom, left:right]


def _fault(picture: Path) -> str | None:
    image = cv2.imread(str(picture))
    if image is None:
        return "is no picture that can be decoded"
    if min(image.shape[:2]) < LEAST_PX:
        return f"has {image.shape[1]}×{image.shape[0]} px, less than {LEAST_PX}"
    return None


def _target(one: OwnPicture, named: Labels) -> NDArray[np.int64]:
    """One row of Targets. Each type is possible if the type is not labelled, or not one of the names."""
    is_known = one.type in named.types
    may_be = [int(not is_known or kind == one.type) for kind in named.types]
    return np.array([*may_be, _place(one.make, named.makes), _place(one.model, named.models)], np.int64)


def _place(name: str | None, names: tuple[str, ...]) -> int:
    if name is None:
        return UNLABELLED
    return names.index(name) if name in names else UNKNOWN
