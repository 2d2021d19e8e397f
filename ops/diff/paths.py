"""Paths of boxes through a video, from the stored input of the tracker: which best frames show one vehicle. Pure.

A path joins the boxes of consecutive frames that overlap clearly and overlap no other box. It ends where that is
unclear: a path never joins two vehicles that only pass each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.ops.diff.vehicles import Vehicle, corners
from video_analysis.yolo_worker.detection.postprocess import overlaps
from video_analysis.yolo_worker.runs.frame_input import FrameInput

JOINED_IOU, OTHER_IOU = 0.5, 0.3
SAME_IOU = 0.8
"""Between the box of a row, in hundredths of a px, and that of the stored input."""


def path_of(vehicles: Iterable[Vehicle], frames: Sequence[FrameInput]) -> dict[Vehicle, int]:
    """The path of each vehicle whose frame is known and whose box is one of the stored boxes."""
    paths = dict(zip((frame.offset_ms for frame in frames), _paths(frames), strict=True))
    boxes = {frame.offset_ms: frame.boxes[:, :4] for frame in frames}
    found: dict[Vehicle, int] = {}
    for vehicle in vehicles:
        at_ms = vehicle.frame_ms
        if vehicle.box is None or at_ms is None or not len(boxes.get(at_ms, ())):
            continue
        ious = overlaps(corners(vehicle.box), boxes[at_ms])[0]
        if ious.max() >= SAME_IOU:
            found[vehicle] = paths[at_ms][int(ious.argmax())]
    return found


def _paths(frames: Sequence[FrameInput]) -> list[list[int]]:
    """The number of the path of each box of each frame."""
    found: list[list[int]] = []
    count, before = 0, np.zeros((0, 4), np.float32)
    for frame in frames:
        boxes = frame.boxes[:, :4]
        joined = _joined(before, boxes)
        own = []
        for row in range(len(boxes)):
            own.append(found[-1][joined[row]] if row in joined else count)
            count += row not in joined
        found.append(own)
        before = boxes
    return found


def _joined(before: NDArray[np.float32], boxes: NDArray[np.float32]) -> dict[int, int]:
    """Row of this frame → row of the frame before."""
    if not len(before) or not len(boxes):
        return {}
    ious = overlaps(boxes, before)
    is_other = ious > OTHER_IOU
    is_clear = (ious >= JOINED_IOU) & (is_other.sum(1, keepdims=True) == 1) & (is_other.sum(0) == 1)
    return {int(row): int(column) for row, column in zip(*np.nonzero(is_clear), strict=True)}
