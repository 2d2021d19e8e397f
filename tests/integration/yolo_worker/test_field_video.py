"""Kinds of footage from the field: several streams, odd times, odd pictures, cut recordings, other containers."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice, pairwise, product
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import pytest
from av.filter import Graph

from video_analysis.tests.support import synthetic_clips
from video_analysis.worker_utils.errors import BadVideo
from video_analysis.yolo_worker.source import deinterlace, open_video, picture, video
from video_analysis.yolo_worker.source.field_order import FieldOrder
from video_analysis.yolo_worker.source.video_file import VideoFile
from video_analysis.yolo_worker.types import Image

HEIGHT_PX, WIDTH_PX = synthetic_clips.HEIGHT_PX, synthetic_clips.WIDTH_PX
EVEN_MS = synthetic_clips.every(40, 50)
GROUPS = {"g": "10", "sc_threshold": "0", "bf": "0"}
ONE = 1 << 16
RED = (0, 0, 255)


def offsets(path: Path, stride: int = 1) -> list[int]:
    """Of a file that lacks nothing."""
    source = VideoFile(path, stride)
    given = [frame.offset_ms for frame in source.frames()]
    assert source.damage is None
    return given


def first_image(path: Path) -> Image:
    return next(video.frames(path, 1)).image


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return synthetic_clips.write(tmp_path / "clip.mp4", EVEN_MS, codec_options=GROUPS)


# Streams


def two_streams(path: Path, streams: Sequence[tuple[str, tuple[int, int], int]]) -> Path:
    """Streams of (codec, size, frames) in this order."""
    with av.open(str(path), "w") as output:
        made = []
        for codec, size, _ in streams:
            stream = cast("av.VideoStream", output.add_stream(codec, rate=25))
            stream.width, stream.height = size
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            made.append(stream)
        for stream, (_, size, count) in zip(made, streams, strict=True):
            for index, frame in enumerate(synthetic_clips.picture_frames(count, size)):
                frame.pts, frame.time_base = index, Fraction(1, 25)
                output.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
            output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
@pytest.mark.parametrize("other", [("mjpeg", (320, 240), 1), ("libx264", (80, 60), 25)])
def test_the_recording_is_read_where_a_thumbnail_or_a_substream_comes_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str, other: tuple[str, tuple[int, int], int]
) -> None:
    path = two_streams(tmp_path / f"two{ending}", [other, ("libx264", (WIDTH_PX, HEIGHT_PX), 25)])
    with caplog.at_level(logging.INFO, open_video.__name__):
        given = list(video.frames(path, 1))
    assert (len(given), given[0].image.shape) == (25, (HEIGHT_PX, WIDTH_PX, 3))
    (record,) = caplog.records
    assert (record.__dict__["event"], record.__dict__["stream"]) == ("source.stream_chosen", 1)
    assert len(record.__dict__["candidates"]) == 2


def test_every_listed_decoder_exists() -> None:
    assert [av.codec.Codec(name, "r").name for name in open_video.CODECS] == list(open_video.CODECS)


def test_a_codec_that_is_not_supported_is_refused_by_its_name(clip: Path) -> None:
    clip.write_bytes(clip.read_bytes().replace(b"avc1\0\0", b"encv\0\0"))
    with pytest.raises(BadVideo, match="its video codec cannot be decoded: encv") as refusal:
        offsets(clip)
    assert refusal.value.code == "unsupported_codec"


def test_a_stream_without_the_name_of_its_codec_is_refused(clip: Path) -> None:
    data = bytearray(clip.read_bytes())
    path = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    at = synthetic_clips.box_positions(data, *path)[-1]
    data[at + 4 : at + 8] = b"free"
    clip.write_bytes(data)
    with pytest.raises(BadVideo, match="no video stream in this MP4 file that can be decoded") as refusal:
        offsets(clip)
    assert refusal.value.code == "undecodable"


@pytest.mark.parametrize("codec", ["libsvtav1", "libx265", "libvpx-vp9", "mpeg4", "mpeg2video"])
def test_other_codecs_are_decoded(tmp_path: Path, codec: str) -> None:
    options = {"libx265": {"x265-params": "log-level=none"}, "libsvtav1": {"preset": "12"}}.get(codec, {})
    path = synthetic_clips.write_frames(
        tmp_path / "clip.mp4", synthetic_clips.picture_frames(12), codec=codec, options=options
    )
    assert offsets(path) == synthetic_clips.every(40, 12)


# Containers


@pytest.mark.parametrize("video_format", ["mpeg", "flv", "h264"])
def test_other_containers_under_an_mp4_name_are_read(tmp_path: Path, video_format: str) -> None:
    path = synthetic_clips.write(tmp_path / "a.mp4", EVEN_MS, video_format=video_format, codec_options=GROUPS)
    assert offsets(path) == pytest.approx(EVEN_MS, abs=1)


def test_raw_hevc_is_read(tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none:bframes=0"}
    frames = synthetic_clips.picture_frames(12)
    path = synthetic_clips.write_frames(tmp_path / "a.hevc", frames, codec="libx265", options=options)
    assert offsets(path) == synthetic_clips.every(40, 12)


def test_a_program_stream_behind_an_imkh_header_is_read(tmp_path: Path) -> None:
    path = synthetic_clips.write(tmp_path / "a.mp4", EVEN_MS, video_format="mpeg", codec_options=GROUPS)
    path.write_bytes(b"IMKH\1\1\0\0\2\0\1\0" + bytes(28) + path.read_bytes())
    assert len(offsets(path)) == len(EVEN_MS)


def test_a_session_description_opens_no_socket(tmp_path: Path) -> None:
    lines = ("v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=x", "c=IN IP4 127.0.0.1", "t=0 0", "m=video 5004 RTP/AVP 96")
    (tmp_path / "upload.mp4").write_text("\n".join(lines))
    with pytest.raises(BadVideo, match="not a video"):
        offsets(tmp_path / "upload.mp4")


def test_a_long_edit_list_does_not_repeat_the_video(clip: Path) -> None:
    edits = bytes(4) + (50_000).to_bytes(4, "big")
    edits += b"".join((2_000).to_bytes(4, "big") + bytes(4) + ONE.to_bytes(4, "big") for _ in range(50_000))
    box = len(edits) + 8
    extra = (box + 8).to_bytes(4, "big") + b"edts" + box.to_bytes(4, "big") + b"elst" + edits
    data = bytearray(clip.read_bytes())
    positions = synthetic_clips.box_positions(data, b"moov", b"trak")
    end = positions[-1] + int.from_bytes(data[positions[-1] : positions[-1] + 4], "big")
    data[end:end] = extra
    for at in positions:
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + len(extra)).to_bytes(4, "big")
    clip.write_bytes(data)
    assert len(offsets(clip)) == len(EVEN_MS)


# Times


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("error_ms", [10_000, 400])
def test_a_stray_timestamp_shifts_nothing(clip: Path, tmp_path: Path, ending: str, error_ms: int) -> None:
    def late(number: int, packet: av.Packet[av.VideoStream]) -> bool:
        if number == 30:
            packet.pts = (packet.pts or 0) + round(error_ms / 1000 / packet.time_base)
        return True

    path = synthetic_clips.remuxed(clip, tmp_path / f"late{ending}", late)
    assert offsets(path) == pytest.approx(EVEN_MS, abs=2)


def test_a_recording_that_begins_inside_a_group_of_pictures_is_not_damaged(clip: Path, tmp_path: Path) -> None:
    path = synthetic_clips.remuxed(clip, tmp_path / "late.mp4", lambda number, _packet: number > 6)
    assert offsets(path) == synthetic_clips.every(40, 40, start_ms=120)


@pytest.mark.parametrize("ending", [".ts", ".mkv"])
def test_so_does_one_in_another_container(clip: Path, tmp_path: Path, ending: str) -> None:
    path = synthetic_clips.remuxed(clip, tmp_path / f"late{ending}", lambda number, _packet: number > 6)
    assert offsets(path) == synthetic_clips.every(40, 40, start_ms=120)


def test_an_hevc_recording_may_begin_with_frames_that_refer_to_earlier_ones(tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none:keyint=20:open-gop=1:bframes=3"}
    frames = synthetic_clips.picture_frames(100)
    whole = synthetic_clips.write_frames(tmp_path / "whole.mp4", frames, codec="libx265", options=options)
    path = synthetic_clips.remuxed(whole, tmp_path / "late.mp4", lambda number, _packet: number >= 22)
    given = offsets(path)
    assert len(given) == 60
    assert {later - earlier for earlier, later in pairwise(given)} == {40}


@pytest.mark.parametrize("first_ms", [500_000, 2**33 // 90 - 1000])
def test_a_transport_stream_whose_clock_restarts_or_wraps_around_continues(tmp_path: Path, first_ms: int) -> None:
    first = synthetic_clips.write(tmp_path / "1.ts", synthetic_clips.every(40, 50, first_ms), codec_options=GROUPS)
    second = synthetic_clips.write(tmp_path / "2.ts", synthetic_clips.every(40, 50, 1000), codec_options=GROUPS)
    first.write_bytes(first.read_bytes() + second.read_bytes())
    assert offsets(first) == pytest.approx(synthetic_clips.every(40, 100), abs=1)


def test_frames_that_an_avi_drops_leave_a_gap_to_within_one_frame(tmp_path: Path) -> None:
    times_ms = [time_ms for number, time_ms in enumerate(EVEN_MS) if number % 3]
    path = synthetic_clips.write(tmp_path / "drops.avi", times_ms, codec_options=GROUPS)
    assert offsets(path) == pytest.approx([time_ms - times_ms[0] for time_ms in times_ms], abs=40)


def test_a_gap_in_the_recording_is_kept(tmp_path: Path) -> None:
    times_ms = [*EVEN_MS, *synthetic_clips.every(40, 50, start_ms=62_000)]
    assert offsets(synthetic_clips.write(tmp_path / "gap.mp4", times_ms)) == times_ms


# Pictures


def joined(tmp_path: Path, sizes: Sequence[tuple[int, int]]) -> Path:
    """A transport stream whose pictures change their size."""
    parts = []
    for number, size in enumerate(sizes):
        times_ms = synthetic_clips.every(40, 25, start_ms=1000 * number)
        part = synthetic_clips.write(tmp_path / f"{number}.ts", times_ms, size=size, codec_options=GROUPS)
        parts.append(part.read_bytes())
    (tmp_path / "joined.ts").write_bytes(b"".join(parts))
    return tmp_path / "joined.ts"


@pytest.mark.parametrize(
    "sizes", [[(160, 120), (320, 240)], [(320, 240), (160, 120)], [(160, 120), (120, 160), (64, 64)]]
)
def test_reading_continues_with_the_new_size(tmp_path: Path, sizes: list[tuple[int, int]]) -> None:
    given = list(video.frames(joined(tmp_path, sizes), 1))
    assert [frame.offset_ms for frame in given] == synthetic_clips.every(40, 25 * len(sizes))
    for number, (width, height) in enumerate(sizes):
        assert {frame.image.shape[:2] for frame in given[25 * number : 25 * number + 25]} == {(height, width)}


@pytest.mark.parametrize(
    ("aspect", "size"), [((2, 1), (320, 120)), ((1, 2), (160, 240)), ((1, 1), (160, 120)), ((5000, 1), (160, 120))]
)
@pytest.mark.parametrize("ending", [".mp4", ".ts"])
def test_pixels_are_made_square(tmp_path: Path, aspect: tuple[int, int], size: tuple[int, int], ending: str) -> None:
    frames = synthetic_clips.picture_frames(5)
    path = synthetic_clips.write_frames(tmp_path / f"sar{ending}", frames, pixel_aspect=Fraction(*aspect))
    image = first_image(path)
    assert image.shape == (size[1], size[0], 3)
    info = video.probe(path)
    assert (info.width_px, info.height_px) == size
    assert image[:, : size[0] // 5, 2].min() > 150


MATRICES = [(a, 0, 0, d) for a, d in product((1, -1), repeat=2)] + [(0, b, c, 0) for b, c in product((1, -1), repeat=2)]


@pytest.mark.parametrize(("a", "b", "c", "d"), MATRICES)
def test_the_whole_display_matrix_is_applied(tmp_path: Path, a: int, b: int, c: int, d: int) -> None:
    """The left upper corner of the picture is red."""
    picture = np.full((64, 96, 3), 128, np.uint8)
    picture[:32, :48] = RED
    frames = [av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv444p") for _ in range(3)]
    matrix = [a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30]
    path = synthetic_clips.write_frames(tmp_path / "clip.mp4", frames, matrix=matrix)
    image = first_image(path)
    x, y = a * -1 + c * -1, b * -1 + d * -1
    assert image.shape[:2] == ((96, 64) if b else (64, 96))
    info = video.probe(path)
    assert (info.height_px, info.width_px) == image.shape[:2]
    height, width = image.shape[:2]
    corner = image[height // 4 if y < 0 else 3 * height // 4, width // 4 if x < 0 else 3 * width // 4]
    assert corner[2] > 200
    assert sum(image[v * height // 4, h * width // 4, 1] < 60 for v, h in product((1, 3), repeat=2)) == 1


def combed(count: int, first_field: int = 0, step: int = 8) -> Iterator[av.VideoFrame]:
    """A white bar that moves by `step` px from field to field; 0: the top field is the first."""
    bar = np.full((64, 256, 3), 32, np.uint8)
    bar[:, 20:60] = 224
    for index in range(count):
        picture = np.empty((128, 256, 3), np.uint8)
        for number, field in enumerate((first_field, 1 - first_field)):
            picture[field::2] = np.roll(bar, step * (2 * index + number), axis=1)
        yield av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")


def combing(image: Image) -> float:
    rows = image[..., 1].astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


def test_interlaced_frames_are_deinterlaced_one_for_one(tmp_path: Path) -> None:
    interlaced = synthetic_clips.write_frames(
        tmp_path / "i.mp4", combed(10), options={"x264-params": "tff=1:interlaced=1"}
    )
    progressive = synthetic_clips.write_frames(tmp_path / "p.mp4", combed(5))
    given, combs = list(video.frames(interlaced, 1)), [combing(frame.image) for frame in video.frames(progressive, 1)]
    assert [frame.offset_ms for frame in given] == synthetic_clips.every(40, 10)
    assert max(combing(frame.image) for frame in given) < min(combs) / 3


@pytest.mark.parametrize(("first_field", "order"), [(0, "tff"), (1, "bff")])
def test_interlaced_frames_that_are_not_flagged_are_detected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_field: int, order: str
) -> None:
    make_graph, orders = deinterlace._graph, list[object]()

    def graph(frame: av.VideoFrame, threads: int, order: FieldOrder | None) -> Graph:
        orders.append(order)
        return make_graph(frame, threads, order)

    monkeypatch.setattr(deinterlace, "_graph", graph)
    path = synthetic_clips.write_frames(tmp_path / "i.mp4", combed(24, first_field))
    given = list(video.frames(path, 1))
    assert [frame.offset_ms for frame in given] == synthetic_clips.every(40, 24)
    assert orders == [order]
    combs = [combing(frame.image) for frame in given]
    assert max(combs[12:]) < min(combs[:8]) / 3


def test_frames_that_the_filter_refuses_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = synthetic_clips.write_frames(tmp_path / "i.mp4", combed(10), options={"x264-params": "tff=1:interlaced=1"})
    monkeypatch.setattr(deinterlace, "FILTER", "crop")
    monkeypatch.setattr(deinterlace, "OF_FLAGGED", "w=10000")
    given = list(video.frames(path, 1))
    assert [frame.offset_ms for frame in given] == synthetic_clips.every(40, 10)
    assert combing(given[5].image) > 1


# Colours

PATCHES = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (200, 120, 40),
    (128, 128, 128),
    (255, 255, 255),
    (0, 0, 0),
    (30, 60, 90),
]
KR_KB = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
"""Of the matrices BT.709, BT.601 and BT.2020 by their code points in ITU-T H.273."""


def patches(
    pixels: str, code: int, color_range: int, tagged: bool = True, size: tuple[int, int] = (320, 240)
) -> av.VideoFrame:
    """Columns of the RGB colours in PATCHES as Y'CbCr."""
    (kr, kb), bits = KR_KB[code], 10 if "10" in pixels else 8
    rgb = np.array(PATCHES, float) / 255
    luma = rgb @ [kr, 1 - kr - kb, kb]
    planes = [luma, (rgb[:, 2] - luma) / 2 / (1 - kb), (rgb[:, 0] - luma) / 2 / (1 - kr)]
    frame = av.VideoFrame(*size, pixels)
    if tagged:
        frame.colorspace, frame.color_range = code, color_range
    for number, (plane, values) in enumerate(zip(frame.planes, planes, strict=False)):
        scale, zero = ((219, 224)[number > 0], (16, 128)[number > 0]) if color_range == 1 else (255, 128 * (number > 0))
        codes = np.clip(np.rint((values * scale + zero) * 2 ** (bits - 8)), 0, 2**bits - 1)
        row = codes.astype(np.uint8 if bits == 8 else np.uint16)[np.arange(plane.width) * len(PATCHES) // plane.width]
        padded = np.zeros((plane.height, plane.line_size // row.itemsize), row.dtype)
        padded[:, : plane.width] = row
        plane.update(padded.tobytes())
    return frame


def read_patches(path: Path) -> list[tuple[int, ...]]:
    image, count = first_image(path), len(PATCHES)
    columns = [(2 * number + 1) * image.shape[1] // (2 * count) for number in range(count)]
    return [tuple(int(value) for value in image[image.shape[0] // 2, column, ::-1]) for column in columns]


@pytest.mark.parametrize("code", KR_KB)
@pytest.mark.parametrize("color_range", [1, 2])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
def test_colours_are_right_in_each_matrix_range_and_format(
    tmp_path: Path, code: int, color_range: int, pixels: str
) -> None:
    frames = [patches(pixels, code, color_range) for _ in range(2)]
    path = synthetic_clips.write_frames(tmp_path / "c.mp4", frames, options={"crf": "1", "preset": "ultrafast"})
    assert np.abs(np.subtract(read_patches(path), PATCHES)).max() <= 3


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv422p10le"])
def test_a_matrix_that_cannot_be_converted_is_read_as_bt_601(pixels: str) -> None:
    maker, frame = picture.PictureMaker(1), patches("yuv420p", 6, 1).reformat(format=pixels)
    right = maker.picture(frame, None)
    for code in (0, 2, 3, 8, *range(11, 17), 130, 255):
        frame.colorspace = code
        assert np.array_equal(picture.PictureMaker(1).picture(frame, None), right), code
    assert right.shape[:2] == (frame.height, frame.width)


@pytest.mark.parametrize("size", [(320, 240), (1280, 720)])
def test_an_untagged_video_is_read_as_bt_601(tmp_path: Path, size: tuple[int, int]) -> None:
    frames = [patches("yuv420p", 6, 1, tagged=False, size=size)]
    path = synthetic_clips.write_frames(tmp_path / "c.mp4", frames, options={"crf": "1", "preset": "ultrafast"})
    assert np.abs(np.subtract(read_patches(path), PATCHES)).max() <= 3


@pytest.mark.parametrize("pixels", ["gray", "gray10le"])
def test_grey_videos_are_read(tmp_path: Path, pixels: str) -> None:
    ramp = np.tile(np.linspace(16, 235, 320).astype(np.uint8), (240, 1))
    frame = av.VideoFrame.from_ndarray(ramp, format="gray").reformat(format=pixels)
    image = first_image(synthetic_clips.write_frames(tmp_path / "g.mp4", [frame], options={"crf": "1"}))
    assert (image[..., 0] == image[..., 2]).all()
    assert image[120, 5, 0] < 20
    assert image[120, 315, 0] > 235


@pytest.mark.parametrize(("transfer", "white"), [(16, 0.5807), (18, 0.75)])
def test_hdr_is_mapped_to_sdr(tmp_path: Path, transfer: int, white: float) -> None:
    """The reference white of 203 cd/m² is nearly white; grey stays grey."""
    frames = []
    for level in (white, white / 2):
        frame = av.VideoFrame(320, 240, "yuv420p10le")
        frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = 9, 1, transfer, 9
        for plane, value in zip(frame.planes, (round(876 * level + 64), 512, 512), strict=True):
            plane.update(np.full((plane.height, plane.line_size // 2), value, np.uint16).tobytes())
        frames.append(frame)
    path = synthetic_clips.write_frames(tmp_path / "hdr.mp4", frames, options={"crf": "1"})
    bright, dark = (frame.image[120, 160].astype(int) for frame in video.frames(path, 1))
    assert np.ptp(bright) <= 3
    assert np.ptp(dark) <= 3
    assert 238 <= bright.min() <= bright.max() <= 255
    assert 30 < dark.max() < 150


# Memory


@pytest.mark.slow
def test_the_pictures_of_a_video_are_freed_when_it_is_closed(tmp_path: Path) -> None:
    """Without a garbage collection: a reference cycle would hold the decoder's whole pool of pictures."""
    frames = synthetic_clips.picture_frames(60, (1280, 720))
    path = synthetic_clips.write_frames(tmp_path / "large.mp4", frames, options={"preset": "ultrafast"})
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            video.probe(path)
        before_kb = resident_kb()
        for _ in range(6):
            video.probe(path)
            assert offsets(path, 10)
        assert resident_kb() - before_kb < 60_000
    finally:
        gc.enable()


def resident_kb() -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


# The shared files

CASES = {
    "thumb_track_first.mp4": (60, (600, 800), 2950),
    "sizechange_up.mp4": (120, (300, 400), 5950),
    "nokey_start.mp4": (326, (352, 640), 19_792),
    "sar_2_1.mp4": (60, (600, 800), 2950),
    "hflip.mp4": (60, (600, 800), 2950),
    "av1.mp4": (60, (600, 800), 2950),
    "f4v_example.mp4": (524, (240, 320), 34_867),
    "nopts_bf0_one.ts": (191, (352, 640), 7958),
    "glitch_late.mp4": (200, (352, 640), 7960),
    "gap_60s.mp4": (108, (576, 1024), 64_425),
    "vfr_idle_then_fast.mp4": (262, (576, 1024), 70_292),
    "interlaced.mp4": (96, (576, 1024), 7917),
    "seg_a.mp4": (32, (576, 1024), 1292),
    "seg_b.mp4": (76, (576, 1024), 3125),
    "vfr_control.mp4": (262, (576, 1024), 10_875),
    "bars_none.mp4": (480, (352, 640), 20_000),
    "bars_pillar.mp4": (480, (480, 960), 20_000),
    "parked_bus.mp4": (240, (576, 1024), 11_950),
    "parked_free.mp4": (240, (576, 1024), 11_950),
}


def test_no_progressive_real_clip_is_taken_for_interlaced(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deinterlace, "_graph", None)
    for path in [*shared_data.glob("video/*.mp4"), *shared_data.glob("mot/*/video.mp4")]:
        assert list(islice(video.frames(path, 30), 3)), path


@pytest.mark.parametrize("name", CASES)
def test_a_shared_case_is_read_right(shared_data: Path, name: str) -> None:
    path = shared_data / "cases" / name
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    source = VideoFile(path, 1)
    given = [(frame.offset_ms, frame.image.shape[:2]) for frame in source.frames()]
    assert (len(given), given[0][1], given[-1][0], source.damage) == (*CASES[name], None)
    assert all(later > earlier for (earlier, _), (later, _) in pairwise(given))


def test_the_mirrored_shared_clip_is_the_original_mirrored(shared_data: Path) -> None:
    mirrored = shared_data / "cases" / "hflip.mp4"
    if not mirrored.is_file():
        pytest.skip(f"{mirrored} is absent")
    original = first_image(shared_data / "video" / "otvision_cars_truck_800x600_60f.mp4")
    pictures = [first_image(mirrored), cv2.flip(first_image(mirrored), 1), cv2.flip(first_image(mirrored), 0)]
    distances = [float(np.abs(original.astype(int) - picture).mean()) for picture in pictures]
    assert min(distances[:2]) < distances[2] / 3
