"""Real vehicles with a group of possible types: boxes of stills and photographs, CCTV crops. Make and model: unknown.

Stills are split by camera: those of one camera show the same road, and often the same vehicle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from video_analysis.training import real_splits, yolo_labels
from video_analysis.training.label_groups import CROP_LABELS, PHOTOGRAPH_LABELS, STILL_LABELS, Group
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.imaging.crop import Image, crop_with_margin

RealSplit = Literal["train", "calibration", "validation"]
CALIBRATION_CAMERAS = ("1006", "1505", "2708")
"""Of the sorted cameras that are not for validation the fourth, the eighth and the twelfth."""
CROPS = Path("pictures", "zenodo_6634554_tiny_vehicles", "images")
EVALUATION_CROPS = Path("type")
CROPS_PER_CALIBRATION = 8
"""Every eighth CCTV crop is for calibration."""
PHOTOGRAPH_FOLDERS: Mapping[str, RealSplit] = {"train": "train", "valid": "calibration", "test": "validation"}
LEAST_PX = 20
"""Vehicles whose longer side is smaller are left out."""
MARGIN = WorkerConfig().snapshot.crop_margin


@dataclass(frozen=True, slots=True)
class RealVehicle:
    """One labelled vehicle; its picture is read by `crop`."""

    picture: Path
    types: Group
    label: str
    """The name of the label in its data set."""
    source: Literal["stills", "photographs", "crops"]
    box: tuple[float, float, float, float] | None = None
    """x1, y1, x2, y2 in px; None if the picture is a crop already."""

    @property
    def longer_px(self) -> float:
        """Longer side of the box, 0 for a crop."""
        return 0.0 if self.box is None else max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    def crop(self, margin: float = MARGIN) -> Image:
        """The vehicle with a margin, as stage 1 cuts a snapshot."""
        image = np.asarray(cv2.imread(str(self.picture)), np.uint8)
        return image if self.box is None else crop_with_margin(image, self.box, margin)


def vehicles(data: Path, split: RealSplit) -> list[RealVehicle]:
    """The vehicles of a split under `data`, without evaluation pictures unless the split is `validation`."""
    found = [*_of_stills(data, split), *_of_photographs(data, split), *_of_crops(data, split)]
    if split == "validation":
        return found
    allowed = set(real_splits.for_training(sorted({one.picture for one in found}), data))
    return [one for one in found if one.picture in allowed]


def camera_split(still: Path) -> RealSplit:
    """The split of a still, by its camera."""
    if real_splits.is_validation(still):
        return "validation"
    return "calibration" if real_splits.camera_of(still) in CALIBRATION_CAMERAS else "train"


def _of_stills(data: Path, split: RealSplit) -> Iterator[RealVehicle]:
    for still in real_splits.stills(data):
        if camera_split(still) == split:
            yield from _boxes(still, STILL_LABELS, "stills")


def _of_photographs(data: Path, split: RealSplit) -> Iterator[RealVehicle]:
    for folder, of_split in PHOTOGRAPH_FOLDERS.items():
        for picture in real_splits.pictures(data / real_splits.PHOTOGRAPHS / folder) if of_split == split else ():
            yield from _boxes(picture, PHOTOGRAPH_LABELS, "photographs")


def _of_crops(data: Path, split: RealSplit) -> Iterator[RealVehicle]:
    folder = EVALUATION_CROPS if split == "validation" else CROPS
    for label, types in CROP_LABELS.items():
        for place, picture in enumerate(real_splits.pictures(data / folder / label)):
            if split == "validation" or (place % CROPS_PER_CALIBRATION == 0) == (split == "calibration"):
                yield RealVehicle(picture, types, label, "crops")


def _boxes(
    picture: Path, labels: Sequence[tuple[str, Group]], source: Literal["stills", "photographs"]
) -> Iterator[RealVehicle]:
    """The labelled boxes of a picture; none if it has no label file."""
    file = yolo_labels.file_of(picture)
    shape = np.asarray(cv2.imread(str(picture))).shape
    for number, box in yolo_labels.boxes(file, shape) if file.is_file() else ():
        label, types = labels[number]
        one = RealVehicle(picture, types, label, source, box)
        if one.longer_px >= LEAST_PX:
            yield one
