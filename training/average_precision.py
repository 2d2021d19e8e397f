"""mAP50: how well a detector's boxes agree with the truth. Pure.

A true vehicle that is too small or too occluded is `ignored`: a box on it counts neither as a hit nor as a false
alarm, as in COCO's evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.detection.postprocess import overlaps
from video_analysis.yolo_worker.types import Boxes

LEAST_IOU = 0.5
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TrueBoxes:
    """The true vehicles of one picture."""

    corners: NDArray[np.float32]
    """N×4: x1, y1, x2, y2 in px."""
    classes: NDArray[np.int64]
    ignored: NDArray[np.bool_]


def map50(found: Sequence[Boxes], truths: Sequence[TrueBoxes]) -> float:
    """Mean over the classes that are in the truth of the average precision at IoU 0.5, 0..1; 0 where there is none.

    `found` holds each picture's D×6 (x1, y1, x2, y2, confidence, class).
    """
    wanted = sorted({int(kind) for truth in truths for kind in truth.classes[~truth.ignored]})
    precisions = [average_precision(kind, found, truths) for kind in wanted]
    return float(np.mean(precisions)) if precisions else 0.0


def average_precision(kind: int, found: Sequence[Boxes], truths: Sequence[TrueBoxes]) -> float:
    """Of one class that is in the truth: area under precision over recall (PASCAL VOC 2010, all points).

    Precision is made monotonic.
    """
    judged = [_judged(boxes[boxes[:, 5] == kind], truth, kind) for boxes, truth in zip(found, truths, strict=True)]
    scores, verdicts = (np.concatenate([pair[place] for pair in judged]) for place in (0, 1))
    hits = verdicts[np.argsort(-scores, kind="stable")]
    right, wrong = np.cumsum(hits == 1), np.cumsum(hits == 0)
    total = sum(int(((truth.classes == kind) & ~truth.ignored).sum()) for truth in truths)
    recall = np.concatenate([[0.0], right / total])
    precision = right / np.maximum(right + wrong, 1)
    return float((np.diff(recall) * np.maximum.accumulate(precision[::-1])[::-1]).sum())


def _judged(boxes: Boxes, truth: TrueBoxes, kind: int) -> tuple[Floats, NDArray[np.int64]]:
    """(confidences, 1 for a hit, 0 for a false alarm, -1 for an ignored one), most confident first."""
    boxes = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    shared = overlaps(boxes, truth.corners[(truth.classes == kind) & ~truth.ignored])
    beside = overlaps(boxes, truth.corners[truth.ignored])
    verdicts = np.zeros(len(boxes), np.int64)
    for place, row in enumerate(shared):
        if row.size and row.max() >= LEAST_IOU:
            verdicts[place] = 1
            shared[:, row.argmax()] = 0
        elif (beside[place] >= LEAST_IOU).any():
            verdicts[place] = -1
    return boxes[:, 4].astype(np.float64), verdicts
