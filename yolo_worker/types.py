"""The values that pass from stage to stage of stage 1. All frozen; images are BGR uint8, boxes are pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.contracts.messages import YoloType

Image = NDArray[np.uint8]
"""H×W×3, BGR."""
Boxes = NDArray[np.float32]
"""D×6: x1, y1, x2, y2 in px of the frame, confidence 0..1, class as an index into taxonomy.YOLO_TYPES; D may be 0."""
Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in px of the frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture of a video and its place in it."""

    index: int
    """Counts every frame of the file from 0, skipped ones included."""
    offset_ms: int
    """By the container's own timestamps, from the start of the video."""
    image: Image


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFrame:
    """A frame and the vehicles the detector saw in it, NMS across classes done."""

    frame: Frame
    boxes: Boxes


@dataclass(frozen=True, slots=True)
class Track:
    """One vehicle in one frame in which it was matched to a detection, with that detection's own box."""

    key: int
    """The tracker's name for it, from its first, still tentative, detection on."""
    id: int | None
    """Counts confirmed vehicles from 1 in each video; None while tentative."""
    box: Box
    confidence: float
    type: YoloType


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFrame:
    """A frame, the tracks matched in it, and the keys of the tracks that have ended since the frame before."""

    frame: Frame
    tracks: Sequence[Track]
    ended: Sequence[int]


@dataclass(frozen=True, slots=True, eq=False)
class BestShot:
    """The picture to keep of one confirmed vehicle; given out as soon as its track has ended."""

    track_id: int
    offset_ms: int
    type: YoloType
    """Voted over the whole track, weighted by confidence."""
    crop: Image
    """The vehicle's box with a margin, cut from the frame at its own resolution."""
