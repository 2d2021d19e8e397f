"""DeepSORT: detections linked over time into vehicles. One tracker a video, never shared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.tracking.embedder import Embeddings
from video_analysis.yolo_worker.types import Boxes, DetectedFrame, Image, Track, TrackedFrame


def load_libraries() -> None:
    """Import the tracker's libraries now: SciPy's BLAS never returns if it is imported when memory has run out."""
    import video_analysis.yolo_worker.tracking.vehicle_tracker  # noqa: F401, PLC0415


class Appearance(Protocol):
    """What tells two vehicles apart by their looks."""

    def embed(self, image: Image, boxes: Boxes) -> Embeddings:
        """A unit vector for each box."""


class Tracker:
    """Follows the vehicles of one video from its first processed frame to its last."""

    def __init__(self, appearance: Appearance, settings: TrackSettings, interval_ms: float) -> None:
        """`interval_ms` lies between two processed frames: the stride times the median of the frames' differences."""
        from video_analysis.yolo_worker.tracking.vehicle_tracker import VehicleTracker  # noqa: PLC0415

        interval_s = max(interval_ms, 1.0) / 1000
        self._appearance = appearance
        self._confidence = settings.confidence
        self._deepsort = VehicleTracker(settings, interval_s)
        self._live: set[int] = set()
        self._sure: set[int] = set()
        self._confirmed: set[int] = set()
        self._vehicles = 0

    def track(self, frames: Iterable[DetectedFrame]) -> Iterator[TrackedFrame]:
        """Each frame with the tracks matched in it, and the keys of those that ended since the frame before.

        What is still open after the last frame has not ended: the end of the video is for the caller to see.
        """
        for detected in frames:
            self._deepsort.predict()
            self._deepsort.update(self._detections(detected))
            self._deepsort.drop_exited(detected.frame.image.shape)
            matched = [track for track in self._deepsort.tracks if track.time_since_update == 0]
            tracks = [self._seen(track, detected.boxes) for track in matched]
            links = self._links(matched)
            yield TrackedFrame(detected.frame, tracks, self._ended(), links)

    def _detections(self, detected: DetectedFrame) -> Sequence[Any]:
        """As the library wants them: left, top, width, height; `others` is the number of the box."""
        from deep_sort_realtime.deep_sort.detection import Detection  # noqa: PLC0415

        looks = self._deepsort.unambiguous_matches(detected.boxes)
        unknown = [number for number in range(len(detected.boxes)) if number not in looks]
        looks |= zip(unknown, self._appearance.embed(detected.frame.image, detected.boxes[unknown]), strict=True)
        return [
            Detection((x1, y1, x2 - x1, y2 - y1), confidence, looks[number], class_name=int(kind), others=number)
            for number, (x1, y1, x2, y2, confidence, kind) in enumerate(detected.boxes.tolist())
        ]

    def _seen(self, track: Any, boxes: Boxes) -> Track:
        """The track with the box, confidence and type of its detection in this frame, not the filter's."""
        x1, y1, x2, y2, confidence, kind = boxes[track.others].tolist()
        key = int(track.track_id)
        if confidence >= self._confidence:
            self._sure.add(key)
        return Track(key, (x1, y1, x2, y2), confidence, YOLO_TYPES[int(kind)])

    def _links(self, matched: Sequence[Any]) -> Mapping[int, int]:
        """Number the tracks that are confirmed now."""
        links: dict[int, int] = {}
        for key, track in ((int(track.track_id), track) for track in matched):
            if key not in self._confirmed and track.is_confirmed() and key in self._sure:
                self._vehicles += 1
                links[key] = self._vehicles
        self._confirmed |= links.keys()
        return links

    def _ended(self) -> Sequence[int]:
        """The library drops its tracks without a word: what lived a frame ago and does not now has ended."""
        live = {int(track.track_id) for track in self._deepsort.tracks}
        ended = sorted(self._live - live)
        self._live = live
        self._sure &= live
        self._confirmed &= live
        return ended
