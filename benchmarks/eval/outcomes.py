"""Result for each true vehicle of one clip at one stride. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from video_analysis.benchmarks import plates
from video_analysis.benchmarks.eval import matching, tracking
from video_analysis.benchmarks.eval.predictions import SnapshotPredictions
from video_analysis.benchmarks.eval.stage_one import ProcessedFrame, Shot, StageOneResult
from video_analysis.benchmarks.eval.tracking import Tracking
from video_analysis.benchmarks.eval.truth import ClipTruth
from video_analysis.benchmarks.mot import Labelled
from video_analysis.simulator.truth import SceneFacts, SeenVehicle
from video_analysis.training.ground_truth_filter import is_required


@dataclass(frozen=True, slots=True)
class JudgedShot:
    """A snapshot of a vehicle that counts."""

    offset_ms: int
    visible_px: int
    cut_needlessly: bool
    """The frame's edge cuts the vehicle, although it is uncut in another processed frame."""
    regret: float
    yolo_type: str
    read: SnapshotPredictions
    plate_px: float = 0.0
    """Upper bound of the plate's width in the camera's frame; 0 if the vehicle is seen from the side."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A vehicle that counts, and its snapshots, most visible pixels first."""

    truth: SeenVehicle
    """In the frame with most of its pixels visible."""
    first_ms: int
    last_ms: int
    """First and last time at which it is large and visible enough to be required."""
    shots: Sequence[JudgedShot]
    confirmable: bool
    """It is visible in as many processed frames as a track needs for confirmation."""
    why_missed: str | None


@dataclass(frozen=True, slots=True)
class SceneOutcome:
    """A clip at a stride."""

    facts: SceneFacts
    stride: int
    frames: int
    vehicles: Sequence[Outcome]
    false_shots: Sequence[Mapping[str, object]]
    """Snapshots that show no vehicle at all."""
    ignored_vehicles: int
    ignored_shots: int
    tracking: Tracking


def judge(truth: ClipTruth, result: StageOneResult, read: Sequence[SnapshotPredictions]) -> SceneOutcome:
    """Compare with the truth; `read` has the predictions for each snapshot."""
    confirmed = [_boxes(frame, confirmed_only=True) for frame in result.frames]
    frames = [truth.frames[frame.index] for frame in result.frames]
    pairs = {
        frame.index: matching.paired(true, found)
        for frame, true, found in zip(result.frames, frames, confirmed, strict=True)
    }
    shown = [matching.shown(truth.frames[shot.frame], shot.box) for shot in result.shots]
    judged: dict[int, list[JudgedShot]] = {}
    for shot, vehicle, made in zip(result.shots, shown, read, strict=True):
        if vehicle in truth.counted:
            judged.setdefault(vehicle, []).append(_judged(truth, result, shot, vehicle, made))
    owners = matching.owners(pairs.values())
    return SceneOutcome(
        facts=truth.facts,
        stride=result.stride,
        frames=len(frames),
        vehicles=[
            _outcome(truth, vehicle, result, judged.get(vehicle, []), owners) for vehicle in sorted(truth.counted)
        ],
        false_shots=[
            _false(shot, truth.frames[shot.frame], owners)
            for shot, vehicle in zip(result.shots, shown, strict=True)
            if vehicle is None
        ],
        ignored_vehicles=len(truth.ignored),
        ignored_shots=sum(vehicle in truth.ignored for vehicle in shown),
        tracking=tracking.count(frames, confirmed),
    )


def _boxes(frame: ProcessedFrame, *, confirmed_only: bool) -> list[Labelled]:
    return [(track.key, track.box) for track in frame.tracks if track.confirmed or not confirmed_only]


def _judged(
    truth: ClipTruth, result: StageOneResult, shot: Shot, vehicle: int, read: SnapshotPredictions
) -> JudgedShot:
    processed = [frame.index for frame in result.frames]
    appearances = [one for index in processed for one in truth.frames[index] if one.id == vehicle]
    (seen,) = [one for one in truth.frames[shot.frame] if one.id == vehicle]
    return JudgedShot(
        shot.offset_ms,
        seen.visible_px,
        seen.cut and not all(one.cut for one in appearances),
        matching.regret(truth, vehicle, shot.frame, processed),
        shot.type,
        read,
        _plate_px(seen),
    )


def _plate_px(seen: SeenVehicle) -> float:
    left, top, right, bottom = seen.box
    from_the_side = right - left > plates.WIDEST_ASPECT * (bottom - top)
    return 0.0 if from_the_side else (right - left) * plates.PLATE_SHARE


def _outcome(
    truth: ClipTruth, vehicle: int, result: StageOneResult, shots: Sequence[JudgedShot], owners: Mapping[int, int]
) -> Outcome:
    appearances = [(index, one) for index, frame in enumerate(truth.frames) for one in frame if one.id == vehicle]
    times = [round(index * 1000 / truth.facts.fps) for index, one in appearances if is_required(one)]
    best = max((one for _, one in appearances), key=lambda one: one.visible_px)
    ordered = sorted(shots, key=lambda shot: (-shot.visible_px, shot.offset_ms))
    showing = [
        frame
        for frame in result.frames
        if any(one.id == vehicle and is_required(one) for one in truth.frames[frame.index])
    ]
    why = None if shots else _why_missed(truth, vehicle, showing, owners)
    return Outcome(best, times[0], times[-1], ordered, len(showing) >= result.hits, why)


def _why_missed(truth: ClipTruth, vehicle: int, showing: Sequence[ProcessedFrame], owners: Mapping[int, int]) -> str:
    """A text from the truth and from all tracks that matched the vehicle, tentative ones included."""
    found = sum(
        vehicle in matching.paired(truth.frames[frame.index], _boxes(frame, confirmed_only=False)).values()
        for frame in showing
    )
    summary = f"shows in {len(showing)} processed frames, found in {found}"
    tracks = [key for key, owner in owners.items() if owner == vehicle]
    if tracks:
        return f"{summary}, followed by track {tracks[0]}, whose snapshot shows something else"
    return f"{summary}, never confirmed" if found else summary


def _false(shot: Shot, frame: Sequence[SeenVehicle], owners: Mapping[int, int]) -> dict[str, object]:
    """Time, box and nearest true vehicle of a false snapshot."""
    shared = matching.shared_areas(frame, [(shot.key, shot.box)])[:, 0]
    nearest = int(shared.argmax()) if shared.size else None
    return {
        "offset_ms": shot.offset_ms,
        "box": [round(side) for side in shot.box],
        "yolo_type": shot.type,
        "nearest_vehicle": None if nearest is None else frame[nearest].id,
        "iou": 0.0 if nearest is None else round(float(shared[nearest]), 3),
        "track_follows": owners.get(shot.key),
    }
