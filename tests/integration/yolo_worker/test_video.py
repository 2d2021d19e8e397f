from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from video_analysis.tests.support import mp4_boxes, synthetic_clips
from video_analysis.worker_utils.errors import BadVideo, ErrorCode
from video_analysis.yolo_worker.source import decoding, open_video, video
from video_analysis.yolo_worker.source.damage import Damage, Tally, check
from video_analysis.yolo_worker.source.open_video import OpenVideo
from video_analysis.yolo_worker.source.video_file import VideoFile
from video_analysis.yolo_worker.types import Frame

UNEVEN_MS = [0, 40, 55, 255, 288, 688, 704, 754, 1154, 1170, 1370, 1420, 1453, 1853, 1903]
B_FRAMES = {"bf": "2"}
FRAGMENTED = [
    *("frag_keyframe", "frag_keyframe+default_base_moof", "frag_keyframe+empty_moov"),
    *("cmaf", "dash+frag_keyframe"),
]


def read(path: Path, stride: int = 1) -> tuple[list[Frame], Damage | None]:
    """All frames, and what is missing."""
    source = VideoFile(path, stride)
    return list(source.frames()), source.damage


def offsets(path: Path, stride: int = 1) -> list[int]:
    """Of a file that lacks nothing."""
    given, damage = read(path, stride)
    assert damage is None
    return [frame.offset_ms for frame in given]


def brightness(frame: Frame) -> float:
    return float(frame.image[:, frame.image.shape[1] // 2 :].mean())


@contextmanager
def refused(code: ErrorCode, match: str) -> Iterator[None]:
    """The block is refused with this code and reason."""
    with pytest.raises(BadVideo, match=match) as refusal:
        yield
    assert refusal.value.code == code


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """100 frames of 40 ms, its index at its end, B-frames."""
    return synthetic_clips.write(
        tmp_path / "clip.mp4", synthetic_clips.every(40, 100), codec_options={"g": "20", "sc_threshold": "0"} | B_FRAMES
    )


@pytest.fixture
def streamable(tmp_path: Path) -> Path:
    """The same with its index in front, as for the web."""
    options = {"movflags": "faststart"}
    return synthetic_clips.write(tmp_path / "web.mp4", synthetic_clips.every(40, 100), format_options=options)


@pytest.mark.parametrize("stride", [1, 3, 10, 1000])
def test_a_stride_gives_every_nth_frame_with_its_own_picture_and_time(clip: Path, stride: int) -> None:
    given = list(video.frames(clip, stride))
    assert [frame.index for frame in given] == list(range(0, 100, stride))
    for frame in given:
        assert frame.offset_ms == 40 * frame.index
        assert frame.image.shape == (synthetic_clips.HEIGHT_PX, synthetic_clips.WIDTH_PX, 3)
        assert brightness(frame) == pytest.approx(frame.index * synthetic_clips.BRIGHTNESS_STEP % 256, abs=7)


@pytest.mark.parametrize("size", [(642, 36), (98, 74), (18, 16), (854, 48)])
def test_pictures_are_contiguous_whatever_their_width(tmp_path: Path, size: tuple[int, int]) -> None:
    path = synthetic_clips.write(tmp_path / "odd.mp4", synthetic_clips.every(40, 3), size=size)
    for frame in video.frames(path, 1):
        assert frame.image.shape == (size[1], size[0], 3)
        assert frame.image.flags.c_contiguous


def test_pictures_are_blue_green_red(clip: Path) -> None:
    blue, green, red = next(video.frames(clip, 1)).image[:, 10].mean(axis=0)
    assert red > 200
    assert max(blue, green) < 50


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".ts"])
def test_offsets_are_the_containers_timestamps_at_a_varying_rate(tmp_path: Path, ending: str) -> None:
    path = synthetic_clips.write(tmp_path / f"uneven{ending}", UNEVEN_MS, codec_options=B_FRAMES)
    assert offsets(path) == UNEVEN_MS


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".ts"])
def test_offsets_count_from_the_first_picture_where_the_sound_begins_earlier(tmp_path: Path, ending: str) -> None:
    times_ms = synthetic_clips.every(40, 25, start_ms=700)
    path = synthetic_clips.write(tmp_path / f"late{ending}", times_ms, codec_options=B_FRAMES, audio_s=1)
    assert offsets(path) == synthetic_clips.every(40, 25)


def test_an_avi_has_its_frames_at_its_rate(tmp_path: Path) -> None:
    path = synthetic_clips.write(tmp_path / "even.avi", synthetic_clips.every(40, 25), codec_options={"bf": "0"})
    assert offsets(path) == synthetic_clips.every(40, 25)


@pytest.mark.parametrize("count", [20, 50])
def test_offsets_never_fall_where_an_avi_with_b_frames_has_no_times(tmp_path: Path, count: int) -> None:
    given = offsets(synthetic_clips.write(tmp_path / "b.avi", synthetic_clips.every(40, count), codec_options=B_FRAMES))
    assert len(given) == count
    assert all(later >= earlier for earlier, later in pairwise(given))


def test_offsets_go_on_where_the_timestamps_begin_anew(tmp_path: Path) -> None:
    part = synthetic_clips.write(tmp_path / "part.ts", synthetic_clips.every(40, 50), codec_options={"bf": "0"})
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 2)
    assert offsets(joined) == synthetic_clips.every(40, 100)


def test_a_rotation_tag_turns_the_picture(clip: Path, tmp_path: Path) -> None:
    path = synthetic_clips.turned(clip, tmp_path / "turned.mp4")
    image = next(video.frames(path, 1)).image
    assert image.shape == (synthetic_clips.WIDTH_PX, synthetic_clips.HEIGHT_PX, 3)
    assert image[: synthetic_clips.WIDTH_PX // 8, :, 2].min() > 200
    info = video.probe(path)
    assert (info.width_px, info.height_px) == (synthetic_clips.HEIGHT_PX, synthetic_clips.WIDTH_PX)


@pytest.mark.parametrize("video_format", ["matroska", "avi", "mpegts", "mov"])
def test_the_content_decides_not_the_name(tmp_path: Path, video_format: str) -> None:
    path = synthetic_clips.write(tmp_path / "named.mp4", synthetic_clips.every(40, 10), video_format=video_format)
    assert len(offsets(path)) == 10


def test_a_path_that_looks_like_an_address_is_a_path(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    odd = Path(shutil.copy(clip, tmp_path / "concat:%03d.mp4"))
    assert len(offsets(Path(odd.name))) == 100


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shortest_clips_are_videos(tmp_path: Path, count: int) -> None:
    path = synthetic_clips.write(tmp_path / "short.mp4", synthetic_clips.every(40, count))
    assert offsets(path) == synthetic_clips.every(40, count)
    assert video.probe(path).median_interval_ms == 40


def test_a_probe_tells_size_and_the_usual_interval(tmp_path: Path) -> None:
    path = synthetic_clips.write(tmp_path / "uneven.mkv", UNEVEN_MS)
    info = video.probe(path)
    assert (info.width_px, info.height_px) == (synthetic_clips.WIDTH_PX, synthetic_clips.HEIGHT_PX)
    assert info.median_interval_ms == np.median(np.diff(UNEVEN_MS))


@pytest.mark.parametrize("ending", [".mkv", ".ts"])
def test_a_count_that_the_container_only_guesses_is_not_held_against_it(tmp_path: Path, ending: str) -> None:
    path = synthetic_clips.write(tmp_path / f"loud{ending}", synthetic_clips.every(40, 25), audio_s=4)
    assert video.probe(path).announced_frames > 50
    assert len(offsets(path)) == 25


def test_frames_that_an_edit_list_hides_are_not_missing(clip: Path, tmp_path: Path) -> None:
    path = synthetic_clips.trim(clip, tmp_path / "trimmed.mp4", start_s=3.0)
    announced = video.probe(path).announced_frames
    given = offsets(path)
    assert 20 <= len(given) < 0.9 * announced
    assert given[0] == 0


def test_a_fragmented_mp4_is_read_to_its_end(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov"}
    path = synthetic_clips.write(
        tmp_path / "camera.mp4", synthetic_clips.every(40, 60), codec_options={"g": "15"}, format_options=options
    )
    assert offsets(path) == synthetic_clips.every(40, 60)


def fragmented(path: Path, flags: str, audio_s: float = 0) -> Path:
    codec = {"g": "6", "sc_threshold": "0"} | B_FRAMES
    options = {"movflags": flags}
    return synthetic_clips.write(
        path, synthetic_clips.every(40, 300), codec_options=codec, format_options=options, audio_s=audio_s
    )


@pytest.mark.parametrize("flags", FRAGMENTED)
@pytest.mark.parametrize("audio_s", [0, 3])
def test_fragments_are_all_read_whatever_the_index_lists(tmp_path: Path, flags: str, audio_s: float) -> None:
    assert offsets(fragmented(tmp_path / "camera.mp4", flags, audio_s)) == synthetic_clips.every(40, 300)


def test_a_trimmed_fragmented_mp4_is_not_refused(clip: Path, tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov"}
    assert offsets(synthetic_clips.trim(clip, tmp_path / "trimmed.mp4", 3.5, options))[0] == 0


def last_box(path: Path, name: bytes) -> tuple[int, int]:
    """Where the last box of this name begins and ends."""
    at, found = 0, (0, 0)
    for part in mp4_boxes.outer_boxes(path.read_bytes()):
        found = (at, at + len(part)) if part[4:8] == name else found
        at += len(part)
    return found


@pytest.mark.parametrize("flags", FRAGMENTED)
def test_a_fragmented_mp4_that_lacks_a_part_of_its_mfra_is_whole(flags: str, tmp_path: Path) -> None:
    path = fragmented(tmp_path / "cut.mp4", flags, audio_s=3)
    path.write_bytes(path.read_bytes()[:-1])
    assert offsets(path) == synthetic_clips.every(40, 300)


@pytest.mark.parametrize("flags", FRAGMENTED)
def test_a_cut_last_fragment_lacks_the_samples_that_it_cannot_hold(flags: str, tmp_path: Path) -> None:
    path = fragmented(tmp_path / "cut.mp4", flags)
    path.write_bytes(path.read_bytes()[: last_box(path, b"mdat")[1] - 1])
    given, damage = read(path)
    assert damage is not None
    assert (len(given), str(damage), damage.is_minor) == (299, "truncated: 299 of 300 frames", True)


@pytest.mark.parametrize("flags", FRAGMENTED)
def test_what_precedes_a_cut_table_is_read_and_the_file_refused(flags: str, tmp_path: Path) -> None:
    path = fragmented(tmp_path / "cut.mp4", flags)
    path.write_bytes(path.read_bytes()[: last_box(path, b"moof")[1] - 20])
    given, damage = read(path)
    assert damage is not None
    assert len(given) >= 200
    assert (damage.is_cut, damage.is_minor) == (True, False)
    assert str(damage).startswith(f"truncated: {len(given)} frames of a file cut at {path.stat().st_size} of ")


@pytest.mark.parametrize("first", [10, 90])
def test_samples_without_content_are_not_missing(first: int, tmp_path: Path) -> None:
    """Ten of 100: their bytes are taken out of the media, and their sizes in the index are 0."""
    path = synthetic_clips.write(tmp_path / "a.mp4", synthetic_clips.every(40, 100), codec_options={"g": "1"})
    data = bytearray(path.read_bytes())
    sizes_at = synthetic_clips.box_positions(data, *mp4_boxes.STBL, b"stsz")[-1] + 20
    sizes = [int.from_bytes(data[at : at + 4], "big") for at in range(sizes_at, sizes_at + 400, 4)]
    data[sizes_at + 4 * first : sizes_at + 4 * first + 40] = bytes(40)
    media = int.from_bytes(data[synthetic_clips.box_positions(data, *mp4_boxes.STBL, b"stco")[-1] + 16 :][:4], "big")
    begin, end = media + sum(sizes[:first]), media + sum(sizes[: first + 10])
    rest = media + sum(sizes)
    data[begin:rest] = data[end:rest] + bytes(end - begin)
    path.write_bytes(data)
    assert len(offsets(path)) == 90


@pytest.mark.parametrize(("shown", "stride"), [(0, 1), (0, 25), (50, 1), (20, 2)])
def test_frames_that_cannot_be_decoded_are_missed(
    clip: Path, monkeypatch: pytest.MonkeyPatch, shown: int, stride: int
) -> None:
    real, left = decoding._frames, shown

    def failing(video: OpenVideo, packet: Any, tally: Tally) -> Iterator[Any]:
        nonlocal left
        if left:
            left -= 1
            yield from real(video, packet, tally)
        else:
            tally.refuse()

    clip = synthetic_clips.write(clip, synthetic_clips.every(40, 100), codec_options={"bf": "0"})
    monkeypatch.setattr(open_video, "MOST_THREADS", 1)
    source = VideoFile(clip, stride)
    assert source.info.announced_frames == 100 // stride, "examined before frames are lost"
    monkeypatch.setattr(decoding, "_frames", failing)
    if shown:
        given = list(source.frames())
        assert (len(given), str(source.damage)) == (shown // stride, f"damaged: {shown} of 100 frames")
    else:
        with refused("undecodable", match="^not a video: none of its frames can be decoded$"):
            list(source.frames())


def test_reading_goes_on_behind_a_damaged_packet(tmp_path: Path) -> None:
    path = synthetic_clips.write(
        tmp_path / "hit.mp4", synthetic_clips.every(40, 200), codec_options={"g": "5", "bf": "0"}
    )
    data = bytearray(path.read_bytes())
    packet = synthetic_clips.box_positions(data, b"mdat")[0] + 8 + 2000
    data[packet : packet + 40] = bytes(40)
    path.write_bytes(data)
    given, damage = read(path)
    assert 192 <= len(given) <= 200
    assert given[-1].offset_ms == 40 * 199
    assert (damage is None) == (len(given) == 200)
    assert damage is None or (damage.is_minor and str(damage) == f"damaged: {len(given)} of 200 frames")


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (b"", "empty_file", "empty file"),
        (b"hello\n" * 1000, "not_a_video", "not a video: neither MP4"),
        (bytes(100_000), "not_a_video", "not a video: neither MP4"),
        (
            cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes(),
            "not_a_video",
            "not a video: a JPEG image",
        ),
        (b"\x1a\x45\xdf\xa3" + bytes(1000), "undecodable", "no video stream in this Matroska file"),
    ],
)
def test_what_is_no_video_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, code: ErrorCode, reason: str
) -> None:
    path = tmp_path / "upload.mp4"
    path.write_bytes(content)
    with refused(code, match=reason):
        video.probe(path)
    with refused(code, match=reason):
        next(video.frames(path, 1))


@pytest.mark.parametrize(
    "playlist",
    ["ffconcat version 1.0\nfile '{}'\n", "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{}\n#EXT-X-ENDLIST\n"],
)
def test_a_playlist_opens_no_other_file(tmp_path: Path, playlist: str) -> None:
    synthetic_clips.write(tmp_path / "other.ts", synthetic_clips.every(40, 10))
    path = tmp_path / "upload.mp4"
    path.write_text(playlist.format("other.ts"))
    with refused("not_a_video", match="not a video: a playlist"):
        next(video.frames(path, 1))


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with refused("no_video_stream", match=r"^no video stream$"):
        next(video.frames(synthetic_clips.write_audio_only(tmp_path / "sound.mp4"), 1))


def test_an_upload_that_lost_its_index_is_truncated(clip: Path) -> None:
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with refused("truncated", match=r"^truncated: \d+ of \d+ bytes$"):
        next(video.frames(clip, 1))


def test_an_mp4_without_an_index_says_so(clip: Path) -> None:
    data = clip.read_bytes()
    clip.write_bytes(data[: synthetic_clips.box_positions(data, b"moov")[0]])
    with refused("truncated", match=r"^truncated: its index \(moov\) is missing$"):
        next(video.frames(clip, 1))


def test_a_cut_video_gives_its_frames_up_to_the_cut_and_then_how_many_are_missing(streamable: Path) -> None:
    streamable.write_bytes(streamable.read_bytes()[: streamable.stat().st_size * 2 // 3])
    given, damage = read(streamable)
    assert 10 < len(given) < 98
    assert str(damage) == f"truncated: {len(given)} of 100 frames"


def test_a_file_that_is_cut_in_its_first_frame_is_truncated(streamable: Path) -> None:
    data = streamable.read_bytes()
    streamable.write_bytes(data[: synthetic_clips.box_positions(data, b"mdat")[0] + 100])
    for reading in (video.probe, offsets):
        with refused("truncated", match=r"^truncated: no frame in \d+ of \d+ bytes$"):
            reading(streamable)


@pytest.mark.parametrize(
    ("ending", "share", "is_minor"),
    [(".mkv", 0.8, True), (".mkv", 0.4, False), (".avi", 0.8, True), (".avi", 0.4, False)],
)
def test_a_cut_matroska_or_avi_is_compared_with_its_header(
    tmp_path: Path, ending: str, share: float, is_minor: bool
) -> None:
    path = synthetic_clips.write(tmp_path / f"cut{ending}", synthetic_clips.every(40, 100), codec_options={"bf": "0"})
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * share)])
    given, damage = read(path)
    assert damage is not None
    assert (str(damage), damage.is_minor) == (f"truncated: {len(given)} of 100 frames", is_minor)


def test_a_matroska_that_lacks_its_last_bytes_is_complete(tmp_path: Path) -> None:
    path = synthetic_clips.write(tmp_path / "tail.mkv", synthetic_clips.every(40, 100))
    path.write_bytes(path.read_bytes()[:-1])
    given, damage = read(path)
    assert (len(given), damage) == (100, None)


def test_a_file_whose_second_half_was_never_written_is_damaged(streamable: Path) -> None:
    data = streamable.read_bytes()
    streamable.write_bytes(data[: len(data) * 2 // 3] + bytes(len(data) - len(data) * 2 // 3))
    given, damage = read(streamable)
    assert 10 < len(given) < 98
    assert str(damage) == f"damaged: {len(given)} of 100 frames"


def test_absurdly_large_pictures_are_refused_undecoded(tmp_path: Path) -> None:
    path = synthetic_clips.write(tmp_path / "wide.mov", [0], codec="mjpeg", size=(16_400, 16))
    with refused("picture_too_large", match="16400×16 px"):
        video.probe(path)


@pytest.mark.parametrize("count", [open_video.MOST_SAMPLES + 1, 50_000_000, 2**32 - 1])
def test_an_index_that_announces_more_than_can_be_is_refused_before_the_decoder_makes_room(
    clip: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    table = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsz")
    data = bytearray(clip.read_bytes())
    at = synthetic_clips.box_positions(data, *table)[-1] + 12
    data[at : at + 8] = (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    clip.write_bytes(data)
    monkeypatch.setattr(av, "open", None)
    with refused(
        "too_many_frames", match=f"^its index announces {count} frames, more than the 10000000 that can be read"
    ):
        next(video.frames(clip, 1))


def test_a_fragment_that_announces_more_than_can_be_is_refused_before_the_decoder_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fragmented(tmp_path / "camera.mp4", "frag_keyframe+empty_moov")
    data = bytearray(path.read_bytes())
    at = synthetic_clips.box_positions(data, b"moof", b"traf", b"trun")[-1] + 12
    data[at : at + 4] = (50_000_000).to_bytes(4, "big")
    path.write_bytes(data)
    monkeypatch.setattr(av, "open", None)
    with refused("too_many_frames", match=r"^its index announces 500002\d\d frames"):
        next(video.frames(path, 1))


def test_a_second_size_in_the_table_that_no_frame_has_changes_nothing(clip: Path, tmp_path: Path) -> None:
    path = synthetic_clips.with_second_size(clip, tmp_path / "two.mp4", (64, 48))
    assert offsets(path) == synthetic_clips.every(40, 100)


def test_a_video_of_more_than_a_year_is_refused(tmp_path: Path) -> None:
    path = synthetic_clips.write(tmp_path / "long.mkv", [0, 40, 400 * 24 * 3600 * 1000])
    given, damage = read(path)
    assert [frame.offset_ms for frame in given] == [0, 40]
    with refused("too_long", match="^frame 2 is 34560000000 ms into the video: more than a year$"):
        check(damage)


def test_the_file_is_closed_however_reading_ends(clip: Path) -> None:
    opened = video.frames(clip, 1)
    next(opened)
    assert _is_open(clip)
    opened.close()
    assert not _is_open(clip)
    offsets(clip)
    assert not _is_open(clip)


def _is_open(path: Path) -> bool:
    return any(link.exists() and link.resolve() == path for link in Path("/proc/self/fd").iterdir())


def test_the_decoder_writes_nothing_to_the_terminal(streamable: Path, tmp_path: Path) -> None:
    """In a process of its own: the decoder asks how loud to be once, at the first file of all."""
    cut, nonsense = tmp_path / "cut.mp4", tmp_path / "nonsense.mp4"
    cut.write_bytes(streamable.read_bytes()[: streamable.stat().st_size // 2])
    nonsense.write_bytes(b"hello\n" * 1000)
    script = (
        "import sys, contextlib; from pathlib import Path\n"
        "from video_analysis.worker_utils.errors import BadVideo; from video_analysis.yolo_worker.source import video\n"
        "for path in sys.argv[1:]:\n"
        "    with contextlib.suppress(BadVideo):\n"
        "        print(sum(1 for _ in video.frames(Path(path), 1)) < 90)\n"
        "    print('refused')"
    )
    command = [sys.executable, "-c", script, str(cut), str(nonsense)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True\nrefused\nrefused\n", "")


@pytest.mark.slow
def test_every_real_clip_is_read_to_its_end(shared_data: Path) -> None:
    paths = [*shared_data.glob("video/*.mp4"), *shared_data.glob("video/containers/*")]
    assert paths
    for path in paths:
        given, damage = read(path, stride=25)
        assert (given[0].offset_ms, damage) == (0, None), path
        assert len(given) == -(-video.probe(path).announced_frames // 25), path


def test_the_real_rotated_clips_stand_upright_as_tagged(shared_data: Path) -> None:
    for path in shared_data.glob("video/containers/*_rotate.*"):
        assert next(video.frames(path, 1)).image.shape == (800, 600, 3)
