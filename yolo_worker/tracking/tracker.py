"""DeepSORT: links detections over time to tracks. Each video needs a new tracker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.types import Boxes, DetectedFrame, Embeddings, Frame, Track, TrackedFrame


def load_libraries() -> None:
    """Import the tracker's libraries before the first video: an import of SciPy hangs when memory has run out."""
    import video_analysis.yolo_worker.tracking.vehicle_tracker  # noqa: F401, PLC0415


class AppearanceEmbedder(Protocol):
    """Computes embeddings, or reads them from a checkpoint by the frame's index."""

    def embed(self, frame: Frame, boxes: Boxes) -> Embeddings:
        """One embedding per box."""


class Tracker:
    def __init__(self, embedder, settings, interval_ms):
        from video_analysis.yolo_worker.tracking.vehicle_tracker import VehicleTracker
        self._embedder = embedder
        self._min_confidence = settings.confidence
        self._core = VehicleTracker(settings, settings.max_cosine)
        self._last_track_id = 0

    def track(self, frames):
        for detected in frames:
            boxes = detected.boxes
            h, w = detected.frame.image.shape[:2]
            ended = self._core.step(detected.frame.offset_ms / 1000, boxes, lambda rows: self._embedder.embed(detected.frame, boxes[list(rows)]), detected.shift, (w, h))
            ended += self._core.drop_exited(-detected.shift[0], -detected.shift[1], w - detected.shift[0], h - detected.shift[1])
            links = {}
            tracks = []
            for t in self._core.tracks:
                if t.row is None: continue
                x1, y1, x2, y2, conf, kind = boxes[t.row].tolist()
                tracks.append(Track(t.key, (x1, y1, x2, y2), conf, YOLO_TYPES[int(kind)]))
                if t.is_confirmed and t.track_id is None and t.confidence >= self._min_confidence:
                    self._last_track_id += 1
                    links[t.key] = t.track_id = self._last_track_id
            yield TrackedFrame(detected.frame, tracks, sorted(t.key for t in ended), links)
