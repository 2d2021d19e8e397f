"""Which true vehicle a box shows. Pure.

Tracks are paired with vehicles one to one within a frame (Hungarian method) for the largest sum of overlaps, each at
least IoU 0.5. A snapshot shows whom its own box overlaps most, at least as much: two may show the same vehicle.
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
    """Track → vehicle, of one frame."""
    vehicles = [(one.id, one.box) for one in true]
    return {track: vehicle for vehicle, track in mot.paired(vehicles, found, LEAST_IOU)}


def shown(true: Sequence[SeenVehicle], box: Box) -> int | None:
    """The vehicle that a snapshot's box overlaps most; None where that is less than IoU 0.5."""
    shared = shared_areas(true, [(0, box)])[:, 0]
    return true[int(shared.argmax())].id if shared.size and shared.max() >= LEAST_IOU else None


def shared_areas(true: Sequence[SeenVehicle], found: Sequence[mot.Labelled]) -> NDArray[np.float64]:
    """IoU of each vehicle with each box: N×M."""
    vehicles = np.array([one.box for one in true], np.float64).reshape(-1, 4)
    boxes = np.array([box for _, box in found], np.float64).reshape(-1, 4)
    return np.asarray(overlaps(vehicles, boxes), np.float64)


def owners(pairs: Iterable[dict[int, int]]) -> dict[int, int]:
    """Track → the vehicle that it was on in most of its matched frames; the smaller number of equals."""
    votes: dict[int, Counter[int]] = {}
    for frame in pairs:
        for track, vehicle in frame.items():
            votes.setdefault(track, Counter())[vehicle] += 1
    return {track: min(count, key=lambda one: (-count[one], one)) for track, count in votes.items()}


def regret(truth: ClipTruth, vehicle: int, chosen: int, processed: Iterable[int]) -> float:
    """How much smaller, as a share of visible pixels, `vehicle` is in frame `chosen` than in the best processed one.

    The best is the one in which most pixels of it can be seen, of those in which the frame's edge does not cut it
    where there are any. 0 where the chosen one shows more than that (it is cut, then).
    """
    course = {index: one for index in processed for one in truth.frames[index] if one.id == vehicle}
    uncut = [one.visible_px for one in course.values() if not one.cut]
    best = max(uncut or [one.visible_px for one in course.values()])
    return max(0.0, 1 - course[chosen].visible_px / best) if best else 0.0
