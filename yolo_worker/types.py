"""The values that pass from stage to stage of stage 1. All frozen; images are BGR uint8, boxes are pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.contracts.messages import YoloType

Image = NDArray[np.uint8]
"""H×W×3, BGR."""
Boxes = NDArray[np.float32]
"""D×6: x1, y1, x2, y2 in px of the frame, confidence 0..1, class as an index into taxonomy.YOLO_TYPES; D may be 0."""
Embedding = NDArray[np.float32]
"""An appearance vector of length 1."""
Embeddings = NDArray[np.float32]
"""D×N: one embedding per row."""
Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in px of the frame."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a frame source knows of itself before its first frame."""

    width_px: int
    height_px: int
    """As displayed, rotation applied."""
    interval_ms: float
    """Median time between two frames that the source gives, by their timestamps; always positive."""
    announced_frames: int | None
    """How many frames the source expects to give: an estimate; None where there is no end."""
    is_live: bool

    @property
    def frame_bytes(self) -> int:
        """Size of one frame in memory."""
        return self.width_px * self.height_px * 3


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
    """The tracker's key for it, from its first, still tentative, detection on."""
    box: Box
    confidence: float
    type: YoloType


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFrame:
    """A frame with the tracks matched in it, tentative ones included, and what was decided since the frame before."""

    frame: Frame
    tracks: Sequence[Track]
    ended: Sequence[int]
    """Keys of the tracks that have ended."""
    links: Mapping[int, int] = field(default_factory=dict)
    """Key → track_id of the tracks that are confirmed from this frame on. track_id counts from 1 in each video."""


@dataclass(frozen=True, slots=True, eq=False)
class BestShot:
    """The picture to keep of one confirmed vehicle; given out as soon as its track has ended."""

    track_id: int
    offset_ms: int
    type: YoloType
    """Voted over the whole track, weighted by confidence."""
    crop: Image
    """The vehicle's box with a margin, cut from the frame at its own resolution."""
