"""One form of a picture with boxes for the detector's training, whether it is rendered or real."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from video_analysis.training.ground_truth_filter import corners, is_required
from video_analysis.training.label_groups import CARS, LORRIES, PHOTOGRAPH_LABELS, Group
from video_analysis.training.stills import Seen, Still
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES

LEARNT_PX, LEARNT_FRACTION = 14, 0.3
"""A rendered vehicle of less height, or with a smaller visible share, is neither trained as one nor as background."""
LABELS: Sequence[Group] = (
    *((kind,) for kind in YOLO_TYPES),
    *dict.fromkeys(group for group in (CARS, LORRIES, *dict(PHOTOGRAPH_LABELS).values()) if len(group) > 1),
)
"""What a box may be labelled with: each type alone, at its place in YOLO_TYPES, then the groups of several types."""
NO_BOXES: NDArray[np.float32] = np.zeros((0, 4), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Unlabelled:
    """Where a picture may have vehicles without a box: there, a detection is no error."""

    boxes: NDArray[np.float32] = field(default_factory=NO_BOXES.copy)
    """M×4 px: within these boxes."""
    above_px: float = -math.inf
    """Where the bottom of the detected box is above this line."""
    smaller_px2: float = 0.0
    """Where the area of the detected box is smaller."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """A picture, its labelled boxes and where it may have others."""

    read: Callable[[], Image]
    """Returns the picture: H×W×3 BGR uint8."""
    labels: NDArray[np.int64]
    """N: places in LABELS."""
    boxes: NDArray[np.float32]
    """N×4: x1, y1, x2, y2 in px."""
    unlabelled: Unlabelled


def of_still(still: Still) -> LabelledPicture:
    """A rendered frame: every vehicle is known, but the smallest and most hidden ones are not required."""
    learnt = [one for one in still.seen if is_required(one, LEARNT_PX, LEARNT_FRACTION)]
    optional: list[Seen] = [one for one in still.seen if one not in learnt]
    labels = np.array([YOLO_TYPES.index(one.type) for one in learnt], np.int64)
    return LabelledPicture(still.image, labels, corners(learnt), Unlabelled(corners(optional)))
