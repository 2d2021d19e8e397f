"""The state of one track inside the tracker."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.types import Embedding

Corner = NDArray[np.float64]
"""x1, y1, x2, y2 in px."""

SAME_PLACE_IOU = 0.6
"""A box that overlaps its place less has moved."""
LEAVE_S = 0.6
PLACE_WEIGHT = 0.1
"""Share of each new box in the place of a vehicle that does not move."""


@dataclass(slots=True, eq=False)
class VehicleTrack:
    """One track: what was detected of it, and where it has been."""

    key: int
    first_box: Corner
    first_s: float
    box: Corner
    """The last detected box, without the camera's shift."""
    seen_s: float
    """Time of the last detection."""
    type: int
    gallery: deque[Embedding]
    """The latest embeddings; one at least."""
    embedded_s: float
    place: Corner
    """Mean box since `place_s`, as long as the vehicle does not move."""
    place_s: float
    row: int | None = None
    """Row of its detection in the current frame."""
    hits: int = 1
    confidence: float = 0.0
    """The highest confidence of its detections."""
    is_confirmed: bool = False
    track_id: int | None = None
    is_reported: bool = False
    """Its end was reported; its snapshot is final."""
    off_s: float | None = None
    course: deque[tuple[float, Corner]] = field(default_factory=lambda: deque(maxlen=10))
    """Time and box of detections of about the last second."""
    free_hits: int = field(default=0)
    """Detections that did not lie inside the box of another track."""

    def is_standing(self, least_s: float) -> bool:
        """It did not move during the last `least_s` seconds in which it was detected."""
        return self.seen_s - self.place_s >= least_s

    def travel(self) -> Corner:
        """Right and down, in px: how far the centre moved in about the last second."""
        if not self.course: return np.zeros(2)
        old = self.course[0][1]
        return (self.box[:2] + self.box[2:] - old[:2] - old[2:]) / 2

    def observe(self, box: Corner, time_s: float, kind: int, confidence: float, row: int) -> None:
        """Take a detection into account."""
        self.box, self.seen_s, self.type, self.row = box, time_s, kind, row
        self.hits += 1
        if not self.course or time_s - self.course[-1][0] >= 0.1: self.course.append((time_s, box))
        self.confidence = max(self.confidence, confidence)
        if intersection_over_union(self.place, box) >= SAME_PLACE_IOU:
            self.place = self.place + PLACE_WEIGHT * (box - self.place)
            self.off_s = None
        else:
            self.off_s = self.off_s if self.off_s is not None else time_s
            if time_s - self.off_s > LEAVE_S or self.off_s - self.place_s < 1.0:
                self.place, self.place_s, self.off_s = box, self.off_s, None


def intersection_over_union(one: Corner, other: Corner) -> float:
    """Of two boxes, 0..1."""
    x1, y1, x2, y2 = one.tolist()
    a1, b1, a2, b2 = other.tolist()
    shared = max(0.0, min(x2, a2) - max(x1, a1)) * max(0.0, min(y2, b2) - max(y1, b1))
    whole = (x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - shared
    return shared / whole if whole > 0 else 0.0
