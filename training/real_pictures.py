"""The real pictures with boxes: CCTV stills of Singapore, and photographs of Open Images. Both are labelled in part.

In the stills, far vehicles have no box: nothing is known above the furthest labelled vehicle of a still, and of
vehicles that are smaller than its smallest one. In the photographs, the vehicles in the background may have none:
nothing is known of those that are smaller than the largest labelled one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.training import real_splits, yolo_labels
from video_analysis.training.label_groups import PHOTOGRAPH_LABELS, STILL_LABELS, Group
from video_analysis.training.labelled_picture import LABELS, LabelledPicture, Unlabelled
from video_analysis.worker_utils.imaging.crop import Image

PHOTOGRAPH_SPLITS = ("train", "valid")


def training_stills(data: Path) -> list[LabelledPicture]:
    """The stills that are not of a validation camera. Those without a box are left out: nothing is known of them."""
    files = real_splits.for_training(real_splits.stills(data), data)
    return [one for one in map(still, files) if len(one.boxes)]


def validation_stills(data: Path) -> list[LabelledPicture]:
    """The stills of the validation cameras that have a box."""
    files = filter(real_splits.is_validation, real_splits.stills(data))
    return [one for one in map(still, files) if len(one.boxes)]


def training_photographs(data: Path) -> list[LabelledPicture]:
    """The photographs, without those of the test split."""
    folders = [data / real_splits.PHOTOGRAPHS / split for split in PHOTOGRAPH_SPLITS]
    files = [path for folder in folders for path in real_splits.pictures(folder)]
    return [_photograph(path) for path in real_splits.for_training(files, data)]


def still(path: Path) -> LabelledPicture:
    """One still with its labels (YOLO's text format)."""
    labels, boxes = _labelled(path, [group for _, group in STILL_LABELS])
    return LabelledPicture(partial(_read, path), labels, boxes, _beyond(boxes))


def _beyond(boxes: NDArray[np.float32]) -> Unlabelled:
    """Above the furthest box, and smaller than the smallest one; everywhere if there is none."""
    above_px = float(boxes[:, 3].min(initial=math.inf))
    return Unlabelled(above_px=above_px, smaller_px2=float(_areas(boxes).min(initial=math.inf)))


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    areas: NDArray[np.float32] = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return areas


def _photograph(path: Path) -> LabelledPicture:
    labels, boxes = _labelled(path, [group for _, group in PHOTOGRAPH_LABELS])
    return LabelledPicture(partial(_read, path), labels, boxes, Unlabelled(smaller_px2=float(_areas(boxes).max())))


def _labelled(path: Path, groups: Sequence[Group]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(places in LABELS, N×4 px)."""
    rows = list(yolo_labels.boxes(yolo_labels.file_of(path), _read(path).shape))
    labels = np.array([LABELS.index(groups[number]) for number, _ in rows], np.int64)
    return labels, np.array([box for _, box in rows], np.float32).reshape(-1, 4)


def _read(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path)), np.uint8)
