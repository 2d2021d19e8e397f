"""States of single tracks, for tests of the tracker's parts."""

from __future__ import annotations

from collections import deque

import numpy as np

from video_analysis.yolo_worker.tracking.track_state import VehicleTrack
from video_analysis.yolo_worker.types import Embedding

Box = tuple[float, float, float, float]
GALLERY = 4


def look(distance: float = 0) -> Embedding:
    """An embedding at this cosine distance from `look()`; a negative one lies on the other side of it."""
    cosine = 1 - abs(distance)
    sine = float(np.sqrt(1 - cosine**2)) * (1 if distance >= 0 else -1)
    return np.array([cosine, sine], np.float32)


def vehicle(key: int, box: Box, first_s: float, distance: float = 0) -> VehicleTrack:
    """A confirmed track after its first detection."""
    corner = np.array(box, np.float64)
    return VehicleTrack(
        key=key,
        box=corner,
        seen_s=first_s,
        type=0,
        confidence=0.8,
        row=None,
        gallery=deque([look(distance)], maxlen=GALLERY),
        embedded_s=first_s,
        first_s=first_s,
        first_box=corner,
        place=corner,
        place_s=first_s,
        is_confirmed=True,
    )
