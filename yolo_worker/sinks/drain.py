"""Runs a sink over a video's tracked frames."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TypeVar

from video_analysis.yolo_worker.ports import TrackSink
from video_analysis.yolo_worker.types import TrackedFrame

Result = TypeVar("Result")


def results(frames: Iterable[TrackedFrame], sink: TrackSink[Result]) -> Generator[Result, None, None]:
    """The sink's results, each as soon as it is final; then what is left at the end of the video."""
    for frame in frames:
        yield from sink.observe(frame)
    yield from sink.close()
