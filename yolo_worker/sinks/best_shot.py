"""Selects the best frame of each track. Pure; keeps one crop per open track and no frame.

Priority: not cut by the edge of the frame → area → confidence → sharpness → centre → earlier. Values are quantised into
steps, so that the next criterion decides between similar frames. The steps have fixed bounds, so the order is total,
and the result does not depend on the order of the frames.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from video_analysis.worker_config import BestSettings
from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.worker_utils.imaging.crop import crop_with_margin, sharpness
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.types import BestShot, Box, Frame, Image, Track, TrackedFrame

SMALLEST = 1e-6
VOTE_UNITS = 1_000_000
"""Votes are integers, in millionths of confidence: a sum of floats would depend on the order."""


@dataclass(slots=True)
class _Candidate:
    """A track in one frame. Its sharpness is computed only when a comparison needs it."""

    rank: tuple[bool, float, float]
    centre: float
    frame_index: int
    offset_ms: int
    crop: Image
    box: Box
    frame_size: tuple[int, int]
    """Width and height in px."""
    sharpness: float | None = None


@dataclass(slots=True)
class _TrackState:
    """The state of an open track."""

    best: _Candidate
    track_id: int | None = None
    votes: Counter[YoloType] = field(default_factory=Counter)


class BestShotSink:
    """A TrackSink: one best shot per confirmed track, returned as soon as the track has ended."""

    def __init__(self, rules: BestSettings, crop_margin: float) -> None:
        """`crop_margin` is added on each side of the box, as a share of its width and height."""
        self._rules = rules
        self._crop_margin = crop_margin
        self._open: dict[int, _TrackState] = {}

    def observe(self, frame: TrackedFrame) -> Iterable[BestShot]:
        """Compare the frame with the best frame of each of its tracks. Returns the best shots of the ended tracks."""
        for track in frame.tracks:
            self._update(track, frame.frame)
        for key, track_id in frame.links.items():
            self._open[key].track_id = track_id
        return _shots([self._open.pop(key) for key in frame.ended if key in self._open])

    def close(self) -> Iterable[BestShot]:
        """The best shots of the tracks that are still open, ordered by track_id."""
        remaining, self._open = self._open, {}
        return _shots(remaining.values())

    def _update(self, track: Track, frame: Frame) -> None:
        rules, state = self._rules, self._open.get(track.key)
        if state is None:
            state = self._open[track.key] = _TrackState(best=_candidate(track, frame, rules, self._crop_margin))
        elif (rank := _rank(track, frame, rules)) >= state.best.rank:
            challenger = _candidate(track, frame, rules, self._crop_margin)
            if rank > state.best.rank or _tie_break(challenger, rules) > _tie_break(state.best, rules):
                state.best = challenger
        state.votes[track.type] += round(track.confidence * VOTE_UNITS)


def _candidate(track: Track, frame: Frame, rules: BestSettings, crop_margin: float) -> _Candidate:
    height, width = frame.image.shape[:2]
    return _Candidate(
        rank=_rank(track, frame, rules),
        centre=_step(_off_centre(track.box, frame.image), rules.centre_step),
        frame_index=frame.index,
        offset_ms=frame.offset_ms,
        crop=crop_with_margin(frame.image, track.box, crop_margin),
        box=track.box,
        frame_size=(width, height),
    )


def _rank(track: Track, frame: Frame, rules: BestSettings) -> tuple[bool, float, float]:
    x1, y1, x2, y2 = track.box
    area = (x2 - x1) * (y2 - y1)
    is_uncut = not _is_cut(track.box, frame.image, rules.edge_px)
    return is_uncut, _relative_step(area, rules.area_step), _step(track.confidence, rules.confidence_step)


def _tie_break(candidate: _Candidate, rules: BestSettings) -> tuple[float, float, int]:
    """The criteria that are compared if edge, area and confidence are equal."""
    if candidate.sharpness is None:
        candidate.sharpness = _relative_step(sharpness(candidate.crop), rules.sharpness_step)
    return candidate.sharpness, -candidate.centre, -candidate.frame_index


def _is_cut(box: Box, image: Image, edge_px: float) -> bool:
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    return min(x1, y1, width - x2, height - y2) <= edge_px


def _off_centre(box: Box, image: Image) -> float:
    """Distance between the centres of box and frame, in diagonals of the frame."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    return math.hypot((x1 + x2 - width) / 2, (y1 + y2 - height) / 2) / math.hypot(width, height)


def _step(value: float, step: float) -> float:
    return math.floor(value / step) if step else value


def _relative_step(value: float, step: float) -> float:
    """Index of the step that contains `value` ≥ 0; each step is larger than the previous one by the share `step`."""
    return math.floor(math.log(max(value, SMALLEST)) / math.log1p(step)) if step else value


def _shots(states: Iterable[_TrackState]) -> list[BestShot]:
    """The best shots of the confirmed tracks, ordered by track_id."""
    confirmed = [(state.track_id, state) for state in states if state.track_id is not None]
    return [_shot(track_id, state) for track_id, state in sorted(confirmed, key=lambda pair: pair[0])]


def _shot(track_id: int, state: _TrackState) -> BestShot:
    winner, best = max(YOLO_TYPES, key=lambda kind: state.votes[kind]), state.best
    return BestShot(track_id, best.offset_ms, winner, best.crop, best.box, *best.frame_size)
