"""Real pictures of the evaluation are in no training; labels are groups of the vehicle types."""

from __future__ import annotations

from pathlib import Path

import pytest

from video_analysis.training import real_splits
from video_analysis.training.label_groups import CROP_LABELS, PHOTOGRAPH_LABELS, STILL_LABELS
from video_analysis.training.labelled_picture import LABELS
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


def test_each_label_is_a_group_of_types_that_the_detector_is_trained_with() -> None:
    groups = [group for _, group in (*STILL_LABELS, *PHOTOGRAPH_LABELS)]
    assert set(groups) <= set(LABELS)
    assert {kind for group in (*groups, *CROP_LABELS.values()) for kind in group} <= set(YOLO_TYPES)
    assert LABELS[: len(YOLO_TYPES)] == tuple((kind,) for kind in YOLO_TYPES)
    assert len(set(LABELS)) == len(LABELS)
