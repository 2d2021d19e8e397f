"""A video file as a frame source: every n-th frame, with the timestamps of the container."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
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
            areas=found.areas,
        )

    def frames(self) -> Generator[Frame, None, None]:
        """The frames in order. BadVideo if the file cannot be read to its end."""
        info = self.info
        with closing(video.frames(self._path, self._stride)) as frames:
            for frame in frames:
                is_same_size = frame.image.shape[:2] == (info.height_px, info.width_px)
                yield replace(frame, areas=info.areas) if info.areas and is_same_size else frame
