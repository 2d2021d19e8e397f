"""Links detections over time to tracks. Each video needs a new tracker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.tracking.observation import Observation
from video_analysis.yolo_worker.tracking.track_state import Changes, VehicleTrack
from video_analysis.yolo_worker.types import Boxes, DetectedFrame, Embeddings, Frame, Track, TrackedFrame


def load_libraries() -> None:
    """Import the tracker's libraries before the first video: an import of SciPy hangs when memory has run out."""
    import video_analysis.yolo_worker.tracking.vehicle_tracker  # noqa: F401, PLC0415


class AppearanceEmbedder(Protocol):
    """Computes embeddings, or reads them from a checkpoint by the frame's index."""

    def embed(self, frame: Frame, boxes: Boxes) -> Embeddings:
        """One embedding per box."""


class Tracker:
    """Tracks the vehicles of one video. Boxes, embeddings, times and the camera's shift determine the tracks."""

    def __init__(self, embedder: AppearanceEmbedder, settings: TrackSettings) -> None:
        from video_analysis.yolo_worker.tracking.vehicle_tracker import VehicleTracker  # noqa: PLC0415

        self._embedder = embedder
        self._min_confidence = settings.confidence
        self._vehicles = VehicleTracker(settings)
        self._last_track_id = 0

    def track(self, frames: Iterable[DetectedFrame]) -> Iterator[TrackedFrame]:
        """Each frame with its matched tracks, and the keys of the tracks that ended since the previous frame.

        A new frame size ends all tracks: their boxes and speeds are in pixels of the old one. Tracks that are still
        open after the last frame are not reported as ended; sinks end them in `close`.
        """
        size_px: tuple[int, int] | None = None
        waiting: TrackedFrame | None = None
        for detected in frames:
            if waiting is not None:
                yield waiting
            is_resized, size_px = detected.frame.size_px != size_px, detected.frame.size_px
            before = self._vehicles.end_all() if is_resized else Changes([], [])
            waiting = self._tracked(detected, before)
        if waiting is not None:
            yield replace(waiting, links=[*waiting.links, *_links(self._vehicles.end_all().joined)])

    def _tracked(self, detected: DetectedFrame, before: Changes) -> TrackedFrame:
        """Process a frame. `before` is what was decided before it."""
        changes = self._step(detected)
        ended = sorted(track.key for track in before.ended + changes.ended)
        matched = [track for track in self._vehicles.tracks if track.row is not None]
        tracks = [_matched_track(track, detected.boxes) for track in matched]
        links = _links(before.joined + changes.joined) + self._link(matched)
        return TrackedFrame(detected.frame, tracks, ended, links)

    def _step(self, detected: DetectedFrame) -> Changes:
        frame = detected.frame
        seen = Observation(frame.offset_ms / 1000, detected.boxes, detected.shift, frame.size_px)
        return self._vehicles.step(seen, lambda boxes: self._embedder.embed(frame, boxes))

    def _link(self, matched: Sequence[VehicleTrack]) -> list[tuple[int, int]]:
        """Give a track_id to each track that is confirmed from this frame on: a new one, or that of an older track."""
        confirmed = [track for track in matched if track.track_id is None and self._is_sure(track)]
        self._vehicles.link(confirmed)
        for track in confirmed:
            if track.track_id is None:
                self._last_track_id += 1
                track.track_id = self._last_track_id
        return _links(confirmed)

    def _is_sure(self, track: VehicleTrack) -> bool:
        return track.is_confirmed and track.confidence >= self._min_confidence


def _links(tracks: Iterable[VehicleTrack]) -> list[tuple[int, int]]:
    """(key, track_id)."""
    return [(track.key, track.track_id) for track in tracks if track.track_id is not None]


def _matched_track(track: VehicleTrack, boxes: Boxes) -> Track:
    """The track with box, confidence and type of its detection in this frame, not those of the Kalman filter."""
    x1, y1, x2, y2, confidence, kind = boxes[track.row].tolist()
    return Track(track.key, (x1, y1, x2, y2), confidence, YOLO_TYPES[int(kind)])
