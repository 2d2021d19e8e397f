"""A video file as a source: `info` describes the frames that the source gives, not those of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from video_analysis.tests.support import synthetic_clips
from video_analysis.worker_utils.errors import BadVideo
from video_analysis.yolo_worker.source.video_file import VideoFile
from video_analysis.yolo_worker.types import SourceInfo

BESIDE_RED = (synthetic_clips.WIDTH_PX // 4, 0, synthetic_clips.WIDTH_PX, synthetic_clips.HEIGHT_PX)
"""The left quarter of each frame is plain red: a bar."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10 frames of 160×120 px, 40 ms apart."""
    return synthetic_clips.write(tmp_path_factory.mktemp("source") / "clip.mp4", synthetic_clips.every(40, 10))


@pytest.mark.parametrize(("stride", "frames"), [(1, 10), (2, 5), (3, 4), (10, 1), (1000, 1)])
def test_interval_and_announced_frames_follow_the_stride(clip: Path, stride: int, frames: int) -> None:
    source = VideoFile(clip, stride)
    assert source.info == SourceInfo(160, 120, 40.0 * stride, frames, is_live=False, areas=(BESIDE_RED,))
    assert len(list(source.frames())) == frames


def test_the_size_of_a_frame_in_memory_is_that_of_its_image(clip: Path) -> None:
    source = VideoFile(clip, 1)
    assert source.info.frame_bytes == next(source.frames()).image.nbytes


def test_frames_can_be_read_before_info_and_more_than_once(clip: Path) -> None:
    source = VideoFile(clip, 3)
    first = [(frame.index, frame.offset_ms) for frame in source.frames()]
    assert source.info.announced_frames == len(first)
    assert (
        [(frame.index, frame.offset_ms) for frame in source.frames()] == first == [(0, 0), (3, 120), (6, 240), (9, 360)]
    )


def test_the_file_is_opened_only_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.write_bytes(b"")
    source = VideoFile(path, 1)
    with pytest.raises(BadVideo, match="empty file"):
        _ = source.info
    with pytest.raises(BadVideo, match="empty file"):
        next(source.frames())
