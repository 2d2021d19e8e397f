"""Unusual encodings: pixel formats, extreme sizes, two video streams or none, joined clips of different sizes."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import cast

import av

from video_analysis.tests.chaos.bad_clips import CUTS, Broken, hit
from video_analysis.tests.support import synthetic_clips

FRAMES = 12
PIXELS = {
    "libx264": ["yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuv420p10le", "yuv444p10le", "gray", "gray10le"],
    "libx265": ["yuv420p", "yuv420p10le", "yuv444p12le", "gray"],
    "libvpx-vp9": ["yuv420p", "yuv444p", "gbrp"],
    "ffv1": ["gray16le", "bgra", "yuva420p", "gbrp16le"],
    "mpeg4": ["yuv420p"],
    "mpeg2video": ["yuv422p"],
    "mjpeg": ["yuvj444p"],
    "png": ["rgb24", "rgba", "rgb48be", "monob"],
    "rawvideo": ["bgr24", "rgb565le", "uyvy422"],
    "prores_ks": ["yuv422p10le", "yuva444p10le"],
    "qtrle": ["argb", "rgb555be"],
}
QUICK = {
    "libx264": {"preset": "ultrafast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx-vp9": {"deadline": "realtime"},
}
IN_MOV = {"prores_ks", "qtrle", "png", "rawvideo"}
SIZES = [("libx264", 2, 2), ("libx264", 16, 16), ("mjpeg", 16_384, 16), ("mjpeg", 16, 16_384), ("mjpeg", 16_400, 16)]
SIZES += [("libx264", 8000, 7984), ("mjpeg", 8100, 8100), ("libx264", 4096, 4096), ("png", 16_384, 3900)]


def all_of(source: Path, scratch: Path, seed: int) -> Iterator[Broken]:
    """Every unusual encoding, of the frames of one real clip; temporary files are written to `scratch`."""
    rng = random.Random(seed)
    pictures = _pictures(source)
    for codec, formats in PIXELS.items():
        for pixels in formats:
            yield (
                f"odd pixels {codec}",
                _written(pictures, [(codec, pixels, (320, 240))], "mov" if codec in IN_MOV else "matroska"),
            )
    for codec, width, height in SIZES:
        pixels = {"mjpeg": "yuvj420p", "png": "gray"}.get(codec, "yuv420p")
        yield "absurd size", _written(pictures[:2], [(codec, pixels, (width, height))], "mov")
    small, large = ("libx264", "yuv420p", (160, 120)), ("libx264", "yuv420p", (640, 480))
    for streams in ([small, large], [large, small], [("mjpeg", "yuvj420p", (64, 64)), large], [small, small]):
        for container in ("mp4", "matroska", "mpegts", "avi"):
            if container != "mpegts" or streams[0][0] == "libx264":
                yield "two streams", _written(pictures, streams, container)
    yield from _joined(pictures, small, large)
    yield "no video stream", synthetic_clips.write_audio_only(scratch / "sound.mp4").read_bytes()
    web = {"movflags": "faststart"}
    parts = {"movflags": "frag_keyframe+empty_moov"}
    for family, options in (("truncated faststart", web), ("truncated fragments", parts)):
        for clip in sorted(source.parent.glob("*.mp4")):
            content = _remuxed(clip, scratch / "whole.mp4", options)
            yield from ((family, content[: int(len(content) * rng.random())]) for _ in range(CUTS // 2))
            yield f"bit-flipped {family.split()[1]}", hit(content, rng)


Stream = tuple[str, str, tuple[int, int]]
"""Codec, pixel format, size."""


def _joined(pictures: Sequence[av.VideoFrame], small: Stream, large: Stream) -> Iterator[Broken]:
    """Two clips of different sizes in one file."""
    for container in ("mpegts", "mp4", "matroska"):
        for first, second in ((small, large), (large, small)):
            yield "joined sizes", _written(pictures, [first], container) + _written(pictures, [second], container)


def _pictures(source: Path) -> list[av.VideoFrame]:
    with av.open(str(source)) as clip:
        return list(islice(clip.decode(video=0), FRAMES))


def _written(pictures: Sequence[av.VideoFrame], streams: Sequence[Stream], container: str) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        made = []
        for codec, pixels, size in streams:
            options = QUICK.get(codec, {})
            stream = cast("av.VideoStream", output.add_stream(codec, rate=25, options=options))
            (stream.width, stream.height), stream.pix_fmt = size, pixels
            made.append(stream)
        for index, picture in enumerate(pictures):
            for stream in made:
                frame = picture.reformat(stream.width, stream.height, stream.pix_fmt)
                frame.pts, frame.time_base = index, Fraction(1, 25)
                output.mux(stream.encode(frame))
        for stream in made:
            output.mux(stream.encode(None))
    return target.getvalue()


def _remuxed(source: Path, target: Path, options: dict[str, str]) -> bytes:
    with av.open(str(source)) as original, av.open(str(target), "w", options=options) as output:
        video = original.streams.video[0]
        copy = output.add_stream_from_template(video)
        for packet in original.demux(video):
            if packet.dts is not None:
                packet.stream = copy
                output.mux(packet)
    return target.read_bytes()
