"""What a report says of a run beside what the database holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import cv2


@dataclass(frozen=True, slots=True)
class Clip:
    """A video file as its decoder describes it; 0 for what it does not know."""

    width: int
    height: int
    frames: int
    fps: float
    is_rendered: bool = False
    """Painted by demo.traffic, not filmed."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.frames / self.fps if self.fps else 0.0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run of the demo."""

    clip: Clip
    detector: str
    """Its weights' file name."""
    processed_frames: int | None = None
    steps: Sequence[tuple[str, float]] = ()
    """What the demo did one after the other, with the seconds it took."""
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    """yolo_worker's own time in each stage."""
    zone: tzinfo = UTC
    """Clock times are cells in it."""


def clip_facts(path: Path, *, is_rendered: bool) -> Clip:
    """Ask the decoder about a clip; zeros where it cannot open it."""
    capture = cv2.VideoCapture(str(path))
    try:
        numbers = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_COUNT)
        width, height, frames = (max(0, int(capture.get(number))) for number in numbers)
        return Clip(width, height, frames, max(0.0, capture.get(cv2.CAP_PROP_FPS)), is_rendered)
    finally:
        capture.release()


def zone_of(recorded_at: str | None) -> tzinfo:
    """The UTC offset that an RFC 3339 instant is written in; UTC where there is none."""
    return (datetime.fromisoformat(recorded_at.upper()).tzinfo if recorded_at else None) or UTC
