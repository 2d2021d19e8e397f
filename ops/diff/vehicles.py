"""Matches the vehicles of two runs of one video. Pure.

Each vehicle has the box of one frame: its best one. In this order, one-to-one:

1. same frame, and boxes that overlap: the same vehicle with the same best frame;
2. both boxes are on one path of boxes (see `paths`): the same vehicle with another best frame;
3. boxes at places and times that one vehicle can reach, the nearest pairs first: the same, with less certainty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.db.row_types import DetectedBox
from video_analysis.yolo_worker.detection.postprocess import overlaps
from video_analysis.yolo_worker.tracking.association import assign

SAME_IOU = 0.5
LONGEST_GAP_S = 5.0
SIZES, SIZES_PER_S = 0.5, 2.0
"""Largest distance of two centres, in mean diagonals of their boxes: at once, and per second between them."""
SHIFTED_MS, MOST_SHIFTED_MS = 10, 1000
"""A row whose track and offset another run has already is stored with the next free ms: as many ms later as a video has
other runs. Up to the first value, near offsets alone mean one frame; up to the second one, equal boxes do."""
EQUAL_PX = 0.011
"""Boxes are stored in hundredths of a px."""
REFUSED = math.inf
Cost = Callable[["Vehicle", "Vehicle"], float]
"""REFUSED: they are not the same vehicle."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A row of `image_analyses`."""

    track_id: int
    offset_ms: int
    box: DetectedBox | None
    """None in a row of an older worker."""
    type: str
    snapshot_uri: str
    frame_ms: int | None = None
    """The offset of its frame; None if that is not known."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One vehicle in both runs."""

    before: Vehicle
    after: Vehicle

    @property
    def is_same_frame(self) -> bool:
        """Both runs chose the same frame."""
        return _are_of_one_frame(self.before, self.after)


@dataclass(frozen=True, slots=True)
class RunDiff:
    """The vehicles of two runs."""

    same: Sequence[Pair]
    other_frame: Sequence[Pair]
    gone: Sequence[Vehicle]
    """Of the first run only."""
    new: Sequence[Vehicle]
    """Of the second run only."""
    until_ms: int | None = None
    """A run has not sent its vehicles beyond this; None: both runs are completed."""
    left_out: int = 0
    """Vehicles after `until_ms` that only one run has; they are neither new nor gone."""


def compare(
    before: Sequence[Vehicle], after: Sequence[Vehicle], path_of: Mapping[Vehicle, int], until_ms: int | None = None
) -> RunDiff:
    """`path_of`: the path of boxes on which a vehicle is, where it is known. `until_ms`: see RunDiff."""

    def on_one_path(one: Vehicle, other: Vehicle) -> float:
        is_same = one in path_of and path_of[one] == path_of.get(other)
        return abs(one.offset_ms - other.offset_ms) / 1000 if is_same else REFUSED

    pairs: list[Pair] = []
    left, right = list(before), list(after)
    for cost in (_in_one_frame, on_one_path, _reachable):
        found = _assigned(left, right, cost)
        pairs += found
        left = [one for one in left if one not in {pair.before for pair in found}]
        right = [one for one in right if one not in {pair.after for pair in found}]
    pairs.sort(key=lambda pair: (pair.after.offset_ms, pair.after.track_id))
    gone, new = ([one for one in side if until_ms is None or one.offset_ms <= until_ms] for side in (left, right))
    return RunDiff(
        [pair for pair in pairs if pair.is_same_frame],
        [pair for pair in pairs if not pair.is_same_frame],
        sorted(gone, key=_time),
        sorted(new, key=_time),
        until_ms,
        len(left) + len(right) - len(gone) - len(new),
    )


def corners(box: DetectedBox) -> NDArray[np.float64]:
    """1×4: x1, y1, x2, y2."""
    return np.array([[box.x1, box.y1, box.x2, box.y2]], np.float64)


def equals_one(box: DetectedBox, boxes: NDArray[np.floating[Any]]) -> bool:
    """Whether the box is one of the rows of `boxes` (further columns are ignored), to a hundredth of a px."""
    right, bottom = box.frame_width, box.frame_height
    inside = np.clip(boxes[:, :4], 0, [right, bottom, right, bottom])
    return bool((np.abs(inside - corners(box)) <= EQUAL_PX).all(1).any())


def _are_of_one_frame(one: Vehicle, other: Vehicle) -> bool:
    distance_ms = abs(one.offset_ms - other.offset_ms)
    if distance_ms <= MOST_SHIFTED_MS and _have_equal_boxes(one, other):
        return True
    if one.frame_ms is None or other.frame_ms is None:
        return distance_ms <= SHIFTED_MS
    return one.frame_ms == other.frame_ms


def _have_equal_boxes(one: Vehicle, other: Vehicle) -> bool:
    return one.box is not None and other.box is not None and equals_one(one.box, corners(other.box))


def _assigned(left: Sequence[Vehicle], right: Sequence[Vehicle], cost: Cost) -> list[Pair]:
    """The pairs with the smallest sum of costs, among as many pairs as possible."""
    if not left or not right:
        return []
    costs = np.array([[cost(one, other) for other in right] for one in left], np.float64)
    return [Pair(left[row], right[column]) for row, column in assign(costs)]


def _in_one_frame(one: Vehicle, other: Vehicle) -> float:
    if one.box is None or other.box is None or not _are_of_one_frame(one, other):
        return REFUSED
    if (one.box.frame_width, one.box.frame_height) != (other.box.frame_width, other.box.frame_height):
        return REFUSED
    overlap = float(overlaps(corners(one.box), corners(other.box))[0, 0])
    return 1 - overlap if overlap >= SAME_IOU else REFUSED


def _reachable(one: Vehicle, other: Vehicle) -> float:
    """Time in s and distance in sizes, added; another type counts as one more."""
    if one.box is None or other.box is None:
        return REFUSED
    gap_s = abs(one.offset_ms - other.offset_ms) / 1000
    sizes = _distance(one.box, other.box) / ((_diagonal(one.box) + _diagonal(other.box)) / 2)
    if gap_s > LONGEST_GAP_S or sizes > SIZES + SIZES_PER_S * gap_s:
        return REFUSED
    return gap_s + sizes + (one.type != other.type)


def _distance(one: DetectedBox, other: DetectedBox) -> float:
    return math.hypot(one.x1 + one.x2 - other.x1 - other.x2, one.y1 + one.y2 - other.y1 - other.y2) / 2


def _diagonal(box: DetectedBox) -> float:
    return max(1.0, math.hypot(box.x2 - box.x1, box.y2 - box.y1))


def _time(vehicle: Vehicle) -> tuple[int, int]:
    return vehicle.offset_ms, vehicle.track_id
