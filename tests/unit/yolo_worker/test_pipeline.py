"""Detection follows the size of the frames, and closes their source however it ends."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import cast

import numpy as np

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.detection.detector import DetectionPlan, Detector
from video_analysis.yolo_worker.pipeline import VisionPipeline
from video_analysis.yolo_worker.tracking.embedder import Embedder
from video_analysis.yolo_worker.types import DetectedFrame, Frame, SourceInfo

SIZES = [(160, 90)] * 5 + [(320, 180)] * 3 + [(160, 90)] * 2
INFO = SourceInfo(*SIZES[0], interval_ms=40, announced_frames=10, is_live=False)


class BlindDetector:
    """Finds nothing; records the sizes for which memory was planned."""

    def __init__(self) -> None:
        self.planned: list[tuple[int, int]] = []

    def plan(self, info: SourceInfo) -> DetectionPlan:
        self.planned.append((info.width_px, info.height_px))
        return DetectionPlan(2, 1)

    def detect(self, frames: Iterable[Frame], plan: DetectionPlan) -> Generator[DetectedFrame, None, None]:
        for frame in frames:
            yield DetectedFrame(frame, np.zeros((0, 6), np.float32))


class Film:
    """Frames of changing sizes."""

    def __init__(self) -> None:
        self.is_closed = False

    def frames(self) -> Iterator[Frame]:
        try:
            for index, (width, height) in enumerate(SIZES):
                yield Frame(index, 40 * index, np.zeros((height, width, 3), np.uint8))
        finally:
            self.is_closed = True


def pipeline(detector: BlindDetector) -> VisionPipeline:
    return VisionPipeline(cast("Detector", detector), cast("Embedder", None), TrackSettings())


def test_memory_is_planned_again_where_the_size_changes() -> None:
    detector, film = BlindDetector(), Film()
    given = [detected.frame.index for detected in pipeline(detector).detect(film.frames(), INFO)]
    assert given == list(range(10))
    assert detector.planned == [(160, 90), (320, 180), (160, 90)]
    assert film.is_closed


def test_the_source_is_closed_where_detection_ends_early() -> None:
    film = Film()
    with closing(pipeline(BlindDetector()).detect(film.frames(), INFO)) as seen:
        next(seen)
        assert not film.is_closed
    assert film.is_closed
