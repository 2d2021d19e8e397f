"""Vehicles by split: no picture of an evaluation set is trained on or calibrated by."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from video_analysis.training import real_splits
from video_analysis.training.real_vehicles import CALIBRATION_CAMERAS, CROPS, EVALUATION_CROPS, RealSplit, vehicles


def write(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((100, 100, 3), grey, np.uint8))


def test_a_crop_that_is_also_an_evaluation_picture_is_left_out(tmp_path: Path) -> None:
    for place in range(9):
        write(tmp_path / CROPS / "car" / f"car{place}.jpg", 100 + place)
    write(tmp_path / EVALUATION_CROPS / "car" / "renamed.jpg", 101)

    names = {split: [one.picture.stem for one in vehicles(tmp_path, split)] for split in ("train", "calibration")}

    assert names == {"train": [f"car{place}" for place in range(2, 8)], "calibration": ["car0", "car8"]}


def test_stills_are_split_by_camera_and_small_boxes_left_out(tmp_path: Path) -> None:
    splits: dict[RealSplit, str] = {
        "train": "1001",
        "calibration": CALIBRATION_CAMERAS[0],
        "validation": real_splits.VALIDATION_CAMERAS[0],
    }
    for number, camera in enumerate(splits.values()):
        write(tmp_path / real_splits.STILLS / "train" / "images" / f"{camera}-1.jpg", number)
        labels = tmp_path / real_splits.STILLS / "train" / "labels" / f"{camera}-1.txt"
        labels.parent.mkdir(parents=True, exist_ok=True)
        labels.write_text("0 0.5 0.5 0.4 0.3\n1 0.5 0.5 0.19 0.1\n")

    for split, camera in splits.items():
        (one,) = vehicles(tmp_path, split)
        assert (real_splits.camera_of(one.picture), one.label, one.types) == (camera, "car", ("Car", "SUV"))
        assert one.box == pytest.approx((30, 35, 70, 65))
        assert one.crop(margin=0.0).shape == (30, 40, 3)
