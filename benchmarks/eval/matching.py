"""Matching of boxes and true vehicles. Pure.

Within a frame, tracks and vehicles are paired one to one (Hungarian method) for the largest sum of IoU, each at least
0.5. A snapshot shows the vehicle with the largest IoU of at least 0.5; two snapshots may show the same vehicle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.benchmarks import mot
from video_analysis.benchmarks.eval.truth import ClipTruth
from video_analysis.simulator.truth import SeenVehicle
from video_analysis.yolo_worker.detection.postprocess import overlaps
from video_analysis.yolo_worker.types import Box

LEAST_IOU = 0.5


def paired(true: Sequence[SeenVehicle], found: Sequence[mot.Labelled]) -> dict[int, int]:
    """Track → vehicle in one frame."""
    vehicles = [(one.id, one.box) for one in true]
    return {track: vehicle for vehicle, track in mot.paired(vehicles, found, LEAST_IOU)}


def shown(true: Sequence[SeenVehicle], box: Box) -> int | None:
    """The vehicle with the largest IoU with a snapshot's box; None below IoU 0.5."""
    shared = shared_areas(true, [(0, box)])[:, 0]
    return true[int(shared.argmax())].id if shared.size and shared.max() >= LEAST_IOU else None


def shared_areas(true: Sequence[SeenVehicle], found: Sequence[mot.Labelled]) -> NDArray[np.float64]:
    """IoU of each vehicle with each box: N×M."""
    vehicles = np.array([one.box for one in true], np.float64).reshape(-1, 4)
    boxes = np.array([box for _, box in found], np.float64).reshape(-1, 4)
    return np.asarray(overlaps(vehicles, boxes), np.float64)


def owners(pairs: Iterable[dict[int, int]]) -> dict[int, int]:
    """Track → the vehicle with most of its matched frames; of equal ones the smaller id."""
    votes: dict[int, Counter[int]] = {}
    for frame in pairs:
        for track, vehicle in frame.items():
            votes.setdefault(track, Counter())[vehicle] += 1
    return {track: min(count, key=lambda one: (-count[one], one)) for track, count in votes.items()}


def regret(truth: ClipTruth, vehicle: int, chosen: int, processed: Iterable[int]) -> float:
    """Share by which the visible pixels of `vehicle` in frame `chosen` are fewer than in the best processed frame.

    The best frame has most visible pixels, among frames whose edge does not cut the vehicle if there are any. 0 if
    the chosen frame has more (then it is a cut one).
    """
    course = {index: one for index in processed for one in truth.frames[index] if one.id == vehicle}
    uncut = [one.visible_px for one in course.values() if not one.cut]
    best = max(uncut or [one.visible_px for one in course.values()])
    return max(0.0, 1 - course[chosen].visible_px / best) if best else 0.0
