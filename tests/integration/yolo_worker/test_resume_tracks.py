"""With real networks: what is stored of a clip's first frames gives the same tracks, bit for bit, without a network."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from video_analysis.worker_config import WorkerConfig
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.pipeline import VisionPipeline
from video_analysis.yolo_worker.runs import checkpoint_format
from video_analysis.yolo_worker.runs.frame_input import FrameInput
from video_analysis.yolo_worker.runs.tracker_input import TrackerInput
from video_analysis.yolo_worker.types import DetectedFrame, Frame, TrackedFrame

FRAMES = 60


class Memory:
    """Stored frames that are kept in memory; also what the tracker's input writes to."""

    def __init__(self, frames: Iterable[FrameInput] = ()) -> None:
        self.frames = {frame.index: frame for frame in frames}
        self.count = 0

    def add(self, frame: FrameInput) -> None:
        self.frames[frame.index] = frame

    def close(self, *, keep: bool) -> None:
        pass

    def take(self, index: int) -> FrameInput | None:
        return self.frames.get(index)


@pytest.fixture(scope="module")
def clip(shared_data: Path) -> Path:
    return shared_data / "video" / "otvision_cars_truck_800x600_60f.mp4"


@pytest.fixture(scope="module")
def pipeline(shared_data: Path, model_cache: Path) -> VisionPipeline:
    weights = shared_data / "models" / "yolov8n_coco.pt"
    return run_poller.pipeline(WorkerConfig(yolo_weights=weights, cache_dir=model_cache, threads=2))


def tracks(pipeline: VisionPipeline, clip: Path, known: Any, detected: list[int]) -> list[TrackedFrame]:
    """The tracked frames; `detected` gets the frames on which the detector ran."""
    source = pipeline.open(clip, 1)

    def detect(frames: Iterable[Frame]) -> Generator[DetectedFrame, None, None]:
        for one in pipeline.detect(frames, source.info):
            detected.append(one.frame.index)
            yield one

    with known:
        return list(pipeline.track(known.frames(source.frames(lazily=known.has_stored), detect), known))


def facts(frames: list[TrackedFrame]) -> list[Any]:
    return [(one.frame.index, one.tracks, one.ended, one.links) for one in frames]


def test_a_continued_clip_has_the_tracks_of_an_undisturbed_one(
    pipeline: VisionPipeline, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Memory()
    undisturbed = tracks(pipeline, clip, TrackerInput(writer=written), [])  # type: ignore[arg-type]
    assert sum(len(frame.tracks) for frame in undisturbed) > FRAMES
    assert list(written.frames) == list(range(FRAMES))
    assert sum(len(frame.vectors) for frame in written.frames.values()) > 0
    for stored in (40, FRAMES):
        content = checkpoint_format.encode(list(islice(written.frames.values(), stored)))
        frames = checkpoint_format.decode(content)
        assert all(
            np.array_equal(frame.boxes, written.frames[frame.index].boxes) and frame.boxes.dtype == np.float32
            for frame in frames
        )
        detected, embed = list[int](), partial(refuse_before, stored, pipeline)
        monkeypatch.setattr(pipeline._embedder, "embed", embed)
        continued = tracks(pipeline, clip, TrackerInput(Memory(frames)), detected)  # type: ignore[arg-type]
        monkeypatch.undo()
        assert detected == list(range(stored, FRAMES))
        assert facts(continued) == facts(undisturbed)


def refuse_before(stored: int, pipeline: VisionPipeline, frame: Frame, boxes: Any) -> Any:
    """No embedding is computed of a stored frame."""
    assert frame.index >= stored or not len(boxes)
    return type(pipeline._embedder).embed(pipeline._embedder, frame, boxes)
