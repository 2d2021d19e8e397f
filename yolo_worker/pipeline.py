"""Detector, embedder and tracker behind one door: loaded once, used for one video after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from video_analysis.worker_config import TrackSettings
from video_analysis.worker_utils.errors import EnvironmentFault
from video_analysis.yolo_worker.detection.detector import Detector
from video_analysis.yolo_worker.run_key import VisionTraits
from video_analysis.yolo_worker.source import video
from video_analysis.yolo_worker.tracking.embedder import Embedder
from video_analysis.yolo_worker.tracking.tracker import Tracker
from video_analysis.yolo_worker.types import DetectedFrame, Frame, TrackedFrame

PROBE_PX = 640
PROBE_INTERVAL_MS = 40.0


class VideoVision:
    """The loaded networks; each video gets a tracker of its own."""

    def __init__(self, detector: Detector, embedder: Embedder, tracking: TrackSettings) -> None:
        self._detector = detector
        self._embedder = embedder
        self._tracking = tracking
        # Loads the tracker's libraries now: scipy's BLAS spins for ever if it is imported when memory has run out.
        Tracker(embedder, tracking, interval_ms=PROBE_INTERVAL_MS)

    def frames(self, path: Path, stride: int) -> Iterator[Frame]:
        """Every `stride`-th frame of the file. BadVideo where it cannot be read to its end."""
        return video.frames(path, stride)

    def detect(self, frames: Iterable[Frame]) -> Iterator[DetectedFrame]:
        """Vehicles in each frame, in order."""
        return self._detector.detect(frames)

    def track(self, frames: Iterable[DetectedFrame], path: Path, stride: int) -> Iterator[TrackedFrame]:
        """Detections linked over time; the file tells how far apart its frames are."""
        interval_ms = video.probe(path).median_interval_ms * stride
        return Tracker(self._embedder, self._tracking, interval_ms).track(frames)

    def probe(self) -> None:
        """Look at a blank frame: EnvironmentFault where the device fails even on that."""
        try:
            blank = Frame(index=0, offset_ms=0, image=np.zeros((PROBE_PX, PROBE_PX, 3), np.uint8))
            list(self._detector.detect([blank]))
            self._embedder.embed(blank.image, np.array([[0, 0, PROBE_PX, PROBE_PX, 1, 0]], np.float32))
        except Exception as error:  # whatever the vendor raises, no video would fare better
            text = f"inference fails even on a blank frame: {error}"
            raise EnvironmentFault(text, code="inference_unavailable") from error

    def traits(self) -> VisionTraits:
        """Everything that decides which tracks are found."""
        return VisionTraits(self._detector.traits, self._detector.settings, self._embedder.traits, self._tracking)
