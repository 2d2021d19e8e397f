"""The camera's own motion, so that a vehicle that stands still keeps its place in a picture that shakes or pans.

The shift is the median motion of corner points outside all detected boxes since a reference frame, by sparse optical
flow (Lucas and Kanade) on a small grey picture. A new reference is taken every second, so that errors hardly add up.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.types import Boxes, Image

WIDTH_PX = 160
POINTS, LEAST_POINTS = 60, 8
REFERENCE_MS = 1000
AGREEING = 0.5
"""Share of the points that must move alike, within one pixel of the small picture."""
LEAST_PX = 1.0
"""In the frame. A smaller change of the shift is not distinguished from noise."""
FLOW = {"winSize": (9, 9), "maxLevel": 2, "criteria": (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 8, 0.05)}

Shift = tuple[float, float]
"""Right and down, in px of the frame, since the first frame."""


class CameraShift:
    """Measures the shift of each frame of one video. Frames of another size start anew at no shift."""

    def __init__(self) -> None:
        self._shift = np.zeros(2)
        self._shape: tuple[int, ...] = ()
        self._reference: Image | None = None
        self._reference_ms = 0
        self._reference_shift = np.zeros(2)
        self._points: NDArray[np.float32] | None = None
        self._measured = np.zeros(2)

    def update(self, image: Image, boxes: Boxes, offset_ms: int) -> Shift:
        """Take the next frame and its detected boxes into account."""
        if image.shape != self._shape:
            self.__init__()  # type: ignore[misc]
            self._shape = image.shape
        scale = WIDTH_PX / image.shape[1]
        small = cv2.cvtColor(cv2.resize(image, (WIDTH_PX, max(1, round(image.shape[0] * scale))), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        return self.measure(small, boxes, offset_ms, scale)

    def measure(self, small: Image, boxes: Boxes, offset_ms: int, scale: float) -> Shift:
        if self._reference is not None and self._points is not None:
            moved = self._motion(small)
            if moved is not None:
                self._measured = self._reference_shift + moved / scale
                if np.abs(self._measured - self._shift).max() > LEAST_PX:
                    self._shift = self._measured
        if self._reference is None or offset_ms - self._reference_ms >= REFERENCE_MS:
            self._points = _corners(small, boxes, scale)
            self._reference, self._reference_ms, self._reference_shift = small, offset_ms, self._measured
        return float(self._shift[0]), float(self._shift[1])

    def _motion(self, small: Image) -> NDArray[np.float64] | None:
        found, status, _ = cv2.calcOpticalFlowPyrLK(self._reference, small, self._points, None, **FLOW)
        motion = (found - self._points)[status[:, 0] == 1][:, 0].astype(np.float64)
        if len(motion) < LEAST_POINTS:
            return None
        agree = np.abs(motion - np.median(motion, axis=0)).max(1) < 1
        return np.median(motion[agree], axis=0) if agree.mean() > AGREEING else None


def _corners(small: Image, boxes: Boxes, scale: float) -> NDArray[np.float32] | None:
    mask = np.full(small.shape, 255, np.uint8)
    for x1, y1, x2, y2 in (boxes[:, :4] * scale).astype(int):
        mask[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2] = 0
    points: NDArray[np.float32] | None = cv2.goodFeaturesToTrack(small, POINTS, 0.02, 8, mask=mask)
    return points if points is not None and len(points) >= LEAST_POINTS else None
