"""Runs sinks over the tracked frames of a source."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TypeVar

from video_analysis.yolo_worker.ports import TrackSink
from video_analysis.yolo_worker.types import TrackedFrame

Result = TypeVar("Result")


def results(frames: Iterable[TrackedFrame], *sinks: TrackSink[Result]) -> Generator[Result, None, None]:
    """The results of all sinks: of each frame in the order of `sinks`, then the remaining ones after the last frame.

    The sinks are not closed if `frames` fails or if this generator is closed early.
    """
    for frame in frames:
        for sink in sinks:
            yield from sink.observe(frame)
    for sink in sinks:
        yield from sink.close()
