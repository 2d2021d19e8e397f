"""Bars and mosaics in encoded videos: found once, and passed on with each frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from video_analysis.benchmarks import real_data
from video_analysis.tests.support import synthetic_clips
from video_analysis.tests.support.scenes import framed, moving, scene
from video_analysis.yolo_worker.source import key_frames, video
from video_analysis.yolo_worker.source.open_video import OpenVideo, opened
from video_analysis.yolo_worker.source.video_file import VideoFile
from video_analysis.yolo_worker.types import Area, Image

WIDTH_PX, HEIGHT_PX, COUNT = 200, 120, 40
MOVING = moving(WIDTH_PX, HEIGHT_PX, COUNT)
BARS, INSIDE = (60, 20, 60, 20), (60, 20, 260, 140)
OTHER_BARS = (20, 60, 20, 60)
BARRED = [framed(image, BARS) for image in MOVING]
SHORT_GROUPS = {"g": "10", "sc_threshold": "0", "bf": "0"}


def written(path: Path, images: Iterable[Image], codec: str = "libx264", options: dict[str, str] | None = None) -> Path:
    def encodable() -> Iterator[av.VideoFrame]:
        for image in images:
            yield av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuv420p")

    return synthetic_clips.write_frames(path, encodable(), codec=codec, options=options or {})


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mpeg2video", "libx265"])
def test_bars_are_found_behind_each_codec_and_every_frame_has_the_area(tmp_path: Path, codec: str) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    source = VideoFile(written(tmp_path / "clip.mp4", BARRED, codec, options), 3)
    assert np.abs(np.subtract(source.info.areas, [INSIDE])).max() <= 1
    assert {frame.areas for frame in source.frames()} == {source.info.areas}


def test_a_picture_without_bars_has_no_areas(tmp_path: Path) -> None:
    source = VideoFile(written(tmp_path / "clip.mp4", MOVING), 3)
    assert source.info.areas == ()
    assert {frame.areas for frame in source.frames()} == {()}


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".ts"])
def test_bars_at_the_beginning_only_are_no_bars(tmp_path: Path, ending: str) -> None:
    """As when a dark garage door opens: the whole file is searched, not its first seconds."""
    barred = [framed(image, (60, 0, 60, 0)) for image in MOVING]
    images = [*barred, *barred, *moving(WIDTH_PX + 120, HEIGHT_PX, COUNT)]
    assert VideoFile(written(tmp_path / f"beginning{ending}", images[:80], options=SHORT_GROUPS), 1).info.areas
    assert VideoFile(written(tmp_path / f"clip{ending}", images, options=SHORT_GROUPS), 1).info.areas == ()


@pytest.mark.parametrize("ending", [".mp4", ".ts", ".h264"])
def test_key_frames_are_spread_over_the_file_where_it_can_be_searched(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path / f"clip{ending}", MOVING * 3, options=SHORT_GROUPS)
    with opened(path) as file:
        times = [frame.pts or 0 for frame in key_frames.spread(file)]
        seconds = [float((time - (file.stream.start_time or 0)) * (file.stream.time_base or 0)) for time in times]
    assert seconds == sorted(seconds)
    assert ending == ".h264" or (len(seconds) == key_frames.FRAMES and seconds[-1] > 3.5)


def test_the_search_for_key_frames_ends_where_the_demuxer_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyAV raises IndexError where a stream begins that the header does not list."""
    found, first_frame = list[VideoFrame](), key_frames._first_frame

    def failing(file: OpenVideo) -> VideoFrame | None:
        if len(found) == 2:
            raise IndexError
        return first_frame(file)

    monkeypatch.setattr(key_frames, "_first_frame", failing)
    with opened(written(tmp_path / "clip.mp4", MOVING * 3, options=SHORT_GROUPS)) as file:
        for frame in key_frames.spread(file):
            found.append(frame)
    assert len(found) == 2


def test_the_areas_hold_only_for_pictures_of_the_first_size(tmp_path: Path) -> None:
    first = written(tmp_path / "first.h264", BARRED)
    second = written(tmp_path / "second.h264", [framed(image, OTHER_BARS) for image in MOVING])
    both = tmp_path / "both.h264"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    found = {frame.image.shape[:2]: frame.areas for frame in VideoFile(both, 1).frames()}
    assert found == {(160, 320): (INSIDE,), (240, 240): ()}


def test_the_tiles_of_a_mosaic_are_found(tmp_path: Path) -> None:
    still = [scene(WIDTH_PX, HEIGHT_PX, seed) for seed in (5, 6, 7)]
    images = [np.vstack([np.hstack([image, still[0]]), np.hstack(still[1:])]) for image in MOVING]
    expected: list[Area] = [(x, y, x + WIDTH_PX, y + HEIGHT_PX) for y in (0, HEIGHT_PX) for x in (0, WIDTH_PX)]
    assert list(VideoFile(written(tmp_path / "clip.mp4", images), 1).info.areas) == expected


def test_real_recordings_have_no_bars_and_the_one_with_bars_has_its_area(shared_data: Path) -> None:
    for clip in real_data.clips(shared_data):
        assert video.probe(clip).areas == (), clip
    assert video.probe(shared_data / "cases" / "bars_pillar.mp4").areas == ((160, 64, 800, 416),)
