"""A video file as a source: `info` describes the frames that the source gives, not those of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from video_analysis.tests.support import synthetic_clips
from video_analysis.worker_utils.errors import BadVideo, EnvironmentFault
from video_analysis.worker_utils.execution import memory_pressure
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
    assert source.info == SourceInfo(160, 120, 40.0 * stride, frames, is_live=False, areas=(BESIDE_RED,), is_exact=True)
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


def test_what_is_missing_is_known_after_the_last_frame(tmp_path: Path) -> None:
    path = cut(tmp_path)
    read = len(list(VideoFile(path, 1).frames()))
    source = VideoFile(path, 3)
    assert len(list(source.frames())) == -(-read // 3)
    assert str(source.damage) == f"truncated: {read} of 100 frames"


def test_missing_frames_are_no_damage_of_the_file_while_memory_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_pressure, "HEADROOM_BYTES", 1 << 60)
    with pytest.raises(EnvironmentFault, match="out of memory, which may be the cause of: truncated"):
        list(VideoFile(cut(tmp_path), 1).frames())


def test_an_intact_file_has_no_damage(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_pressure, "HEADROOM_BYTES", 1 << 60)
    source = VideoFile(clip, 1)
    assert source.damage is None
    assert len(list(source.frames())) == 10
    assert source.damage is None


def cut(folder: Path) -> Path:
    """100 frames, the index in front, of which a third is missing."""
    options = {"movflags": "faststart"}
    path = synthetic_clips.write(folder / "cut.mp4", synthetic_clips.every(40, 100), format_options=options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    return path
