"""What is true of a frame: which vehicles are in it, where, and how much of each can be seen. Written as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from video_analysis.simulator.vehicles.paint import Paint
from video_analysis.worker_utils.contracts.messages import YoloType


@dataclass(frozen=True, slots=True)
class SeenVehicle:
    """One vehicle in one frame."""

    id: int
    """The same in all frames of a clip."""
    type: YoloType
    make: str
    model: str
    colors: tuple[Paint, ...]
    plate: str
    box: tuple[int, int, int, int]
    """x1, y1, x2, y2 in px: the whole body, hidden parts included, rider and load too, clipped to the frame; x2, y2
    are one past the last pixel. Shadows and the glow of lamps do not count."""
    visible_fraction: float
    """Pixels that can be seen ÷ pixels of the silhouette within the frame, 0..1."""
    visible_px: int
    cut: bool
    """The frame's edge cuts the body."""


@dataclass(frozen=True, slots=True)
class FrameTruth:
    """One frame. `offset_ms` is from the start of the video, rounded to the nearest."""

    index: int
    offset_ms: int
    vehicles: Sequence[SeenVehicle]

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """What holds for a whole clip; the truth file's first line."""

    seed: int
    weather: str
    light: str
    camera: str
    fps: int
    width: int
    height: int
    vehicles_per_frame: float

    def to_json(self) -> str:
        """One line."""
        return json.dumps({"scene": asdict(self)}, separators=(",", ":"))
