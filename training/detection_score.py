"""mAP50 on real stills that are labelled in part. Pure.

A detection counts neither as a hit nor as a false alarm where the still may have vehicles without a box: above its
furthest labelled vehicle, or smaller than its smallest one (real_pictures). It always counts on a labelled box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from video_analysis.training.average_precision import LEAST_IOU, TrueBoxes, average_precision
from video_analysis.training.label_groups import STILL_LABELS
from video_analysis.training.labelled_picture import LABELS, LabelledPicture
from video_analysis.yolo_worker.detection.postprocess import overlaps
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.types import Boxes

OTHER = len(STILL_LABELS)
"""Class of a detection whose type no label has."""


@dataclass(frozen=True, slots=True)
class DetectionScore:
    """Average precision at IoU 0.5, 0..1."""

    stills: int
    vehicles: int
    map50_of_one_type: float
    """With all types equal: detection without classification."""
    map50: float
    """Mean over the labels."""
    by_label: dict[str, float]


def score(found: Sequence[Boxes], pictures: Sequence[LabelledPicture], least_px: float = 0.0) -> DetectionScore:
    """Compare each still's D×6 detections with its labelled boxes; a type is right if the label's group has it.

    Vehicles with a side below `least_px` are optional, and detections of that size are left out.
    """
    counted = [_large(countable(boxes, one), least_px) for boxes, one in zip(found, pictures, strict=True)]
    truths = [_true_boxes(picture, least_px) for picture in pictures]
    present = sorted({int(label) for truth in truths for label in truth.classes[~truth.ignored]})
    labelled = [_reclassified(boxes, _label_of_type()) for boxes in counted]
    by_label = {STILL_LABELS[place][0]: average_precision(place, labelled, truths) for place in present}
    alike = [_reclassified(boxes, np.zeros(len(YOLO_TYPES), np.int64)) for boxes in counted]
    one_type = [TrueBoxes(one.corners, np.zeros_like(one.classes), one.ignored) for one in truths]
    return DetectionScore(
        stills=len(pictures),
        vehicles=sum(int((~truth.ignored).sum()) for truth in truths),
        map50_of_one_type=round(average_precision(0, alike, one_type), 4) if present else 0.0,
        map50=round(float(np.mean([*by_label.values()])), 4) if present else 0.0,
        by_label={label: round(value, 4) for label, value in by_label.items()},
    )


def countable(boxes: Boxes, picture: LabelledPicture) -> Boxes:
    """The detections that are on a labelled box, or where every vehicle has one."""
    known = picture.unlabelled
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    is_unknown = (boxes[:, 3] < known.above_px) | (areas < known.smaller_px2)
    is_on_box = (overlaps(boxes, picture.boxes) >= LEAST_IOU).any(axis=1)
    countable_boxes: Boxes = boxes[is_on_box | ~is_unknown]
    return countable_boxes


def _label_of_type() -> NDArray[np.int64]:
    """For each of YOLO_TYPES the place of the label in STILL_LABELS."""
    places = {kind: place for place, (_, group) in enumerate(STILL_LABELS) for kind in group}
    return np.array([places.get(kind, OTHER) for kind in YOLO_TYPES], np.int64)


def _large(boxes: Boxes, least_px: float) -> Boxes:
    large: Boxes = boxes[(boxes[:, 2:4] - boxes[:, :2]).min(axis=1, initial=np.inf) >= least_px]
    return large


def _true_boxes(picture: LabelledPicture, least_px: float) -> TrueBoxes:
    groups = [group for _, group in STILL_LABELS]
    classes = np.array([groups.index(LABELS[label]) for label in picture.labels], np.int64)
    sides = picture.boxes[:, 2:] - picture.boxes[:, :2]
    return TrueBoxes(picture.boxes, classes, sides.min(axis=1, initial=np.inf) < least_px)


def _reclassified(boxes: Boxes, classes: NDArray[np.int64]) -> Boxes:
    changed = boxes.copy()
    changed[:, 5] = classes[boxes[:, 5].astype(np.int64)]
    return changed
