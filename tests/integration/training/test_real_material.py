"""The real material as it is: no picture of the evaluation is trained on, and the cameras follow from the stated rules.

tests/unit/training/test_real_splits.py and test_real_vehicles.py show the same of small made-up folders.
"""

from __future__ import annotations

from pathlib import Path

from video_analysis.training import real_splits
from video_analysis.training.real_vehicles import CALIBRATION_CAMERAS, RealSplit, vehicles
from video_analysis.worker_utils.inference.backend import sha256_of


def test_no_picture_of_the_evaluation_is_among_those_to_train_on(shared_data: Path) -> None:
    pictures = real_splits.pictures(shared_data / "pictures")
    evaluated = {sha256_of(path) for path in real_splits.evaluation_pictures(shared_data)}
    trained = {sha256_of(path) for path in real_splits.for_training(pictures, shared_data)}
    assert len(evaluated) > 400
    assert len(trained) > 4000
    assert not evaluated & trained


def test_every_validation_camera_has_stills_and_others_have_more(shared_data: Path) -> None:
    cameras = [real_splits.camera_of(still) for still in real_splits.stills(shared_data)]
    assert set(real_splits.VALIDATION_CAMERAS) < set(cameras)
    large = sorted(camera for camera in set(cameras) if cameras.count(camera) >= 20)
    assert tuple(large[1::4]) == real_splits.VALIDATION_CAMERAS


def test_the_calibration_cameras_follow_from_the_stated_rule(shared_data: Path) -> None:
    cameras = {real_splits.camera_of(one) for one in real_splits.stills(shared_data)}
    others = sorted(cameras - set(real_splits.VALIDATION_CAMERAS))
    assert (others[3], others[7], others[11]) == CALIBRATION_CAMERAS


def test_no_evaluation_picture_is_trained_on_or_calibrated_by(shared_data: Path) -> None:
    evaluation = {sha256_of(one) for one in real_splits.evaluation_pictures(shared_data)}
    splits: tuple[RealSplit, RealSplit] = ("train", "calibration")
    used = {sha256_of(one.picture) for split in splits for one in vehicles(shared_data, split)}

    assert len(used) > 3000
    assert not used & evaluation
