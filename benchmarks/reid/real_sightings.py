"""Detections of real clips, matched to true identities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from video_analysis.benchmarks.mot import Labelled, paired, read_truth
from video_analysis.benchmarks.reid.metrics import Sightings
from video_analysis.benchmarks.truth import vehicles
from video_analysis.yolo_worker.detection.detector import Detector
from video_analysis.yolo_worker.source.video_file import VideoFile
from video_analysis.yolo_worker.types import Boxes, Frame

LEAST_IOU = 0.6
INTERVAL_MS = 200
"""Between two frames that are evaluated."""
GAP_MS = 900
"""A vehicle that is not detected for this long starts a new segment."""


@dataclass(frozen=True, slots=True, eq=False)
class EvaluatedFrame:
    """A frame with the boxes of its counted vehicles, as detected."""

    frame: Frame
    boxes: Boxes
    vehicles: Sequence[int]


def truth_of(clip: Path, truths: Path) -> dict[int, list[Labelled]]:
    """Frame index → true boxes of counted vehicles, from truth/<clip>.json or the gt.txt beside a sequence."""
    beside = clip.with_name("gt.txt")
    if beside.is_file():
        last = max(int(line.split(",")[0]) for line in beside.read_text("utf-8").split())
        return dict(enumerate(read_truth(beside, last)))
    frames: dict[int, list[Labelled]] = {}
    for vehicle in vehicles.read(truths / f"{clip.stem}.json").vehicles:
        if vehicle.is_counted:
            for index in np.flatnonzero(vehicle.visible.any(axis=1)):
                x1, y1, x2, y2 = vehicle.visible[index].tolist()
                frames.setdefault(int(index), []).append((vehicle.id, (x1, y1, x2, y2)))
    return frames


def evaluated_frames(clip: Path, truths: Path, detector: Detector) -> list[EvaluatedFrame]:
    """A frame every 200 ms with its detections that match a counted vehicle at IoU ≥ 0.6, one to one."""
    truth = truth_of(clip, truths)
    chosen: list[Frame] = []
    for frame in VideoFile(clip, 1).frames():
        if not chosen or frame.offset_ms - chosen[-1].offset_ms >= INTERVAL_MS:
            chosen.append(frame)
    found = []
    for detected in detector.detect(chosen):
        rows = [(row, (x1, y1, x2, y2)) for row, (x1, y1, x2, y2) in enumerate(detected.boxes[:, :4].tolist())]
        matches = paired(truth.get(detected.frame.index, []), rows, LEAST_IOU)
        boxes = detected.boxes[[row for _, row in matches]]
        found.append(EvaluatedFrame(detected.frame, boxes, [vehicle for vehicle, _ in matches]))
    return found


def sightings(clip: str, frames: Sequence[EvaluatedFrame]) -> Sightings:
    """All sightings of a clip, in order of time."""
    seen: dict[int, tuple[int, int]] = {}
    identities, segments, times = [], [], []
    for evaluated in frames:
        now_ms = evaluated.frame.offset_ms
        for vehicle in evaluated.vehicles:
            before_ms, segment = seen.get(vehicle, (now_ms, 0))
            segment += now_ms - before_ms > GAP_MS
            seen[vehicle] = (now_ms, segment)
            identities.append(vehicle)
            segments.append(segment)
            times.append(now_ms)
    boxes = np.concatenate([evaluated.boxes[:, :4] for evaluated in frames]).astype(np.float64)
    return Sightings(
        clip, np.array(identities, np.int64), np.array(segments, np.int64), np.array(times, np.int64), boxes
    )
