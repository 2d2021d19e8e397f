"""A video file as a frame source: every n-th frame, with the timestamps of the container."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from video_analysis.yolo_worker.source import video
from video_analysis.yolo_worker.types import Frame, SourceInfo


class VideoFile:
    """A FrameSource over one local file."""

    def __init__(self, path: Path, stride: int) -> None:
        """`stride` 3 gives every third frame, starting with the first."""
        self._path = path
        self._stride = stride

    @cached_property
    def info(self) -> SourceInfo:
        """Size and interval, from the first frames. BadVideo if the file cannot be opened or has no frame."""
        found = video.probe(self._path)
        return SourceInfo(
            width_px=found.width_px,
            height_px=found.height_px,
            interval_ms=found.median_interval_ms * self._stride,
            announced_frames=math.ceil(found.announced_frames / self._stride),
            is_live=False,
        )

    def frames(self) -> Iterator[Frame]:
        """The frames in order. BadVideo if the file cannot be read to its end."""
        return video.frames(self._path, self._stride)
