"""Files of unusual kinds: frames, offsets and pictures are those that are known by construction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from video_analysis.tests.support import mp4_boxes, odd_file, odd_files, synthetic_clips
from video_analysis.tests.support.mp4_boxes import box, outer_boxes
from video_analysis.worker_utils.errors import BadVideo
from video_analysis.yolo_worker.source import container, open_video, video
from video_analysis.yolo_worker.source.container import Container
from video_analysis.yolo_worker.source.video_file import VideoFile
from video_analysis.yolo_worker.types import Image

SLOW = {"webm_with_hidden_frames", "webm_of_641_by_359_pixels", "h264_444_of_641_by_359_pixels"}
TOLERANCE = 10
"""Of the brightness: half of a step, and the loss of the codec."""
ABSURD = 50_000_000


def _cases() -> list[object]:
    return [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in odd_files.KINDS]


@pytest.mark.parametrize("name", _cases())
def test_an_odd_file_is_read_as_it_was_made(name: str, tmp_path: Path) -> None:
    odd = odd_files.KINDS[name](tmp_path)
    if odd.refused:
        with pytest.raises(BadVideo) as refusal:
            list(video.frames(odd.path, 1))
        assert refusal.value.code == odd.refused
        return
    source = VideoFile(odd.path, 1)
    given = list(source.frames())
    found = source.damage
    assert odd.missing == (0 if found is None else (found.due or 0) - found.read)
    assert [frame.offset_ms for frame in given] == pytest.approx(odd.offsets_ms, abs=1)
    for frame, number in zip(given, odd.pictures or range(len(given)), strict=True):
        right = None if number is None else number * synthetic_clips.BRIGHTNESS_STEP % 256
        assert right is None or abs(brightness(frame.image) - right) <= TOLERANCE, frame.index
    height, width = given[0].image.shape[:2]
    info = video.probe(odd.path)
    assert (width, height) == odd.size == (info.width_px, info.height_px)


def brightness(image: Image) -> float:
    return float(image[image.shape[0] * 3 // 5 :, image.shape[1] * 3 // 5 :].mean())


def absurd(folder: Path) -> bytes:
    """An index at the end of the file that announces 50 million samples of one byte."""
    data = odd_file.plain(folder / "a.mp4").read_bytes()
    data = mp4_boxes.with_bytes(data, (*mp4_boxes.STBL, b"stsz"), 12, 8, mp4_boxes.numbers(1, ABSURD))
    return mp4_boxes.with_bytes(data, (*mp4_boxes.STBL, b"stsc"), 20, 4, mp4_boxes.numbers(ABSURD))


def in_front(extra: bytes) -> Callable[[bytes], bytes]:
    return lambda data: mp4_boxes.moved(extra + data, len(extra))


def track_inside(name: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        *others, index = outer_boxes(data)
        parts = [box(name, part) if part[4:8] == b"trak" else part for part in outer_boxes(index[8:])]
        return b"".join(others) + box(b"moov", b"".join(parts))

    return change


def open_ended(data: bytes) -> bytes:
    at = synthetic_clips.box_positions(data, b"moov")[0]
    return data[:at] + bytes(4) + data[at + 4 :]


HIDDEN: dict[str, Callable[[bytes], bytes]] = {
    "behind a uuid box": in_front(box(b"uuid", bytes(16))),
    "behind a vendor's box": in_front(box(b"JVCP", bytes(16))),
    "behind a box whose kind is no word": in_front(box(b"\xa9xyz", bytes(16))),
    "compressed": mp4_boxes.with_compressed_index,
    "in another box of the index": track_inside(b"udta"),
    "in an index inside the index": track_inside(b"moov"),
    "to the end of the file": open_ended,
}


@pytest.mark.parametrize("where", HIDDEN)
def test_an_absurd_index_is_found_before_the_decoder_makes_room_for_it(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.mp4"
    path.write_bytes(HIDDEN[where](absurd(tmp_path)))
    monkeypatch.setattr(av, "open", None)
    with pytest.raises(BadVideo) as refusal:
        video.probe(path)
    assert refusal.value.code == "too_many_frames"


def test_a_compressed_index_is_not_expanded_without_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = odd_files.KINDS["mp4_whose_index_is_compressed"](tmp_path).path
    monkeypatch.setattr(container, "LARGEST_INDEX_BYTES", 900)
    with pytest.raises(BadVideo) as refusal:
        video.probe(path)
    assert refusal.value.code == "too_many_frames"


def test_a_file_whose_index_was_not_checked_is_not_opened_as_an_mp4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = odd_file.plain(tmp_path / "a.mp4")
    unknown = Container(None, path.stat().st_size, 0)
    monkeypatch.setattr(container, "read", lambda _path: unknown)
    with pytest.raises(BadVideo, match="not a video: neither MP4"):
        video.probe(path)


def test_the_announced_size_is_the_cropped_one(tmp_path: Path) -> None:
    path = odd_files.KINDS["h264_that_is_cropped_on_all_sides"](tmp_path).path
    with open_video.opened(path) as opened:
        assert opened.announced_size == (136, 112)
