"""The true vehicles of a clip, with their boxes in every frame. Pure.

The files are those of ../shared/data/truth: boxes at key frames, linear between them, and stretches in which a vehicle
is hidden.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HOLD = 8
"""Frames by which `held` extends a vehicle's box before its first and after its last key frame."""
FrameBoxes = NDArray[np.float64]
"""F×4: x1, y1, x2, y2 in px per frame; all zero where there is no box."""


@dataclass(frozen=True, slots=True, eq=False)
class Vehicle:
    """A true vehicle, or a region of vehicles that cannot be counted."""

    id: int
    is_counted: bool
    """False: a snapshot of it is neither right nor wrong."""
    is_region: bool
    visible: FrameBoxes
    """The box in the frames in which it is visible."""
    held: FrameBoxes
    """The same, also across hidden stretches and `HOLD` frames beyond its first and last key frame."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipTruth:
    """The true vehicles of a clip."""

    clip: str
    offsets_ms: NDArray[np.float64]
    """Of each frame, from the first."""
    vehicles: Sequence[Vehicle]

    def frame_at(self, offset_ms: float) -> int:
        """Index of the frame that is nearest in time."""
        return int(np.abs(self.offsets_ms - offset_ms).argmin())


def read(path: Path) -> ClipTruth:
    """Read one truth file."""
    document = json.loads(path.read_text("utf-8"))
    frames = int(document["frames"])
    offsets_ms = document.get("offsets_ms") or np.arange(frames) * 1000 / document["fps"]
    vehicles = [_vehicle(row, frames) for row in document["vehicles"]]
    return ClipTruth(document["clip"], np.asarray(offsets_ms, np.float64), vehicles)


def _vehicle(row: Mapping[str, Any], frames: int) -> Vehicle:
    boxes = {int(frame): box for frame, box in row["boxes"].items()}
    is_region = bool(row.get("region"))
    hold = 0 if is_region else HOLD
    return Vehicle(
        id=int(row["id"]),
        is_counted=not row["ignore"],
        is_region=is_region,
        visible=interpolated(boxes, frames, 0, row.get("hidden", ())),
        held=interpolated(boxes, frames, hold, ()),
    )


def fully_known(
    vehicle: int, boxes: Mapping[int, Sequence[float]], hidden: Sequence[int], frames: int, *, is_counted: bool
) -> Vehicle:
    """A vehicle whose `boxes` list each frame that it is in. It is not visible in those of `hidden`."""
    visible = np.zeros((frames, 4))
    visible[list(boxes)] = list(boxes.values())
    visible[list(hidden)] = 0
    held = interpolated(boxes, frames, HOLD, ())
    return Vehicle(vehicle, is_counted=is_counted, is_region=False, visible=visible, held=held)


def interpolated(
    boxes: Mapping[int, Sequence[float]], frames: int, hold: int, hidden: Sequence[Sequence[int]]
) -> FrameBoxes:
    """The box of each frame, linear between key frames, from `hold` frames before the first to `hold` after the last.

    `hidden` has the first and last frame of each stretch without a box.
    """
    result = np.zeros((frames, 4))
    if not boxes:
        return result
    keys = sorted(boxes)
    corners = np.array([boxes[key] for key in keys], np.float64)
    span = np.arange(max(0, keys[0] - hold), min(frames, keys[-1] + hold + 1))
    result[span] = np.stack([np.interp(span, keys, column) for column in corners.T], axis=1)
    for first, last in hidden:
        result[first : last + 1] = 0
    return result
