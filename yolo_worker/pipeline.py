"""Detector, embedder and tracker behind one interface: loaded once, used for one video after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from video_analysis.worker_config import TrackSettings
from video_analysis.worker_utils.errors import EnvironmentFault
from video_analysis.worker_utils.execution import concurrency
from video_analysis.yolo_worker.detection.detector import Detector
from video_analysis.yolo_worker.run_key import PipelineTraits
from video_analysis.yolo_worker.source.video_file import VideoFile
from video_analysis.yolo_worker.tracking.embedder import Embedder
from video_analysis.yolo_worker.tracking.tracker import Tracker, load_libraries
from video_analysis.yolo_worker.types import DetectedFrame, Frame, SourceInfo, TrackedFrame

PROBE_PX = 640


class VisionPipeline:
    """The loaded networks. Each video gets a tracker of its own."""

    def __init__(self, detector: Detector, embedder: Embedder, tracking: TrackSettings) -> None:
        self._detector = detector
        self._embedder = embedder
        self._tracking = tracking
        load_libraries()

    def open(self, path: Path, stride: int) -> VideoFile:
        """The file as a source of every `stride`-th frame."""
        return VideoFile(path, stride)

    def detect(self, frames: Iterable[Frame], info: SourceInfo) -> Generator[DetectedFrame, None, None]:
        """Vehicles in each frame, in order. Frames are read ahead by a thread of their own, within the memory bound."""
        plan = self._detector.plan(info)
        with closing(concurrency.prefetch(frames, plan.batch)) as prefetched:
            yield from self._detector.detect(prefetched, plan)

    def track(self, frames: Iterable[DetectedFrame], info: SourceInfo) -> Iterator[TrackedFrame]:
        """Detections linked over time. The time step is the source's, by its timestamps."""
        return Tracker(self._embedder, self._tracking, info.interval_ms).track(frames)

    def probe(self) -> None:
        """Run a blank frame through the networks. EnvironmentFault where the device fails even on that."""
        try:
            blank = Frame(index=0, offset_ms=0, image=np.zeros((PROBE_PX, PROBE_PX, 3), np.uint8))
            list(self._detector.detect([blank]))
            self._embedder.embed(blank, np.array([[0, 0, PROBE_PX, PROBE_PX, 1, 0]], np.float32))
        except Exception as error:  # whatever the library raises, no video would fare better
            text = f"inference fails even on a blank frame: {error}"
            raise EnvironmentFault(text, code="inference_unavailable") from error

    def traits(self) -> PipelineTraits:
        """Everything that decides which tracks are found."""
        return PipelineTraits(self._detector.traits, self._detector.settings, self._embedder.traits, self._tracking)
