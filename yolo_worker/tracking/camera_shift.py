"""The camera's own motion, so that a vehicle at rest keeps its place while the camera shakes or pans.

The shift is the median motion of corner points outside all detected boxes since a reference frame, by sparse optical
flow (Lucas and Kanade, 1981) on a small grey picture. A new reference is taken every second, so that errors hardly add
up. Rotation and zoom are not measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.types import Boxes, CameraMotion, DetectedFrame, Frame

WIDTH_PX = 160
"""Width of the small picture."""
POINTS, LEAST_POINTS = 60, 8
"""Corner points that are followed; with fewer, no motion is measured."""
QUALITY, DISTANCE_PX = 0.02, 8
"""Smallest quality of a corner as a share of the best one's, and distance between two, in the small picture."""
REFERENCE_MS = 1000
"""A reference frame is used for this long."""
AGREEING_SHARE, AGREEING_PX = 0.5, 1.0
"""More than the first share of the points must move like their median, within the second in the small picture."""
LEAST_PX = 1.0
"""In the frame. A smaller change of the shift is not distinguished from noise."""
MARGIN_PX = 2
"""Around each box, in the small picture: no points are taken there."""
WINDOW_PX, PYRAMID_LEVELS = (9, 9), 2
STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 8, 0.05)
"""Parameters of the optical flow: motion of up to about 16 small pixels per second is found."""

Grey = NDArray[np.uint8]
"""H×W."""
Points = NDArray[np.float32]
"""N×1×2, right and down in px of the small picture."""


class KnownMotion(Protocol):
    """Motion of the frame that is being processed, from an earlier run."""

    def motion(self) -> CameraMotion | None:
        """The motion of the current frame, if it is known."""

    def keep_motion(self, motion: CameraMotion) -> None:
        """Keep what was measured in the current frame."""


class _Reference:
    """A frame from which the motion is measured. Its picture is used when the next frame is measured."""

    def __init__(self, detected: DetectedFrame, shift: NDArray[np.float64], small: Grey | None = None) -> None:
        self.offset_ms = detected.frame.offset_ms
        self.shift = shift
        self._detected = detected
        self._small = small

    @cached_property
    def small(self) -> Grey:
        """The small picture."""
        return _small(self._detected.frame) if self._small is None else self._small

    @cached_property
    def points(self) -> Points | None:
        """The corner points outside all boxes; None if there are too few."""
        return _corners(self.small, self._detected.boxes, _scale(self._detected.frame))


class CameraShift:
    """Measures the shift of each frame of one size."""

    def __init__(self) -> None:
        self._shift = np.zeros(2)
        self._measured = np.zeros(2)
        """The shift including changes below LEAST_PX."""
        self._reference: _Reference | None = None

    def update(self, detected: DetectedFrame) -> CameraMotion:
        """The shift of the next frame; nothing inside its boxes is used."""
        small = _small(detected.frame)
        if self._reference is not None:
            moved = _motion(self._reference, small)
            if moved is not None:
                self._measured = self._reference.shift + moved / _scale(detected.frame)
            if np.abs(self._measured - self._shift).max() > LEAST_PX:
                self._shift = self._measured
        self._refer_to(detected, small)
        return CameraMotion(_pair(self._shift), _pair(self._measured))

    def follow(self, detected: DetectedFrame, motion: CameraMotion) -> None:
        """Take the known motion of the next frame. Its picture is used only if the one after it is measured."""
        self._shift, self._measured = np.array(motion.shift), np.array(motion.measured)
        self._refer_to(detected)

    def _refer_to(self, detected: DetectedFrame, small: Grey | None = None) -> None:
        """Make the frame the new reference, if it is time for one."""
        if self._reference is None or detected.frame.offset_ms - self._reference.offset_ms >= REFERENCE_MS:
            self._reference = _Reference(detected, self._measured, small)


def with_shift(frames: Iterable[DetectedFrame], known: KnownMotion | None = None) -> Iterator[DetectedFrame]:
    """The frames of one video with the camera's shift; a new frame size starts at no shift."""
    for _, same_size in groupby(frames, lambda detected: detected.frame.size_px):
        camera = CameraShift()
        for detected in same_size:
            motion = None if known is None else known.motion()
            if motion is not None:
                camera.follow(detected, motion)
            else:
                motion = camera.update(detected)
                if known is not None:
                    known.keep_motion(motion)
            yield replace(detected, shift=motion.shift)


def _scale(frame: Frame) -> float:
    """Width of the small picture by that of the frame."""
    return WIDTH_PX / frame.size_px[0]


def _small(frame: Frame) -> Grey:
    size = (WIDTH_PX, max(1, round(frame.size_px[1] * _scale(frame))))
    small = cv2.cvtColor(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    return np.asarray(small, np.uint8)


def _pair(vector: NDArray[np.float64]) -> tuple[float, float]:
    return float(vector[0]), float(vector[1])


def _motion(reference: _Reference, small: Grey) -> NDArray[np.float64] | None:
    """Median motion of the points since the reference; None if there are too few or they do not agree."""
    if reference.points is None:
        return None
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        reference.small, small, reference.points, None, winSize=WINDOW_PX, maxLevel=PYRAMID_LEVELS, criteria=STOP
    )
    motion = (found - reference.points)[status[:, 0] == 1][:, 0].astype(np.float64)
    if len(motion) < LEAST_POINTS:
        return None
    agree = np.abs(motion - np.median(motion, axis=0)).max(1) < AGREEING_PX
    return np.median(motion[agree], axis=0) if agree.mean() > AGREEING_SHARE else None


def _corners(small: Grey, boxes: Boxes, scale: float) -> Points | None:
    """Corner points outside all boxes; None if there are too few."""
    mask = np.full(small.shape, 255, np.uint8)
    for x1, y1, x2, y2 in (boxes[:, :4] * scale).astype(int):
        mask[max(0, y1 - MARGIN_PX) : y2 + MARGIN_PX, max(0, x1 - MARGIN_PX) : x2 + MARGIN_PX] = 0
    points = cv2.goodFeaturesToTrack(small, POINTS, QUALITY, DISTANCE_PX, mask=mask)
    return np.asarray(points, np.float32) if points is not None and len(points) >= LEAST_POINTS else None
