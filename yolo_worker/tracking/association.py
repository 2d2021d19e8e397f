"""Which detection continues which track: costs of pairs, one matrix per step, and their assignment. Pure.

The steps, each for the tracks and detections that the earlier ones left:

1. certain: a box that overlaps one prediction only, and the other way round;
2. overlapping: the predicted box overlaps the detection; appearance and type decide between several;
3. alike: the same appearance within the distance that a vehicle can have moved (DeepSORT: Wojke et al., 2017);
4. near: boxes enlarged by as much as a vehicle can have moved (buffered IoU: Yang et al., WACV 2023), from the predicted
   box or from the last detected one (as in OC-SORT: Cao et al., CVPR 2023), unless the appearance is different.

A type that changes between motorcycle and others adds to the cost of a pair. It does not exclude the pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from video_analysis.yolo_worker.detection.postprocess import MOTORCYCLE, overlaps
from video_analysis.yolo_worker.tracking.kalman import Corners, sizes

Costs = NDArray[np.float64]
"""T×D; infinite where a pair is impossible."""
Pairs = list[tuple[int, int]]
"""(row of a track, row of a detection)."""

CERTAIN_IOU, NEIGHBOUR_IOU = 0.5, 0.1
"""A detection continues a track for certain if they overlap by the first at least, and neither overlaps another."""
LEAST_IOU = 0.3
DIFFERENT = 1.75
MOVING = 0.5
"""Appearance distances beyond so many thresholds exclude a pair where positions alone are not certain."""
APPEARANCE_WEIGHT, TYPE_COST = 0.5, 0.3
"""In units of IoU: of a distance of one threshold; of another type."""
SMALLEST_BUFFER, LARGEST_BUFFER = 0.5, 1.5
"""Shares of a box's size by which it is enlarged on each side: less finds no vehicle that moves by its own width from
one processed frame to the next, with more everything overlaps with everything."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Tracks and detections of one frame. Boxes are N×4 corners in px; T tracks, D detections."""

    predicted: Corners
    observed: Corners
    """The last detected box of each track."""
    unseen_s: NDArray[np.float64]
    """Time since each track was detected."""
    travel: NDArray[np.float64]
    """T×2: how far each track moved in about the last second, right and down in px."""
    types: NDArray[np.intp]
    detected: Corners
    detected_types: NDArray[np.intp]
    distance: NDArray[np.float64]
    """T×D: appearance distance in thresholds: below 1 is the same vehicle; NaN where it is not known."""

    def mismatch(self) -> NDArray[np.bool_]:
        """T×D: exactly one of the two is a motorcycle."""
        return (self.types == MOTORCYCLE)[:, None] != (self.detected_types == MOTORCYCLE)[None, :]


def certain(predicted: Corners, detected: Corners) -> Pairs:
    """Step 1."""
    if not len(predicted) or not len(detected):
        return []
    shared = overlaps(predicted, detected)
    near = shared > NEIGHBOUR_IOU
    alone = near & (near.sum(0) == 1) & (near.sum(1, keepdims=True) == 1) & (shared >= CERTAIN_IOU)
    alone[:, (overlaps(detected, detected) > NEIGHBOUR_IOU).sum(0) > 1] = False
    return [(int(row), int(column)) for row, column in np.argwhere(alone)]


def overlapping(of: Candidates) -> Costs:
    """Step 2."""
    shared = overlaps(of.predicted, of.detected)
    cost = 1 - shared + APPEARANCE_WEIGHT * np.nan_to_num(of.distance, nan=1.0) + TYPE_COST * of.mismatch()
    cost[(shared < LEAST_IOU) | (of.distance > np.where(shared > 0.6, 2.5, DIFFERENT))] = np.inf
    return cost


def alike(of: Candidates, speed: float) -> Costs:
    """Step 3; `speed` in lengths of the box per second."""
    cost = of.distance + TYPE_COST * of.mismatch()
    return np.where((of.distance <= 1) & ~_backward(of) & (_moved(of) <= 1 + speed * of.unseen_s[:, None]), cost, np.inf)


def near(of: Candidates, speed: float) -> Costs:
    """Step 4."""
    share = np.clip(speed * of.unseen_s, SMALLEST_BUFFER, LARGEST_BUFFER)
    cost = np.ones((len(of.predicted), len(of.detected)))
    for row, buffer in enumerate(share):
        places = np.stack([of.predicted[row], of.observed[row]])
        cost[row] = 1 - overlaps(inflate(places, buffer), inflate(of.detected, buffer)).max(0)
    cost[(cost > 1 - LEAST_IOU) | (of.distance > DIFFERENT) | of.mismatch() | _backward(of)] = np.inf
    return cost


def assign(cost: Costs) -> Pairs:
    """The one-to-one pairs of lowest total cost; as many pairs as are possible."""
    possible = np.isfinite(cost)
    if not possible.any():
        return []
    rows, columns = linear_sum_assignment(np.where(possible, cost, 1e6))
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if possible[row, column]]


def _backward(of: Candidates) -> NDArray[np.bool_]:
    """T×D: the detection lies behind the last detected box of a track that moves."""
    step = centre(of.detected)[None] - centre(of.observed)[:, None]
    size = sizes(of.observed)
    speed = np.linalg.norm(of.travel, axis=1, keepdims=True)
    along = (step * (of.travel / np.maximum(speed, 1e-9))[:, None]).sum(2)
    backward: NDArray[np.bool_] = (speed > MOVING * size) & (along < -0.25 * size)
    return backward


def _moved(of: Candidates) -> NDArray[np.float64]:
    """T×D: distance between the centres of prediction and detection, in sizes of the predicted box."""
    centres, detected = centre(of.predicted), centre(of.detected)
    moved: NDArray[np.float64] = np.linalg.norm(centres[:, None] - detected[None], axis=2) / sizes(of.predicted)
    return moved


def centre(boxes: Corners) -> NDArray[np.float64]:
    """N×2."""
    return (boxes[:, :2] + boxes[:, 2:4]) / 2


def inflate(boxes: Corners, share: float) -> Corners:
    """Each box larger by `share` of its width and height on each of its sides."""
    margin = (boxes[:, 2:4] - boxes[:, :2]) * share
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:4] + margin], axis=1)
