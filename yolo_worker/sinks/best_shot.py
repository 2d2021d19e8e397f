"""Selects the best frame of each track. Pure; keeps a few crops per open track and no frame.

Priority: not cut → typical size → area → confidence → sharpness → centre → earlier. A box is cut by the edge of its
area: the frame without bars, or a tile of a mosaic. The area is the visible one: without what the box of a vehicle in
front covers. Values are quantised into steps, so that the next criterion decides between similar frames. The steps have
fixed bounds, so the order is total.

Whether a box is of typical size is known only after some more detections of its track (see `typical_area`). Until then
its candidate waits, if it can be the best at all.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from video_analysis.worker_config import BestSettings
from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.worker_utils.imaging.crop import crop_with_margin, sharpness
from video_analysis.yolo_worker.detection.postprocess import containment_of
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.sinks.typical_area import NEIGHBOURS, AreaHistory
from video_analysis.yolo_worker.types import Area, BestShot, Box, Frame, Image, Track, TrackedFrame

SMALLEST = 1e-6
VOTE_UNITS = 1_000_000
"""Votes are integers, in millionths of confidence: a sum of floats would depend on the order."""

_Rank = tuple[bool, float, float]
"""Not cut by the edge, visible area, confidence."""


@dataclass(slots=True)
class _Candidate:
    """A track in one frame. Its sharpness is computed only when a comparison needs it."""

    rank: _Rank
    position: int
    """Number of earlier detections of the track."""
    centre: float
    frame_index: int
    offset_ms: int
    crop: Image
    box: Box
    frame_size: tuple[int, int]
    """Width and height in px."""
    is_typical: bool = True
    sharpness: float | None = None

    def beats(self, other: _Candidate, rules: BestSettings) -> bool:
        """It comes first in the order of priority."""
        own, others = self.priority, other.priority
        return own > others or (own == others and _tie_break(self, rules) > _tie_break(other, rules))

    @property
    def priority(self) -> tuple[bool, bool, float, float]:
        """The criteria that are known without the crop."""
        is_uncut, area, confidence = self.rank
        return is_uncut, self.is_typical, area, confidence


@dataclass(slots=True)
class _TrackState:
    """The state of an open track."""

    best: _Candidate | None = None
    waiting: deque[_Candidate] = field(default_factory=deque)
    """The latest candidates, before it is known whether they are typical."""
    areas: AreaHistory = field(default_factory=AreaHistory)
    track_id: int | None = None
    is_emitted: bool = False
    """The vehicle's best shot left earlier: emission is final."""
    votes: Counter[YoloType] = field(default_factory=Counter)


class BestShotSink:
    """A TrackSink: one best shot per confirmed track, returned as soon as the track has ended."""

    def __init__(self, rules: BestSettings, crop_margin: float) -> None:
        """`crop_margin` is added on each side of the box, as a share of its width and height."""
        self._rules = rules
        self._crop_margin = crop_margin
        self._open: dict[int, _TrackState] = {}
        self._last_track_id = 0

    def observe(self, frame: TrackedFrame) -> Iterable[BestShot]:
        """Compare the frame with the best frame of each of its tracks. Returns the best shots of the ended tracks."""
        for track, visible in zip(frame.tracks, _visible_shares(frame.tracks), strict=True):
            self._update(track, visible, frame.frame)
        for key, track_id in frame.links:
            self._link(key, track_id)
        self._last_track_id = max([self._last_track_id, *(track_id for _, track_id in frame.links)])
        return self._shots([self._open.pop(key) for key in frame.ended if key in self._open])

    def close(self) -> Iterable[BestShot]:
        """The best shots of the tracks that are still open, ordered by track_id."""
        remaining, self._open = self._open, {}
        return self._shots(remaining.values())

    def _link(self, key: int, track_id: int) -> None:
        """The track belongs to the vehicle `track_id`, which other tracks may have shown before."""
        state = self._open[key]
        if state.track_id == track_id:
            return
        earlier = [other for other, one in self._open.items() if one.track_id == track_id]
        state.track_id = track_id
        state.is_emitted = not earlier and track_id <= self._last_track_id
        for other in earlier:
            self._join(state, self._open.pop(other))

    def _join(self, state: _TrackState, earlier: _TrackState) -> None:
        """Add what was seen of the vehicle in an earlier track."""
        state.is_emitted |= earlier.is_emitted
        self._compare_all(earlier)
        if state.best is None or (earlier.best is not None and earlier.best.beats(state.best, self._rules)):
            state.best = earlier.best
        state.votes += earlier.votes

    def _compare_all(self, state: _TrackState) -> None:
        while state.waiting:
            self._compare(state)

    def _update(self, track: Track, visible: float, frame: Frame) -> None:
        """Add a detection of a track of which the share `visible` can be seen."""
        state = self._open.setdefault(track.key, _TrackState())
        rank = _rank(track, visible, frame, self._rules)
        if state.best is None or (rank[0], True, *rank[1:]) >= state.best.priority:
            state.waiting.append(self._candidate(track, rank, state.areas.count, frame))
        state.areas.add(_area(track.box))
        state.votes[track.type] += round(track.confidence * VOTE_UNITS)
        while state.waiting and state.waiting[0].position + NEIGHBOURS < state.areas.count:
            self._compare(state)

    def _compare(self, state: _TrackState) -> None:
        """Compare the longest waiting candidate with the best one."""
        challenger = state.waiting.popleft()
        factor = self._rules.outlier_area
        challenger.is_typical = not factor or state.areas.is_typical(challenger.position, factor)
        if state.best is None or challenger.beats(state.best, self._rules):
            state.best = challenger

    def _candidate(self, track: Track, rank: _Rank, position: int, frame: Frame) -> _Candidate:
        return _Candidate(
            rank=rank,
            position=position,
            centre=_step(_off_centre(track.box, frame.area_of(track.box)), self._rules.centre_step),
            frame_index=frame.index,
            offset_ms=frame.offset_ms,
            crop=crop_with_margin(frame.image, track.box, self._crop_margin, frame.area_of(track.box)),
            box=track.box,
            frame_size=frame.size_px,
        )

    def _shots(self, states: Iterable[_TrackState]) -> list[BestShot]:
        """The best shots of the confirmed tracks, ordered by track_id."""
        shots = []
        for state in states:
            self._compare_all(state)
            if state.track_id is not None and state.best is not None and not state.is_emitted:
                shots.append(_shot(state.track_id, state.best, state.votes))
        return sorted(shots, key=lambda shot: shot.track_id)


def _rank(track: Track, visible: float, frame: Frame, rules: BestSettings) -> _Rank:
    is_uncut = not _is_cut(track.box, frame.area_of(track.box), rules.edge_px)
    area = _relative_step(visible * _area(track.box), rules.area_step)
    return is_uncut, area, _step(track.confidence, rules.confidence_step)


def _area(box: Box) -> float:
    x1, y1, x2, y2 = box
    return (x2 - x1) * (y2 - y1)


def _visible_shares(tracks: Sequence[Track]) -> Sequence[float]:
    """Of each box: the share that no box in front covers. Of two boxes, the one with the lower edge is in front."""
    if len(tracks) < 2:
        return [1.0] * len(tracks)
    boxes = np.array([track.box for track in tracks], np.float64)
    is_in_front = boxes[None, :, 3] > boxes[:, None, 3]
    covered = np.where(is_in_front, containment_of(boxes, boxes), 0).max(1)
    shares: list[float] = (1 - covered).tolist()
    return shares


def _tie_break(candidate: _Candidate, rules: BestSettings) -> tuple[float, float, int]:
    """The criteria that are compared if edge, area and confidence are equal."""
    if candidate.sharpness is None:
        candidate.sharpness = _relative_step(sharpness(candidate.crop), rules.sharpness_step)
    return candidate.sharpness, -candidate.centre, -candidate.frame_index


def _is_cut(box: Box, area: Area, edge_px: float) -> bool:
    left, top, right, bottom = area
    x1, y1, x2, y2 = box
    return min(x1 - left, y1 - top, right - x2, bottom - y2) <= edge_px


def _off_centre(box: Box, area: Area) -> float:
    """Distance between the centres of box and area, in diagonals of the area."""
    left, top, right, bottom = area
    x1, y1, x2, y2 = box
    distance = math.hypot((x1 + x2 - left - right) / 2, (y1 + y2 - top - bottom) / 2)
    return distance / math.hypot(right - left, bottom - top)


def _step(value: float, step: float) -> float:
    """Index of the step that contains `value`; steps below SMALLEST mean an exact comparison, as 0 does."""
    return math.floor(value / step) if step >= SMALLEST else value


def _relative_step(value: float, step: float) -> float:
    """Index of the step that contains `value` ≥ 0; each step is larger than the previous one by the share `step`."""
    return math.floor(math.log(max(value, SMALLEST)) / math.log1p(step)) if step >= SMALLEST else value


def _shot(track_id: int, best: _Candidate, votes: Counter[YoloType]) -> BestShot:
    winner = max(YOLO_TYPES, key=lambda kind: votes[kind])
    return BestShot(track_id, best.offset_ms, winner, best.crop, best.box, *best.frame_size)
