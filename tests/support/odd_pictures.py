"""Files with unusual pictures and groups of pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from video_analysis.tests.support import synthetic_clips as clips
from video_analysis.tests.support.odd_file import (
    B_FRAMES,
    EVEN_MS,
    HEVC,
    SIZE,
    Odd,
    filtered,
    joined_packets,
    kind,
    plain,
)


@kind
def webm_of_641_by_359_pixels(folder: Path) -> Odd:
    path = clips.write(
        folder / "a.mkv", EVEN_MS[:12], codec="libvpx-vp9", size=(641, 359), codec_options={"deadline": "realtime"}
    )
    return Odd(path, EVEN_MS[:12], size=(641, 359))


@kind
def h264_444_of_641_by_359_pixels(folder: Path) -> Odd:
    frames = (frame.reformat(format="yuv444p") for frame in clips.picture_frames(12, (641, 359)))
    return Odd(clips.write_frames(folder / "a.mp4", frames, options={"qp": "0"}), EVEN_MS[:12], size=(641, 359))


@kind
def hevc_main_10(folder: Path) -> Odd:
    frames = (frame.reformat(format="yuv420p10le") for frame in clips.picture_frames(12))
    return Odd(clips.write_frames(folder / "a.mp4", frames, codec="libx265", options=HEVC), EVEN_MS[:12])


@kind
def h264_of_10_bit_422(folder: Path) -> Odd:
    frames = (frame.reformat(format="yuv422p10le") for frame in clips.picture_frames(12))
    return Odd(clips.write_frames(folder / "a.mp4", frames, options=B_FRAMES), EVEN_MS[:12])


@kind
def webm_with_an_alpha_channel(folder: Path) -> Odd:
    frames = (frame.reformat(format="yuva420p") for frame in clips.picture_frames(12))
    options = {"deadline": "realtime", "auto-alt-ref": "0"}
    return Odd(clips.write_frames(folder / "a.mkv", frames, codec="libvpx-vp9", options=options), EVEN_MS[:12])


@kind
def webm_with_hidden_frames(folder: Path) -> Odd:
    options = {"deadline": "good", "cpu-used": "5", "auto-alt-ref": "1", "lag-in-frames": "16", "g": "24"}
    return Odd(clips.write(folder / "a.mkv", EVEN_MS, codec="libvpx", codec_options=options), EVEN_MS)


@kind
def h264_that_is_cropped_on_all_sides(folder: Path) -> Odd:
    path = filtered(plain(folder / "whole.mp4"), folder / "a.mp4", "h264_metadata=crop_left=16:crop_top=8:crop_right=8")
    return Odd(path, EVEN_MS, size=(SIZE[0] - 24, SIZE[1] - 8))


@kind
def wide_pixels_turned_by_a_quarter(folder: Path) -> Odd:
    matrix = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30]
    path = clips.write_frames(folder / "a.mp4", clips.picture_frames(12), pixel_aspect=Fraction(2, 1), matrix=matrix)
    return Odd(path, EVEN_MS[:12], size=(120, 320))


@kind
def intra_frames_only(folder: Path) -> Odd:
    return Odd(plain(folder / "a.mp4", {"g": "1"}), EVEN_MS)


@kind
def one_group_of_600_frames(folder: Path) -> Odd:
    times_ms = clips.every(40, 600)
    options = {"g": "9999", "bf": "3", "sc_threshold": "0", "preset": "ultrafast"}
    return Odd(clips.write(folder / "a.mp4", times_ms, codec_options=options, size=(64, 48)), times_ms, size=(64, 48))


@kind
def interlaced_mbaff(folder: Path) -> Odd:
    return Odd(plain(folder / "a.ts", {"x264-params": "tff=1:bframes=2", "g": "12"}), EVEN_MS)


@kind
def interlaced_mpeg2(folder: Path) -> Odd:
    options = {"flags": "+ildct+ilme", "g": "12", "bf": "2", "qscale": "2", "b": "4000000"}
    frames = clips.picture_frames(50)
    return Odd(clips.write_frames(folder / "a.ts", frames, codec="mpeg2video", options=options), EVEN_MS)


@kind
def mjpeg_avi_whose_pictures_vary_in_size(folder: Path) -> Odd:
    sizes = [(160, 120), (320, 240), (160, 120)]
    parts = [clips.write(folder / f"{n}.avi", EVEN_MS[:10], codec="mjpeg", size=size) for n, size in enumerate(sizes)]
    return Odd(joined_packets(parts, folder / "a.avi"), EVEN_MS[:30], [*range(10)] * 3)
