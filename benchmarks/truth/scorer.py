"""Compares the snapshots of a clip with its true vehicles. Pure.

A snapshot shows, by its box in its frame:

1. the vehicle with the largest IoU, if that is at least 0.4;
2. else an ignored vehicle or region that contains at least 0.6 of the box;
3. else the counted vehicle that contains most of the box, if at least 0.6;
4. else the same three steps with the boxes `held`;
5. else no vehicle: it is false.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from video_analysis.benchmarks.truth.vehicles import ClipTruth, FrameBoxes, Vehicle
from video_analysis.yolo_worker.detection.postprocess import overlaps
from video_analysis.yolo_worker.types import Box

SAME_IOU, INSIDE = 0.4, 0.6
FOLLOWED_IOU, FOLLOWED_FRAMES = 0.5, 2
"""A track follows a vehicle if the vehicle's box is the nearest, by at least this IoU, in this many frames."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The snapshot of one track."""

    track_id: int
    offset_ms: float
    box: Box


@dataclass(frozen=True, slots=True)
class Score:
    """Snapshots compared with the vehicles of a clip. Ids are those of vehicles and tracks."""

    shown: Mapping[int, Sequence[int]]
    """Counted vehicle → the tracks of its snapshots; empty for a missed one."""
    false_tracks: Sequence[int]
    """Tracks whose snapshot shows no vehicle."""
    ignored: int
    """Snapshots of ignored vehicles and regions."""
    wrong_merges: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Track → the vehicles that it follows, where one of them has no snapshot. Empty if the tracks are unknown."""

    @property
    def counts(self) -> Counter[str]:
        """Numbers that can be added over clips."""
        shots = [len(tracks) for tracks in self.shown.values()]
        covered = sum(map(bool, shots))
        return Counter(
            vehicles=len(shots),
            covered=covered,
            missed=len(shots) - covered,
            duplicates=sum(shots) - covered,
            false=len(self.false_tracks),
            exactly_one=shots.count(1),
            ignored=self.ignored,
            wrong_merges=len(self.wrong_merges),
        )


def snapshots_per_vehicle(counts: Counter[str]) -> float:
    """Mean number of snapshots of a counted vehicle that has one; 0 if there is none."""
    return (counts["covered"] + counts["duplicates"]) / max(1, counts["covered"])


def score(
    truth: ClipTruth, snapshots: Iterable[Snapshot], tracks: Mapping[int, Mapping[int, Box]] | None = None
) -> Score:
    """Compare snapshots with the truth. `tracks` has each track's boxes by index of the frame, for wrong merges."""
    shown: dict[int, list[int]] = {vehicle.id: [] for vehicle in truth.vehicles if vehicle.is_counted}
    false, ignored = [], 0
    for snapshot in snapshots:
        vehicle = vehicle_of(truth, truth.frame_at(snapshot.offset_ms), snapshot.box)
        if vehicle is None:
            false.append(snapshot.track_id)
        elif vehicle.is_counted:
            shown[vehicle.id].append(snapshot.track_id)
        else:
            ignored += 1
    missed = {vehicle for vehicle, found in shown.items() if not found}
    followed = {track_id: followed_by(truth, boxes) for track_id, boxes in (tracks or {}).items()}
    merges = {track_id: ids for track_id, ids in followed.items() if len(ids) > 1 and missed & {*ids}}
    return Score(shown, false, ignored, merges)


def vehicle_of(truth: ClipTruth, frame: int, box: Box) -> Vehicle | None:
    """The vehicle that a box shows, by the rules of this module."""
    found = _vehicle_at(truth.vehicles, _boxes_at([one.visible for one in truth.vehicles], frame), box)
    return found or _vehicle_at(truth.vehicles, _boxes_at([one.held for one in truth.vehicles], frame), box)


def followed_by(truth: ClipTruth, boxes: Mapping[int, Box]) -> list[int]:
    """The counted vehicles that a track follows."""
    frames = Counter[int]()
    vehicles = [vehicle for vehicle in truth.vehicles if not vehicle.is_region]
    for frame, box in boxes.items():
        nearest, iou = _largest(_ious(_boxes_at([one.visible for one in vehicles], frame), box))
        if iou >= FOLLOWED_IOU and vehicles[nearest].is_counted:
            frames[vehicles[nearest].id] += 1
    return sorted(vehicle for vehicle, count in frames.items() if count >= FOLLOWED_FRAMES)


def _vehicle_at(vehicles: Sequence[Vehicle], true: FrameBoxes, box: Box) -> Vehicle | None:
    """The vehicle of a box by the first three rules. `true` has one row per vehicle."""
    nearest, iou = _largest(np.where([one.is_region for one in vehicles], 0, _ious(true, box)))
    if iou >= SAME_IOU:
        return vehicles[nearest]
    inside = _shares_inside(true, box)
    for counted in (False, True):
        holder, share = _largest(np.where([one.is_counted is counted for one in vehicles], inside, 0))
        if share >= INSIDE:
            return vehicles[holder]
    return None


def _boxes_at(boxes: Sequence[FrameBoxes], frame: int) -> FrameBoxes:
    return np.array([one[frame] for one in boxes], np.float64).reshape(-1, 4)


def _ious(true: FrameBoxes, box: Box) -> FrameBoxes:
    return np.asarray(overlaps(true, np.array([box], np.float64))[:, 0], np.float64)


def _shares_inside(true: FrameBoxes, box: Box) -> FrameBoxes:
    """The share of the box's area that each of the N×4 true boxes contains."""
    corner_min, corner_max = np.maximum(true[:, :2], box[:2]), np.minimum(true[:, 2:], box[2:])
    shared = np.clip(corner_max - corner_min, 0, None).prod(1)
    return np.asarray(shared / max((box[2] - box[0]) * (box[3] - box[1]), 1e-9), np.float64)


def _largest(values: FrameBoxes) -> tuple[int, float]:
    """Index and value of the largest; (0, 0.0) if there is none."""
    return (int(values.argmax()), float(values.max())) if len(values) else (0, 0.0)
