"""Which true vehicles a detector must find in a frame: one rule for training, validation and evaluation. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from video_analysis.training.average_precision import TrueBoxes
from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES

LEAST_PX, LEAST_FRACTION = 24, 0.5
"""A vehicle of less height, or with a smaller visible share, is optional: found or not, it does not count."""


class Vehicle(Protocol):
    """A true vehicle in a frame."""

    @property
    def type(self) -> YoloType:
        """One of the 8."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x1, y1, x2, y2 in px, hidden parts included."""

    @property
    def visible_fraction(self) -> float:
        """Of its silhouette within the frame."""

    @property
    def cut(self) -> bool:
        """The frame's edge cuts it."""


def is_required(one: Vehicle, least_px: int = LEAST_PX, least_fraction: float = LEAST_FRACTION) -> bool:
    """Whether it is high enough (and wide enough if the frame's edge cuts it) and enough of it is visible."""
    width, height = one.box[2] - one.box[0], one.box[3] - one.box[1]
    side = min(width, height) if one.cut else height
    return side >= least_px and one.visible_fraction >= least_fraction


def true_boxes(vehicles: Sequence[Vehicle]) -> TrueBoxes:
    """A frame's vehicles; optional ones are marked as ignored."""
    return TrueBoxes(
        corners(vehicles),
        np.array([YOLO_TYPES.index(one.type) for one in vehicles], np.int64),
        np.array([not is_required(one) for one in vehicles], np.bool_),
    )


def corners(vehicles: Sequence[Vehicle]) -> NDArray[np.float32]:
    """N×4: x1, y1, x2, y2 in px."""
    return np.array([one.box for one in vehicles], np.float32).reshape(-1, 4)
