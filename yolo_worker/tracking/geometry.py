"""Boxes of tracking: N×4 float64 corners x1, y1, x2, y2 in px, without the camera's shift. Pure."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Corners = NDArray[np.float64]
"""N×4: x1, y1, x2, y2 in px."""
Corner = NDArray[np.float64]
"""x1, y1, x2, y2 in px."""
Point = NDArray[np.float64]
"""Right and down in px."""

BORDER_PX = 3
"""An edge of a box this near to the border of the frame is cut off by it."""


def sizes(boxes: Corners) -> NDArray[np.float64]:
    """N×1: the square root of each box's area, at least 1 px."""
    area = np.clip(boxes[:, 2] - boxes[:, 0], 0, None) * np.clip(boxes[:, 3] - boxes[:, 1], 0, None)
    size: NDArray[np.float64] = np.sqrt(np.maximum(area, 1.0))[:, None]
    return size


def centres(boxes: Corners) -> NDArray[np.float64]:
    """N×2."""
    return (boxes[:, :2] + boxes[:, 2:4]) / 2


def inflate(boxes: Corners, share: float) -> Corners:
    """Each box larger by `share` of its width and height on each of its sides."""
    margin = (boxes[:, 2:4] - boxes[:, :2]) * share
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:4] + margin], axis=1)


def along_and_beside(
    steps: NDArray[np.float64], courses: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(how far each of `steps` goes along its course, how far beside it), both …×2 in px, broadcast.

    Where a course has no length, the first is 0 and the second the length of the step.
    """
    length = np.linalg.norm(courses, axis=-1, keepdims=True)
    direction = courses / np.maximum(length, 1e-9)
    along = (steps * direction).sum(-1)
    beside: NDArray[np.float64] = np.linalg.norm(steps - along[..., None] * direction, axis=-1)
    return along, beside


def touches(boxes: Corners, frame: Corner) -> NDArray[np.bool_]:
    """Of each box: a part of it lies in `frame`."""
    within: NDArray[np.bool_] = (boxes[:, 2:] > frame[:2]).all(1) & (boxes[:, :2] < frame[2:]).all(1)
    return within


def cut_edges(boxes: Corners, frame: Corner) -> NDArray[np.bool_]:
    """N×4, of each edge: it is at the border of `frame`, or outside."""
    return np.concatenate([boxes[:, :2] <= frame[:2] + BORDER_PX, boxes[:, 2:] >= frame[2:] - BORDER_PX], axis=1)


def iou(one: Corner, other: Corner) -> float:
    """Intersection over union of two boxes, 0..1; faster than arrays for a single pair."""
    shared, first, second = _areas(one, other)
    whole = first + second - shared
    return shared / whole if whole > 0 else 0.0


def size(box: Corner) -> float:
    """The square root of the area of one box, at least 1 px."""
    x1, y1, x2, y2 = box.tolist()
    return math.sqrt(max(1.0, max(0.0, x2 - x1) * max(0.0, y2 - y1)))


def share_inside(one: Corner, other: Corner) -> float:
    """Share of the first box that lies in the other, 0..1."""
    shared, whole, _ = _areas(one, other)
    return shared / whole if whole > 0 else 0.0


def _areas(one: Corner, other: Corner) -> tuple[float, float, float]:
    """(of the part that two boxes share, of the first, of the second) in px²."""
    x1, y1, x2, y2 = one.tolist()
    a1, b1, a2, b2 = other.tolist()
    shared = max(0.0, min(x2, a2) - max(x1, a1)) * max(0.0, min(y2, b2) - max(y1, b1))
    return shared, (x2 - x1) * (y2 - y1), (a2 - a1) * (b2 - b1)
