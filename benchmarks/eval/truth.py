"""What is true of a clip, and which vehicles the workers are asked to find in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from video_analysis.demo.traffic.clip import truth_path
from video_analysis.demo.traffic.truth import SceneFacts, SeenVehicle
from video_analysis.demo.training.average_precision import TrueBoxes
from video_analysis.yolo_worker.taxonomy import YOLO_TYPES

LEAST_PX, LEAST_FRACTION = 24, 0.5
"""A vehicle that is never at once so high and so much of it to be seen need not be found, but may be."""


@dataclass(frozen=True)
class ClipTruth:
    """A clip's facts, and the vehicles of each of its frames in order."""

    facts: SceneFacts
    frames: Sequence[Sequence[SeenVehicle]]

    @cached_property
    def counted(self) -> frozenset[int]:
        """The vehicles that are to be found: those that show in some frame of the clip."""
        return frozenset(one.id for frame in self.frames for one in frame if shows(one))

    @cached_property
    def ignored(self) -> frozenset[int]:
        """All others."""
        return frozenset(one.id for frame in self.frames for one in frame) - self.counted


def shows(one: SeenVehicle) -> bool:
    """Whether it is high enough, also across where the frame's edge leaves a strip of it, and seen enough."""
    width, height = one.box[2] - one.box[0], one.box[3] - one.box[1]
    return (min(width, height) if one.cut else height) >= LEAST_PX and one.visible_fraction >= LEAST_FRACTION


def read(clip: Path) -> ClipTruth:
    """The truth that lies beside `clip`; colours are left out, nothing here judges them."""
    facts, *frames = (json.loads(line) for line in truth_path(clip).read_text("utf-8").splitlines())
    return ClipTruth(SceneFacts(**facts["scene"]), [[_seen(row) for row in frame["vehicles"]] for frame in frames])


def true_boxes(frame: Sequence[SeenVehicle]) -> TrueBoxes:
    """What a detector is asked to find in a frame, whatever the clip shows before and after."""
    return TrueBoxes(
        np.array([one.box for one in frame], np.float32).reshape(-1, 4),
        np.array([YOLO_TYPES.index(one.type) for one in frame], np.int64),
        np.array([not shows(one) for one in frame], np.bool_),
    )


def _seen(row: Mapping[str, Any]) -> SeenVehicle:
    return SeenVehicle(**{**row, "box": tuple(row["box"]), "colors": ()})
