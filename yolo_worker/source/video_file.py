"""A video file as a frame source: every n-th frame, with the timestamps of the container."""

from __future__ import annotations

import math
from collections.abc import Generator
from functools import cached_property
from pathlib import Path

from video_analysis.worker_utils.errors import EnvironmentFault
from video_analysis.worker_utils.execution.memory_pressure import reclassify_under_memory_pressure
from video_analysis.yolo_worker.source import video
from video_analysis.yolo_worker.source.damage import Damage
from video_analysis.yolo_worker.source.video import VideoInfo
from video_analysis.yolo_worker.types import Frame, SourceInfo


class VideoFile:
    """A FrameSource over one local file."""

    def __init__(self, path: Path, stride: int) -> None:
        """`stride` 3 gives every third frame, starting with the first."""
        self._path = path
        self._stride = stride
        self._damage: Damage | None = None

    @cached_property
    def info(self) -> SourceInfo:
        """Size and interval, from the first frames. BadVideo if the file cannot be opened or has no frame."""
        found = self._probed
        return SourceInfo(
            width_px=found.width_px,
            height_px=found.height_px,
            interval_ms=found.median_interval_ms * self._stride,
            announced_frames=math.ceil(found.announced_frames / self._stride),
            is_live=False,
            areas=found.areas,
            is_exact=found.is_exact,
        )

    @cached_property
    def _probed(self) -> VideoInfo:
        return video.probe(self._path)

    @property
    def damage(self) -> Damage | None:
        """What the last complete reading missed; None if nothing is missing."""
        return self._damage

    def frames(self, *, lazily: bool = False) -> Generator[Frame, None, None]:
        """The frames in order; with `lazily`, their pictures are made when they are first used.

        BadVideo if the file is no video or has no frame.

        EnvironmentFault after the last frame if some are missing while memory is short: the file may be intact.
        """
        self._damage = yield from video.frames(self._path, self._stride, self._probed, lazily=lazily)
        if self._damage is not None and self._damage.late_ms is None:
            failure = reclassify_under_memory_pressure(self._damage.refusal)
            if isinstance(failure, EnvironmentFault):
                raise failure
