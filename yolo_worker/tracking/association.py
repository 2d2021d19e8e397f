"""Which detection continues which track: costs of pairs, one matrix per step, and their assignment. Pure.

The steps, each for the tracks and detections that the earlier ones left:

1. certain: a box that overlaps one prediction only, and the other way round;
2. overlapping: the predicted box overlaps the detection; appearance and type decide between several;
3. alike: the same appearance within the distance that a vehicle can have moved (DeepSORT: Wojke et al., 2017);
4. near: boxes enlarged by as much as a vehicle can have moved (buffered IoU: Yang et al., WACV 2023), from the
   predicted box or from the last detected one (as in OC-SORT: Cao et al., CVPR 2023), unless the appearance is
   different; after `gap_s` it must be the same.

A type that changes between motorcycle and others adds to the cost of a pair in steps 2 and 3. It excludes the pair in
step 4, where neither place nor appearance is certain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.detection.postprocess import MOTORCYCLE, overlaps
from video_analysis.yolo_worker.tracking.geometry import Corners, along_and_beside, centres, inflate, sizes

Costs = NDArray[np.float64]
"""T×D; infinite where a pair is impossible."""
Pairs = list[tuple[int, int]]
"""(row of a track, row of a detection)."""

CERTAIN_IOU, NEIGHBOUR_IOU = 0.5, 0.1
"""A detection continues a track for certain if they overlap by the first at least, and neither overlaps another box by
more than the second."""
DIFFERENT = 1.75
"""Appearance distances beyond so many thresholds exclude a pair, also if its boxes overlap."""
CLOSE_IOU, CLOSE_DIFFERENT = 0.6, 2.5
"""The same limit where the boxes overlap by more than the first: a turning vehicle changes its appearance."""
MOVING_SIZES, BACKWARD_SIZES = 0.5, 0.25
"""A track that moved by the first on its course is not continued further back than the second, in box sizes."""
SIDEWAYS_SIZES, SIDEWAYS_SPEED = 0.3, 0.6
"""Nor further beside its course than the first, plus the second for each second without a detection, in box sizes."""
APPEARANCE_COST, TYPE_COST = 0.5, 0.3
"""In units of IoU: of an appearance distance of one threshold; of a change between motorcycle and others."""
SMALLEST_BUFFER, LARGEST_BUFFER = 0.5, 1.5
"""Shares of a box's size by which it is enlarged on each side: less finds no vehicle that moves by its own width from
one processed frame to the next, with more everything overlaps with everything."""
FORBIDDEN = 1e6
"""Cost of an impossible pair in the assignment, larger than any sum of possible ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Tracks and detections of one frame: T tracks, D detections."""

    predicted: Corners
    observed: Corners
    """The last detected box of each track."""
    unseen_s: NDArray[np.float64]
    """Time since each track was detected."""
    step_s: float
    """Time since the previous frame."""
    travel: NDArray[np.float64]
    """T×2: how far each track moved on its course, right and down in px."""
    travel_sizes: NDArray[np.float64]
    """The same distance in sizes of its box."""
    types: NDArray[np.intp]
    detected: Corners
    detected_types: NDArray[np.intp]
    distance: NDArray[np.float64]
    """T×D: appearance distance in thresholds: below 1 is the same vehicle."""
    is_known: NDArray[np.bool_]
    """Of each track: it was seen whole, so that a large distance means another vehicle."""

    def type_differs(self) -> NDArray[np.bool_]:
        """T×D: exactly one of the two is a motorcycle. Cars, vans and trucks are easily mistaken for one another."""
        differs: NDArray[np.bool_] = (self.types == MOTORCYCLE)[:, None] != (self.detected_types == MOTORCYCLE)[None, :]
        return differs


def certain(predicted: Corners, detected: Corners, is_fresh: NDArray[np.bool_]) -> Pairs:
    """Step 1, for the tracks that were detected in the previous frame; the others can only make a pair uncertain."""
    if not len(predicted) or not len(detected):
        return []
    shared = overlaps(predicted, detected)
    near = shared > NEIGHBOUR_IOU
    alone = near & (near.sum(0) == 1) & ((near & is_fresh[:, None]).sum(1, keepdims=True) == 1)
    alone &= shared >= CERTAIN_IOU
    alone[:, (overlaps(detected, detected) > NEIGHBOUR_IOU).sum(0) > 1] = False
    return [(int(row), int(column)) for row, column in np.argwhere(alone)]


def overlapping(of: Candidates, settings: TrackSettings) -> Costs:
    """Step 2."""
    shared = overlaps(of.predicted, of.detected)
    distance = np.minimum(of.distance, np.where(of.is_known, np.inf, 1.0)[:, None])
    cost = 1 - shared + APPEARANCE_COST * distance + TYPE_COST * of.type_differs()
    limit = np.where(shared > CLOSE_IOU, CLOSE_DIFFERENT, DIFFERENT)
    return np.where((1 - shared <= settings.max_iou_distance) & (distance <= limit), cost, np.inf)


def alike(of: Candidates, settings: TrackSettings) -> Costs:
    """Step 3."""
    reach = 1 + settings.speed * of.unseen_s[:, None]
    possible = (of.distance <= 1) & (_moved(of) <= reach) & ~_is_off_course(of)
    return np.where(possible, of.distance + TYPE_COST * of.type_differs(), np.inf)


def near(of: Candidates, settings: TrackSettings) -> Costs:
    """Step 4."""
    share = np.clip(settings.speed * of.unseen_s, SMALLEST_BUFFER, LARGEST_BUFFER)
    cost = np.ones((len(of.predicted), len(of.detected)))
    for row, buffer in enumerate(share):
        places = np.stack([of.predicted[row], of.observed[row]])
        cost[row] = 1 - overlaps(inflate(places, buffer), inflate(of.detected, buffer)).max(0)
    limit = np.where(of.unseen_s <= max(settings.gap_s, of.step_s), np.where(of.is_known, DIFFERENT, np.inf), 1.0)
    possible = (cost <= settings.max_iou_distance) & (of.distance <= limit[:, None])
    return np.where(possible & ~of.type_differs() & ~_is_off_course(of), cost, np.inf)


Step = Callable[[Candidates, TrackSettings], Costs]
STEPS: tuple[Step, ...] = (overlapping, alike, near)
"""Steps 2 to 4."""


def assign(cost: Costs) -> Pairs:
    """The one-to-one pairs of lowest total cost; as many pairs as are possible."""
    possible = np.isfinite(cost)
    if not possible.any():
        return []
    rows, columns = linear_sum_assignment(np.where(possible, cost, FORBIDDEN))
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if possible[row, column]]


def _is_off_course(of: Candidates) -> NDArray[np.bool_]:
    """T×D: the detection lies behind the last detected box of a track that moves, or beside its course."""
    step = centres(of.detected)[None] - centres(of.observed)[:, None]
    size = sizes(of.observed)
    along, sideways = along_and_beside(step, of.travel[:, None])
    reach = SIDEWAYS_SIZES + SIDEWAYS_SPEED * of.unseen_s[:, None]
    off = (along < -BACKWARD_SIZES * size) | (sideways > reach * size)
    is_off: NDArray[np.bool_] = (of.travel_sizes > MOVING_SIZES)[:, None] & off
    return is_off


def _moved(of: Candidates) -> NDArray[np.float64]:
    """T×D: distance between the centres of prediction and detection, in sizes of the predicted box."""
    step = centres(of.predicted)[:, None] - centres(of.detected)[None]
    moved: NDArray[np.float64] = np.linalg.norm(step, axis=2) / sizes(of.predicted)
    return moved
