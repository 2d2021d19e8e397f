"""Which frame of a track to keep (DESIGN 2.3). Pure; holds one crop for each open track and no frame.

Priority: not cut by the frame's edge → area → confidence → sharpness → centre → earlier. Each value is
compared by the step it falls into, so that frames that hardly differ leave the word to the next criterion;
steps have fixed bounds, so the order is total and the choice does not depend on the order of arrival.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field

from video_analysis.worker_config import BestSettings
from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.worker_utils.imaging.snapshot_image import crop_with_margin, sharpness
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.types import BestShot, Box, Frame, Image, Track, TrackedFrame

SMALLEST = 1e-6
VOTE_UNITS = 1_000_000
"""Votes are counted in whole millionths of confidence: sums of floats would depend on their order."""


@dataclass(slots=True)
class _Candidate:
    """A track in one frame. Its sharpness is looked at only when a comparison comes to it."""

    rank: tuple[bool, float, float]
    centre: float
    frame_index: int
    offset_ms: int
    crop: Image
    sharpness: float | None = None


@dataclass(slots=True)
class _Course:
    """What is remembered of an open track."""

    best: _Candidate
    id: int | None = None
    votes: Counter[YoloType] = field(default_factory=Counter)


def select(frames: Iterable[TrackedFrame], rules: BestSettings, crop_margin: float) -> Generator[BestShot, None, None]:
    """Each confirmed track's best shot as soon as the track has ended; at the end the open ones, by id."""
    courses: dict[int, _Course] = {}
    for tracked in frames:
        for track in tracked.tracks:
            _follow(courses, track, tracked.frame, rules, crop_margin)
        yield from _shots([courses.pop(key) for key in tracked.ended if key in courses])
    yield from _shots(courses.values())


def _follow(courses: dict[int, _Course], track: Track, frame: Frame, rules: BestSettings, crop_margin: float) -> None:
    course = courses.get(track.key)
    if course is None:
        course = courses[track.key] = _Course(best=_candidate(track, frame, rules, crop_margin))
    elif (rank := _rank(track, frame, rules)) >= course.best.rank:
        challenger = _candidate(track, frame, rules, crop_margin)
        if rank > course.best.rank or _finer(challenger, rules) > _finer(course.best, rules):
            course.best = challenger
    course.id = track.id if course.id is None else course.id
    course.votes[track.type] += round(track.confidence * VOTE_UNITS)


def _candidate(track: Track, frame: Frame, rules: BestSettings, crop_margin: float) -> _Candidate:
    return _Candidate(
        rank=_rank(track, frame, rules),
        centre=_step(_off_centre(track.box, frame.image), rules.centre_step),
        frame_index=frame.index,
        offset_ms=frame.offset_ms,
        crop=crop_with_margin(frame.image, track.box, crop_margin),
    )


def _rank(track: Track, frame: Frame, rules: BestSettings) -> tuple[bool, float, float]:
    x1, y1, x2, y2 = track.box
    area = (x2 - x1) * (y2 - y1)
    uncut = not _is_cut(track.box, frame.image, rules.edge_px)
    return uncut, _relative_step(area, rules.area_step), _step(track.confidence, rules.confidence_step)


def _finer(candidate: _Candidate, rules: BestSettings) -> tuple[float, float, int]:
    """What speaks when size and confidence do not."""
    if candidate.sharpness is None:
        candidate.sharpness = _relative_step(sharpness(candidate.crop), rules.sharpness_step)
    return candidate.sharpness, -candidate.centre, -candidate.frame_index


def _is_cut(box: Box, image: Image, edge_px: float) -> bool:
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    return min(x1, y1, width - x2, height - y2) <= edge_px


def _off_centre(box: Box, image: Image) -> float:
    """Distance of the box's centre from the frame's, in diagonals of the frame."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    return math.hypot((x1 + x2 - width) / 2, (y1 + y2 - height) / 2) / math.hypot(width, height)


def _step(value: float, step: float) -> float:
    return math.floor(value / step) if step else value


def _relative_step(value: float, step: float) -> float:
    """The number of the step that `value` ≥ 0 falls into, each `step` (a share) higher than the one before."""
    return math.floor(math.log(max(value, SMALLEST)) / math.log1p(step)) if step else value


def _shots(courses: Iterable[_Course]) -> list[BestShot]:
    """Of the confirmed ones, by id."""
    confirmed = [(course.id, course) for course in courses if course.id is not None]
    return [_shot(track_id, course) for track_id, course in sorted(confirmed, key=lambda pair: pair[0])]


def _shot(track_id: int, course: _Course) -> BestShot:
    elected = max(YOLO_TYPES, key=lambda kind: course.votes[kind])
    return BestShot(track_id=track_id, offset_ms=course.best.offset_ms, type=elected, crop=course.best.crop)
