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
    """Tracks the vehicles of one video."""

    def __init__(self, embedder: AppearanceEmbedder, settings: TrackSettings, interval_ms: float) -> None:
        """`interval_ms` is the time between two processed frames, see `SourceInfo.interval_ms`."""
        from video_analysis.yolo_worker.tracking.vehicle_tracker import VehicleTracker  # noqa: PLC0415

        interval_s = max(interval_ms, 1.0) / 1000
        self._embedder = embedder
        self._min_confidence = settings.confidence
        self._deepsort = VehicleTracker(settings, interval_s)
        self._live: set[int] = set()
        self._confident: set[int] = set()
        self._linked: set[int] = set()
        self._last_track_id = 0

    def track(self, frames: Iterable[DetectedFrame]) -> Iterator[TrackedFrame]:
        """Each frame with its matched tracks, and the keys of the tracks that ended since the previous frame.

        A new frame size ends all tracks: their boxes and speeds are in pixels of the old one. Tracks that are still
        open after the last frame are not reported as ended; sinks end them in `close`.
        """
        shape: tuple[int, ...] | None = None
        for detected in frames:
            if detected.frame.image.shape != shape:
                shape, self._deepsort.tracks = detected.frame.image.shape, []
            self._deepsort.predict()
            self._deepsort.update(self._detections(detected))
            self._deepsort.drop_exited(detected.frame.image.shape)
            matched = [track for track in self._deepsort.tracks if track.time_since_update == 0]
            tracks = [self._matched_track(track, detected.boxes) for track in matched]
            links = self._link(matched)
            yield TrackedFrame(detected.frame, tracks, self._end(), links)

    def _detections(self, detected: DetectedFrame) -> Sequence[Any]:
        """The boxes in the library's form: left, top, width, height; `others` is the row of the box.

        A detection that clearly continues a track reuses that track's last embedding.
        """
        from deep_sort_realtime.deep_sort.detection import Detection  # noqa: PLC0415

        embeddings = self._deepsort.unambiguous_matches(detected.boxes)
        missing = [row for row in range(len(detected.boxes)) if row not in embeddings]
        embeddings |= zip(missing, self._embedder.embed(detected.frame, detected.boxes[missing]), strict=True)
        return [
            Detection((x1, y1, x2 - x1, y2 - y1), confidence, embeddings[row], class_name=int(kind), others=row)
            for row, (x1, y1, x2, y2, confidence, kind) in enumerate(detected.boxes.tolist())
        ]

    def _matched_track(self, track: Any, boxes: Boxes) -> Track:
        """The track with box, confidence and type of its detection in this frame, not those of the Kalman filter."""
        x1, y1, x2, y2, confidence, kind = boxes[track.others].tolist()
        key = int(track.track_id)
        if confidence >= self._min_confidence:
            self._confident.add(key)
        return Track(key, (x1, y1, x2, y2), confidence, YOLO_TYPES[int(kind)])

    def _link(self, matched: Sequence[Any]) -> Mapping[int, int]:
        """Give a track_id to each track that is confirmed from this frame on."""
        links: dict[int, int] = {}
        for key, track in ((int(track.track_id), track) for track in matched):
            if key not in self._linked and track.is_confirmed() and key in self._confident:
                self._last_track_id += 1
                links[key] = self._last_track_id
        self._linked |= links.keys()
        return links

    def _end(self) -> Sequence[int]:
        """Forget the tracks that the library deleted since the previous frame. Returns their keys."""
        live = {int(track.track_id) for track in self._deepsort.tracks}
        ended = sorted(self._live - live)
        self._live = live
        self._confident &= live
        self._linked &= live
        return ended
