"""Tracklets of real clips without a truth: detections linked only where no other link is possible. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.detection.postprocess import overlaps
from video_analysis.yolo_worker.types import Boxes

SAME_IOU, OTHER_IOU = 0.5, 0.1
"""Two boxes of consecutive frames are linked at the first IoU, if neither overlaps another box by the second."""


@dataclass(frozen=True, slots=True)
class Link:
    """One detection and its tracklet."""

    frame: int
    """Place in the sequence of frames."""
    row: int
    """Row of the detection in its frame."""
    tracklet: int


def unambiguous_tracklets(frames: Sequence[Boxes]) -> list[Link]:
    """Link the detections of consecutive frames. A tracklet ends at the first frame that has no certain match.

    A vehicle may have several tracklets one after the other; one tracklet never has two vehicles, as far as boxes tell.
    """
    links: list[Link] = []
    before: list[int] = []
    count = 0
    for place, boxes in enumerate(frames):
        now = [-1] * len(boxes)
        if place and len(boxes) and before:
            for old, new in _certain(frames[place - 1], boxes):
                now[new] = before[old]
        for row, known in enumerate(now):
            if known < 0:
                now[row] = count
                count += 1
        links += [Link(place, row, tracklet) for row, tracklet in enumerate(now)]
        before = now
    return links


def _certain(old: Boxes, new: Boxes) -> list[tuple[int, int]]:
    """(row of `old`, row of `new`) of the pairs that overlap each other and nothing else, in either frame."""
    shared = overlaps(old, new)
    near = shared > OTHER_IOU
    crowded_old, crowded_new = (_overlapped(boxes) for boxes in (old, new))
    certain = (shared >= SAME_IOU) & (near.sum(0) == 1) & (near.sum(1, keepdims=True) == 1)
    certain &= ~crowded_old[:, None] & ~crowded_new[None]
    return [(int(row), int(column)) for row, column in zip(*np.nonzero(certain), strict=True)]


def _overlapped(boxes: Boxes) -> NDArray[np.bool_]:
    """Which boxes another box of the same frame overlaps."""
    shared = overlaps(boxes, boxes)
    np.fill_diagonal(shared, 0)
    return np.asarray((shared > 2 * OTHER_IOU).any(1))
