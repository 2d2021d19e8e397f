"""Connects source, detector, embedder and tracker. The networks are loaded once and used for all videos."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np

from video_analysis.worker_config import TrackSettings
from video_analysis.worker_utils.errors import EnvironmentFault
from video_analysis.worker_utils.execution import concurrency
from video_analysis.yolo_worker.detection.detector import Detector
from video_analysis.yolo_worker.ports import KnownInput
from video_analysis.yolo_worker.run_key import PipelineTraits
from video_analysis.yolo_worker.source.video_file import VideoFile
from video_analysis.yolo_worker.tracking.camera_shift import with_shift
from video_analysis.yolo_worker.tracking.embedder import Embedder
from video_analysis.yolo_worker.tracking.tracker import Tracker, load_libraries
from video_analysis.yolo_worker.types import Boxes, DetectedFrame, Embeddings, Frame, SourceInfo, TrackedFrame

PROBE_PX = 640


class VisionPipeline:
    """The loaded networks; each call of `track` starts a new tracker."""

    def __init__(self, detector: Detector, embedder: Embedder, tracking: TrackSettings) -> None:
        self._detector = detector
        self._embedder = embedder
        self._tracking = tracking
        load_libraries()

    def open(self, path: Path, stride: int) -> VideoFile:
        """A local file as a source of every `stride`-th frame."""
        return VideoFile(path, stride)

    def detect(self, frames: Iterable[Frame], info: SourceInfo) -> Generator[DetectedFrame, None, None]:
        """Each frame with its boxes, in order. Another thread decodes ahead, within the detector's memory limit.

        Where the size of the frames changes, the limit is applied to the new size.
        """
        iterator = iter(frames)
        try:
            for (width, height), same_size in groupby(iterator, lambda frame: frame.size_px):
                plan = self._detector.plan(replace(info, width_px=width, height_px=height))
                with closing(concurrency.prefetch(map(_loaded, same_size), plan.batch)) as prefetched:
                    yield from self._detector.detect(prefetched, plan)
        finally:
            concurrency.close(iterator)

    def track(self, frames: Iterable[DetectedFrame], known: KnownInput | None = None) -> Iterator[TrackedFrame]:
        """Each frame with its tracks, in order. The tracker's time steps are those of the frames.

        `known` has embeddings and shifts of the camera that need not be computed.
        """
        embedder = self._embedder if known is None else _SparingEmbedder(known, self._embedder)
        return Tracker(embedder, self._calibrated()).track(with_shift(frames, known))

    def with_settings(self, detector: dict[str, object], track: dict[str, object]) -> VisionPipeline:
        """The same networks with other settings: name → valid value."""
        tracking = self._tracking.model_copy(update=track)
        return VisionPipeline(self._detector.with_settings(detector), self._embedder, tracking)

    def probe(self) -> None:
        """Run both networks on a blank frame. EnvironmentFault if that fails."""
        try:
            blank = Frame(index=0, offset_ms=0, picture=np.zeros((PROBE_PX, PROBE_PX, 3), np.uint8))
            list(self._detector.detect([blank]))
            self._embedder.embed(blank, np.array([[0, 0, PROBE_PX, PROBE_PX, 1, 0]], np.float32))
        except Exception as error:  # libraries raise many types; all mean that no video can succeed
            text = f"inference on a blank frame fails: {error}"
            raise EnvironmentFault(text, code="inference_unavailable") from error

    def traits(self) -> PipelineTraits:
        """The weights, precision and settings that determine the tracks."""
        detector, embedder = self._detector, self._embedder
        return PipelineTraits(detector.traits, detector.settings, embedder.traits, self._calibrated())

    def _calibrated(self) -> TrackSettings:
        return calibrated(self._tracking, self._embedder.match_distance)


def _loaded(frame: Frame) -> Frame:
    """The frame, of which the picture is made in this thread."""
    _ = frame.image
    return frame


class _SparingEmbedder:
    """Computes only the embeddings that are not known."""

    def __init__(self, known: KnownInput, embedder: Embedder) -> None:
        self._known = known
        self._embedder = embedder

    def embed(self, frame: Frame, boxes: Boxes) -> Embeddings:
        """One embedding per box."""
        return self._known.embed(frame, boxes, self._embedder.embed)


def calibrated(tracking: TrackSettings, match_distance: float) -> TrackSettings:
    """The settings with the network's own largest distance, unless the operator set one."""
    if "max_cosine" in tracking.model_fields_set:
        return tracking
    return tracking.model_copy(update={"max_cosine": match_distance})
