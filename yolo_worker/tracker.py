"""DeepSORT: detections linked over time into vehicles. One tracker a video, never shared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from video_analysis.yolo_worker.embedder import Embeddings
from video_analysis.yolo_worker.stages import Boxes, DetectedFrame, Image, Track, TrackedFrame
from video_analysis.yolo_worker.taxonomy import YOLO_TYPES

ASSOCIATION = 1
"""Raised whenever association.py finds other tracks than before: then a rerun is another run."""
FEWEST_HITS = 2
"""A vehicle seen in one frame alone is taken for a slip of the detector."""


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """When two detections are one vehicle. All of it decides which tracks are found."""

    n_init: int
    """Detections in consecutive processed frames that confirm a track, at most."""
    confirm_s: float
    """A track need not be watched for longer than this: at large strides fewer detections confirm it, two at least."""
    confidence: float
    """At least one detection of a confirmed track is this sure."""
    max_age_s: float
    """A track ends when it has not been seen for this long."""
    gap_s: float
    """Up to here a track that was lost is found again by its place alone; later by its appearance as well."""
    speed: float
    """How far a vehicle may move in a second, in lengths of its box."""
    max_cosine: float
    max_iou_distance: float
    nn_budget: int
    """Appearance vectors kept of each track: the cost of a frame grows with them."""

    def hits(self, interval_s: float) -> int:
        """Detections that confirm a track, at this interval between processed frames."""
        return max(FEWEST_HITS, min(self.n_init, math.floor(self.confirm_s / interval_s)))

    def max_age(self, interval_s: float) -> int:
        """Processed frames that a track may go unseen."""
        return max(1, math.floor(self.max_age_s / interval_s))

    @property
    def traits(self) -> Mapping[str, object]:
        """What enters the run's key."""
        return {"association": ASSOCIATION, **asdict(self)}


class Appearance(Protocol):
    """What tells two vehicles apart by their looks."""

    def embed(self, image: Image, boxes: Boxes) -> Embeddings:
        """A unit vector for each box."""


class Tracker:
    """Follows the vehicles of one video from its first processed frame to its last."""

    def __init__(self, appearance: Appearance, settings: TrackerSettings, interval_ms: float) -> None:
        """`interval_ms` lies between two processed frames: the stride times the median of the frames' differences."""
        from video_analysis.yolo_worker.association import VehicleTracker  # noqa: PLC0415

        interval_s = max(interval_ms, 1.0) / 1000
        self._appearance = appearance
        self._confidence = settings.confidence
        self._deepsort = VehicleTracker(
            interval_s=interval_s,
            n_init=settings.hits(interval_s),
            max_age=settings.max_age(interval_s),
            max_cosine=settings.max_cosine,
            max_iou_distance=settings.max_iou_distance,
            nn_budget=settings.nn_budget,
            speed=settings.speed,
            gap_s=settings.gap_s,
        )
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
            matched = [track for track in self._deepsort.tracks if track.time_since_update == 0]
            tracks = [self._seen(track, detected.boxes) for track in matched]
            yield TrackedFrame(detected.frame, tracks, self._ended())

    def _detections(self, detected: DetectedFrame) -> Sequence[Any]:
        """As the library wants them: left, top, width, height; `others` is the number of the box."""
        from deep_sort_realtime.deep_sort.detection import Detection  # noqa: PLC0415

        vectors = self._appearance.embed(detected.frame.image, detected.boxes)
        return [
            Detection((x1, y1, x2 - x1, y2 - y1), confidence, vectors[number], class_name=int(kind), others=number)
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
