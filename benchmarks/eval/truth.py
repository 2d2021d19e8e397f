"""The ground truth of a clip, and which of its vehicles are required."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from video_analysis.simulator.clip import truth_path
from video_analysis.simulator.truth import SceneFacts, SeenVehicle
from video_analysis.simulator.vehicles.paint import Paint
from video_analysis.training.ground_truth_filter import is_required


@dataclass(frozen=True)
class ClipTruth:
    """A clip's facts, and the vehicles of each of its frames in order."""

    facts: SceneFacts
    frames: Sequence[Sequence[SeenVehicle]]

    @cached_property
    def counted(self) -> frozenset[int]:
        """The required vehicles: those that are large and visible enough in some frame."""
        return frozenset(one.id for frame in self.frames for one in frame if is_required(one))

    @cached_property
    def ignored(self) -> frozenset[int]:
        """All other vehicles."""
        return frozenset(one.id for frame in self.frames for one in frame) - self.counted


def read(clip: Path) -> ClipTruth:
    """Read the truth file of `clip`."""
    facts, *frames = (json.loads(line) for line in truth_path(clip).read_text("utf-8").splitlines())
    return ClipTruth(SceneFacts(**facts["scene"]), [[_seen(row) for row in frame["vehicles"]] for frame in frames])


def _seen(row: Mapping[str, Any]) -> SeenVehicle:
    paints = tuple(Paint(**paint) for paint in row["colors"])
    return SeenVehicle(**{**row, "box": tuple(row["box"]), "colors": paints})
