"""DeepSORT: detections linked over time into vehicles. One tracker a video, never shared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.tracking.embedder import Embeddings
from video_analysis.yolo_worker.types import Boxes, DetectedFrame, Image, Track, TrackedFrame


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
        self._numbers: dict[int, int] = {}
        self._vehicles = 0

    def track(self, frames: Iterable[DetectedFrame]) -> Iterator[TrackedFrame]:
        """Each frame with the tracks matched in it, and the keys of those that ended since the frame before.

        What is still open after the last frame has not ended: the end of the video is for the caller to see.
        """
        for detected in frames:
            self._deepsort.predict()
            self._deepsort.update(self._detections(detected))
            self._deepsort.end_departed(detected.frame.image.shape)
            matched = [track for track in self._deepsort.tracks if track.time_since_update == 0]
            tracks = [self._seen(track, detected.boxes) for track in matched]
            yield TrackedFrame(detected.frame, tracks, self._ended())

    def _detections(self, detected: DetectedFrame) -> Sequence[Any]:
        """As the library wants them: left, top, width, height; `others` is the number of the box."""
        from deep_sort_realtime.deep_sort.detection import Detection  # noqa: PLC0415

        looks = self._deepsort.recognised(detected.boxes)
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
        if key not in self._numbers and track.is_confirmed() and key in self._sure:
            self._vehicles += 1
            self._numbers[key] = self._vehicles
        return Track(key, self._numbers.get(key), (x1, y1, x2, y2), confidence, YOLO_TYPES[int(kind)])

    def _ended(self) -> Sequence[int]:
        """The library drops its tracks without a word: what lived a frame ago and does not now has ended."""
        live = {int(track.track_id) for track in self._deepsort.tracks}
        ended = sorted(self._live - live)
        self._live = live
        self._sure &= live
        for key in ended:
            self._numbers.pop(key, None)
        return ended
