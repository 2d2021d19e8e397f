"""Real pictures of the evaluation are in no training; labels are groups of the vehicle types."""

from __future__ import annotations

from pathlib import Path

import pytest

from video_analysis.training import real_splits
from video_analysis.training.label_groups import CROP_LABELS, PHOTOGRAPH_LABELS, STILL_LABELS
from video_analysis.training.labelled_picture import LABELS
from video_analysis.worker_utils.inference.backend import sha256_of
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES


def written(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_the_camera_is_in_the_still_s_name() -> None:
    assert real_splits.camera_of(Path("images", "1002-2021_03_20_203358.jpg")) == "1002"
    assert real_splits.is_validation(Path("1002-2021_03_20_203358.jpg"))
    assert not real_splits.is_validation(Path("1001-2021_03_20_203358.jpg"))


@pytest.mark.parametrize("folder", real_splits.EVALUATION_FOLDERS)
def test_a_copy_of_an_evaluation_picture_is_not_trained_on_whatever_its_name(tmp_path: Path, folder: Path) -> None:
    written(tmp_path / folder / "bus" / "a.PNG", "the same")
    copy, other = written(tmp_path / "copy.jpg", "the same"), written(tmp_path / "other.jpg", "another")
    assert real_splits.for_training([copy, other], tmp_path) == [other]


def test_a_still_of_a_validation_camera_is_not_trained_on_nor_is_its_copy(tmp_path: Path) -> None:
    images = tmp_path / real_splits.STILLS / "train" / "images"
    unseen, learnt = written(images / "1503-a.jpg", "one"), written(images / "1504-b.jpg", "two")
    copy = written(images / "1504-c.jpg", "one")
    assert real_splits.stills(tmp_path) == [unseen, learnt, copy]
    assert real_splits.for_training(real_splits.stills(tmp_path), tmp_path) == [learnt]


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


def test_each_label_is_a_group_of_types_that_the_detector_is_trained_with() -> None:
    groups = [group for _, group in (*STILL_LABELS, *PHOTOGRAPH_LABELS)]
    assert set(groups) <= set(LABELS)
    assert {kind for group in (*groups, *CROP_LABELS.values()) for kind in group} <= set(YOLO_TYPES)
    assert LABELS[: len(YOLO_TYPES)] == tuple((kind,) for kind in YOLO_TYPES)
    assert len(set(LABELS)) == len(LABELS)
