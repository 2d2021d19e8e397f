"""Stage 1 in process: run_poller's pipeline, best-shot selection, and the encoded snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from video_analysis.benchmarks.mot import track_ids
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.sinks import drain
from video_analysis.yolo_worker.sinks.best_shot import BestShotSink
from video_analysis.yolo_worker.source import video
from video_analysis.yolo_worker.tracking import settings
from video_analysis.yolo_worker.types import BestShot, Box, Boxes, DetectedFrame, Frame, TrackedFrame

Detect = Callable[[Iterable[Frame]], Iterator[DetectedFrame]]
LEAST_CONFIDENCE = 0.01
"""Detection threshold for the precision curve, which needs boxes below the worker's threshold."""


@dataclass(frozen=True, slots=True)
class TrackBox:
    """A track in one frame."""

    key: int
    box: Box
    confirmed: bool
    """Confirmed in this frame or later."""


@dataclass(frozen=True, slots=True)
class ProcessedFrame:
    """A processed frame and the tracks matched in it."""

    index: int
    offset_ms: int
    tracks: Sequence[TrackBox]


@dataclass(frozen=True, slots=True)
class Shot:
    """A snapshot: its frame and box, and the JPEG as stored in S3."""

    key: int
    """Key of its track."""
    frame: int
    """Index of its frame in the video."""
    offset_ms: int
    box: Box
    type: YoloType
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class StageOneResult:
    """Stage 1's output for one video at one stride."""

    stride: int
    hits: int
    """Number of processed frames in a row that confirm a track."""
    frames: Sequence[ProcessedFrame]
    shots: Sequence[Shot]


class StageOne:
    """The loaded networks of stage 1. ConfigurationError if weights are missing or invalid."""

    def __init__(self, config: WorkerConfig) -> None:
        self.pipeline = run_poller.pipeline(config)
        unsure = config.detector.model_copy(update={"confidence": LEAST_CONFIDENCE})
        self._unsure = run_poller.detector(config.model_copy(update={"detector": unsure}))
        self._best = config.best
        self._track = config.track
        self._snapshot = config.snapshot

    def process(self, clip: Path, stride: int, detect: Detect | None = None) -> StageOneResult:
        """Process one video; `detect` replaces the detector if given."""
        kept: list[TrackedFrame] = []
        source = self.pipeline.open(clip, stride)
        frames = source.frames()
        detected = self.pipeline.detect(frames, source.info) if detect is None else detect(frames)
        tracked = _remembered(self.pipeline.track(detected), kept)
        sink = BestShotSink(self._best, self._snapshot.crop_margin)
        chosen = [(shot, self._jpeg(shot)) for shot in drain.results(tracked, sink)]
        ids = track_ids(kept)
        keys = {track_id: key for key, track_id in reversed(ids.items())}
        first_keys = {key: keys[track_id] for key, track_id in ids.items()}
        result = [
            ProcessedFrame(
                frame.frame.index,
                frame.frame.offset_ms,
                [TrackBox(first_keys.get(track.key, track.key), track.box, track.key in ids) for track in frame.tracks],
            )
            for frame in kept
        ]
        hits = settings.hits(self._track, source.info.interval_ms / 1000)
        return StageOneResult(
            stride, hits, result, [_located(shot, jpeg, keys[shot.track_id], result) for shot, jpeg in chosen]
        )

    def detections(self, clip: Path, stride: int) -> list[tuple[int, Boxes]]:
        """(frame index, boxes) of every `stride`-th frame, down to LEAST_CONFIDENCE."""
        return [(seen.frame.index, seen.boxes) for seen in self._unsure.detect(video.frames(clip, stride))]

    def _jpeg(self, shot: BestShot) -> bytes:
        return encode_snapshot(shot.crop, self._snapshot.jpeg_quality)


def _remembered(tracked: Iterable[TrackedFrame], kept: list[TrackedFrame]) -> Iterator[TrackedFrame]:
    """Pass the frames on, and keep copies without images in `kept`."""
    for one in tracked:
        yield one
        blank = Frame(one.frame.index, one.frame.offset_ms, np.zeros((0, 0, 3), np.uint8))
        kept.append(TrackedFrame(blank, one.tracks, one.ended, one.links))


def _located(shot: BestShot, jpeg: bytes, key: int, frames: Sequence[ProcessedFrame]) -> Shot:
    """A best shot with frame index and box, found by its time and track."""
    ((index, box),) = [
        (frame.index, track.box)
        for frame in frames
        if frame.offset_ms == shot.offset_ms
        for track in frame.tracks
        if track.key == key
    ]
    return Shot(key, index, shot.offset_ms, box, shot.type, jpeg)
