"""Facts of a run for the report that are not in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import cv2


@dataclass(frozen=True, slots=True)
class Clip:
    """A video file as its decoder describes it; 0 for unknown values."""

    width: int
    height: int
    frames: int
    fps: float
    is_rendered: bool = False
    """Rendered by the simulator, not filmed."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.frames / self.fps if self.fps else 0.0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run of the workers."""

    clip: Clip
    detector: str
    """Its weights' file name; empty if it is not known."""
    processed_frames: int | None = None
    steps: Sequence[tuple[str, float]] = ()
    """The steps in order, with their seconds."""
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    """yolo_worker's own time in each stage."""
    zone: tzinfo = UTC
    """Time zone of the clock times."""


def clip_facts(path: Path, *, is_rendered: bool) -> Clip:
    """Read a clip's properties; zeros if it cannot be opened."""
    capture = cv2.VideoCapture(str(path))
    try:
        numbers = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_COUNT)
        width, height, frames = (max(0, int(capture.get(number))) for number in numbers)
        return Clip(width, height, frames, max(0.0, capture.get(cv2.CAP_PROP_FPS)), is_rendered)
    finally:
        capture.release()


def zone_of(recorded_at: str | None) -> tzinfo:
    """The UTC offset of an RFC 3339 instant; UTC for None."""
    return (datetime.fromisoformat(recorded_at.upper()).tzinfo if recorded_at else None) or UTC
