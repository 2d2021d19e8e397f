"""Pipelines of yolo_worker that run no network: one with scripted vehicles, one without any."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from video_analysis.worker_config import DetectorSettings, TrackSettings
from video_analysis.worker_utils.errors import BadVideo, EnvironmentFault
from video_analysis.yolo_worker.ports import KnownInput
from video_analysis.yolo_worker.run_key import NetworkTraits, PipelineTraits
from video_analysis.yolo_worker.source.damage import Damage
from video_analysis.yolo_worker.types import Boxes, DetectedFrame, Embeddings, Frame, SourceInfo, Track, TrackedFrame


@dataclass
class FakeSource:
    """A frame for each index, 40 ms apart; fails at `breaks_at`."""

    indices: range
    breaks_at: int | None
    damage: Damage | None

    @property
    def info(self) -> SourceInfo:
        return SourceInfo(320, 240, 40.0 * self.indices.step, len(self.indices), is_live=False, is_exact=True)

    def frames(self, *, lazily: bool = False) -> Generator[Frame, None, None]:
        for index in self.indices:
            if index == self.breaks_at:
                raise BadVideo("frame 4 is more than a year into the video", code="too_long")
            yield Frame(index, index * 40, np.full((240, 320, 3), 40 * index, np.uint8))


@dataclass
class FakePipeline:
    """Each (key, id, last frame) is a vehicle that grows until that frame; the source fails at `breaks_at`."""

    vehicles: tuple[tuple[int, int, int], ...] = ((11, 1, 2), (12, 2, 4))
    frame_count: int = 6
    breaks_at: int | None = None
    damage: Damage | None = None
    growing: bool = True
    broken: bool = False
    weights: str = "fake"
    paths: list[Path] = field(default_factory=list)
    detection: DetectorSettings = field(default_factory=DetectorSettings)
    tracking: TrackSettings = field(default_factory=TrackSettings)
    detected: list[int] = field(default_factory=list)
    """The frames on which the detector ran."""
    embedded: list[int] = field(default_factory=list)
    """The frames of which an embedding was computed."""
    ended: int = 0
    """How many detections were closed."""

    def open(self, path: Path, stride: int) -> FakeSource:
        self.paths.append(path)
        return FakeSource(range(0, self.frame_count, stride), self.breaks_at, self.damage)

    def detect(self, frames: Iterable[Frame], info: SourceInfo) -> Generator[DetectedFrame, None, None]:
        try:
            for frame in frames:
                self.detected.append(frame.index)
                yield DetectedFrame(frame, np.full((1, 6), frame.index, np.float32))
        finally:
            self.ended += 1

    def track(self, frames: Iterable[DetectedFrame], known: KnownInput | None = None) -> Iterator[TrackedFrame]:
        for detected in frames:
            index = detected.frame.index
            assert (detected.boxes == index).all()
            if known is not None:
                assert (known.embed(detected.frame, detected.boxes, self._embed) == index).all()
            tracks = [self._track(key, last, index) for key, _, last in self.vehicles if index <= last]
            ended = [key for key, _, last in self.vehicles if index == last + 1]
            links = [(key, track_id) for key, track_id, _ in self.vehicles if index == 0]
            yield TrackedFrame(detected.frame, tracks, ended, links)

    def with_settings(self, detector: dict[str, object], track: dict[str, object]) -> FakePipeline:
        return replace(
            self,
            detection=self.detection.model_copy(update=detector),
            tracking=self.tracking.model_copy(update=track),
        )

    def probe(self) -> None:
        if self.broken:
            raise EnvironmentFault("the GPU fails")

    def traits(self) -> PipelineTraits:
        network = NetworkTraits(self.weights, "f32")
        return PipelineTraits(network, self.detection, network, self.tracking)

    def _embed(self, frame: Frame, boxes: Boxes) -> Embeddings:
        self.embedded.append(frame.index)
        return np.full((len(boxes), 4), frame.index, np.float32)

    def _track(self, key: int, last: int, index: int) -> Track:
        size = 60 + 20 * (index if self.growing else last - index)
        return Track(key, (20.0, 20.0, 20.0 + size, 20.0 + size), 0.9, "Car")


class EmptySource:
    """A source without a frame."""

    info = SourceInfo(320, 240, interval_ms=40, announced_frames=0, is_live=False)
    damage = None

    def frames(self, *, lazily: bool = False) -> Generator[Frame, None, None]:
        yield from ()


class EmptyPipeline:
    """Detects nothing in any video."""

    def open(self, path: Path, stride: int) -> EmptySource:
        return EmptySource()

    def detect(self, frames: Iterable[Frame], info: SourceInfo) -> Generator[DetectedFrame, None, None]:
        yield from ()

    def track(self, frames: Iterable[DetectedFrame], known: KnownInput | None = None) -> Iterator[TrackedFrame]:
        yield from ()

    def with_settings(self, detector: dict[str, object], track: dict[str, object]) -> EmptyPipeline:
        return self

    def probe(self) -> None:
        pass

    def traits(self) -> PipelineTraits:
        network = NetworkTraits("empty", "f32")
        return PipelineTraits(network, DetectorSettings(), network, TrackSettings())
