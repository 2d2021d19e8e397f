"""Splits by video, and the places of pictures."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_analysis.ops.label_file import picture_path, splits
from video_analysis.tests.support import report_rows

VIDEOS = [str(uuid.UUID(int=number)) for number in range(500)]


def test_a_picture_is_in_the_folder_of_its_video() -> None:
    path = picture_path(f"s3://some-bucket/{report_rows.key_of(305, 2272)}")
    assert path == PurePosixPath(report_rows.VIDEO_ID, "CTX1005_CAM1_000305_002272.jpg")
    with pytest.raises(ValueError, match="is not s3://"):
        picture_path("s3://some-bucket/../../etc/passwd")


def test_three_of_five_videos_are_for_training() -> None:
    counts = Counter(splits(VIDEOS).values())
    assert counts["train"] == pytest.approx(300, abs=30)
    assert counts["validation"] == pytest.approx(100, abs=25)


def test_a_video_keeps_its_split_when_others_are_added() -> None:
    few, many = splits(VIDEOS[:100]), splits(VIDEOS)
    assert few == {video: many[video] for video in VIDEOS[:100]}


@given(st.sets(st.uuids().map(str), min_size=3, max_size=8))
def test_three_videos_are_enough_for_all_splits(videos: set[str]) -> None:
    found = splits(videos)
    assert set(found) == videos
    assert set(found.values()) == {"train", "calibration", "validation"}


@pytest.mark.parametrize(("videos", "expected"), [(1, ["train"]), (2, ["train", "validation"]), (0, [])])
def test_fewer_videos_fill_training_and_validation_first(videos: int, expected: list[str]) -> None:
    assert sorted(splits(VIDEOS[:videos]).values()) == expected
